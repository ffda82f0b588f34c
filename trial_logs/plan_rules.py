"""What a trial plan must be to be stored: every problem at once, at its key in a plan file."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trial_logs.errors import Problem
from trial_logs.model import Condition, TrialDraft
from trial_logs.protocol_rules import limit_problems, protocol_problems, repeated


def draft_problems(draft: TrialDraft) -> Iterator[Problem]:
    """Everything wrong with a draft; keys count from 1, `limits[2].unit`."""
    for name in ("booking_id", "party_id", "equipment_id", "title"):
        if not getattr(draft, name).strip():
            yield Problem(name, "trial.field_missing", {"field": name})
    if not draft.conditions:
        yield Problem("conditions", "trial.no_condition")
    yield from repeated("conditions", "name", [each.name for each in draft.conditions])
    yield from repeated("limits", "characteristic", [each.characteristic for each in draft.limits])
    for place, limit in enumerate(draft.limits, 1):
        yield from limit_problems(f"limits[{place}]", limit)
    for place, condition in enumerate(draft.conditions, 1):
        yield from condition_problems(f"conditions[{place}]", condition)
    yield from protocol_problems(draft.protocol, draft.conditions)


def condition_problems(key: str, condition: Condition) -> Iterator[Problem]:
    """Everything wrong with one condition: its name and its bands."""
    if not condition.name.strip():
        yield Problem(f"{key}.name", "trial.field_missing", {"field": "conditions"})
    for place, band in enumerate(condition.bands, 1):
        sides = [side for side in (band.low, band.high) if side is not None]
        upright = sides == sorted(sides) and all(math.isfinite(side) for side in sides)
        if not sides or not upright or not band.hold_s > 0:
            named = {"name": f"{band.device}.{band.signal}"}
            yield Problem(f"{key}.bands[{place}]", "trial.bad_band", named)
