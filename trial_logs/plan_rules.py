"""What a trial plan must be to be stored: every problem at once, field by field."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trial_logs.errors import Problem
from trial_logs.model import Condition, Limit, TrialDraft


def draft_problems(draft: TrialDraft) -> Iterator[Problem]:
    """Everything wrong with a draft, field by field."""
    for name in ("booking_id", "party_id", "equipment_id", "title"):
        if not getattr(draft, name).strip():
            yield Problem(name, "trial.field_missing", {"field": name})
    if not draft.conditions:
        yield Problem("conditions", "trial.no_condition")
    yield from repeated("conditions", [each.name for each in draft.conditions])
    yield from repeated("limits", [each.characteristic for each in draft.limits])
    for limit in draft.limits:
        if not _is_sound(limit):
            yield Problem("limits", "trial.bad_limit", {"name": limit.characteristic})
    for condition in draft.conditions:
        yield from condition_problems(condition)


def _is_sound(limit: Limit) -> bool:
    """Either nominal ± tolerance, or low ≤ high of which one may be open; never both ways."""
    given = [each for each in (limit.nominal, limit.low, limit.high) if each is not None]
    if not all(math.isfinite(each) for each in given):
        return False
    if limit.tolerance is not None:
        simple = limit.low is None and limit.high is None and limit.nominal is not None
        return simple and 0 <= limit.tolerance < math.inf
    sides = [each for each in (limit.low, limit.high) if each is not None]
    return bool(sides) and sides == sorted(sides)


def condition_problems(condition: Condition) -> Iterator[Problem]:
    """Everything wrong with one condition: its name and its bands."""
    if not condition.name.strip():
        yield Problem("conditions", "trial.field_missing", {"field": "conditions"})
    for band in condition.bands:
        sides = [side for side in (band.low, band.high) if side is not None]
        upright = sides == sorted(sides) and all(math.isfinite(side) for side in sides)
        if not sides or not upright or not band.hold_s > 0:
            yield Problem("bands", "trial.bad_band", {"name": f"{band.device}.{band.signal}"})


def repeated(field: str, names: list[str]) -> Iterator[Problem]:
    """A problem for every name that is there more than once."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(field, "trial.repeated_name", {"name": name})
