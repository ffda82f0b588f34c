"""The versions of a trial's plan: as canonical text with its digest, and what changed between two.

A plan may be amended. What it was before stays; which run was made under which version stands in
the run's own chain by digest (`RunHeader.plan_sha256`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from trial_logs.chain import canonical
from trial_logs.errors import NotPossibleNow, Problem
from trial_logs.model import (
    Band,
    Condition,
    Confidentiality,
    Limit,
    PlanVersion,
    Run,
    RunState,
    Trial,
    TrialDraft,
)
from trial_logs.protocol import (
    Baseline,
    Factor,
    Lot,
    Protocol,
    SampleSize,
    StopCause,
    StopKind,
    StopRule,
)

SAMPLE = "protocol.sample"
LISTS = {"limits": "characteristic", "conditions": "name"}
"""Lists whose rows are told apart by a name of their own."""


def plan_json(draft: TrialDraft) -> str:
    """The plan as one canonical text; equal plans give equal bytes."""
    return canonical(asdict(draft))


def digest(plan: str) -> str:
    """SHA-256 of a plan's canonical text."""
    return hashlib.sha256(plan.encode()).hexdigest()


def draft_of(plan: str) -> TrialDraft:
    """The plan a canonical text holds; keys a later release added get their defaults."""
    given: dict[str, Any] = json.loads(plan)
    conditions = (
        Condition(each["name"], each["settings"], tuple(Band(**b) for b in each["bands"]))
        for each in given.pop("conditions")
    )
    return TrialDraft(
        confidentiality=Confidentiality(given.pop("confidentiality")),
        limits=tuple(Limit(**each) for each in given.pop("limits")),
        conditions=tuple(conditions),
        protocol=_protocol(given.pop("protocol")),
        **given,
    )


def _protocol(given: dict[str, Any]) -> Protocol:
    baseline = given.pop("baseline")
    baseline["cycle_times_s"] = tuple(baseline["cycle_times_s"])
    return Protocol(
        baseline=Baseline(**baseline),
        factors=tuple(
            Factor(f["name"], tuple(f["levels"]), f["unit"]) for f in given.pop("factors")
        ),
        lots=tuple(Lot(**each) for each in given.pop("lots")),
        sample=SampleSize(**given.pop("sample")),
        stop_rules=tuple(
            StopRule(StopKind(each["kind"]), each["value"]) for each in given.pop("stop_rules")
        ),
        stop_causes=tuple(StopCause(**each) for each in given.pop("stop_causes")),
        **given,
    )


def as_of(trial: Trial, when: datetime) -> Trial:
    """The trial with the plan that was in force at a moment (the first one before any)."""
    known = tuple(each for each in trial.versions if each.made <= when) or trial.versions[:1]
    if not known or len(known) == len(trial.versions):
        return trial
    return replace(trial, draft=draft_of(known[-1].plan), versions=known)


def version_of(versions: Sequence[PlanVersion], sha256: str, started: datetime) -> int:
    """Under which version a run was made: by the digest in its record, else by when it began."""
    for each in reversed(versions):
        if each.sha256 == sha256 or (not sha256 and each.made <= started):
            return each.number
    return 0 if sha256 else 1


def changed_keys(before: str, after: str) -> tuple[str, ...]:
    """The keys of a plan file in which two plans differ, `protocol.sample.parts_per_run`."""
    return tuple(dict.fromkeys(_changed(json.loads(before), json.loads(after), "")))


def _changed(before: Any, after: Any, key: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from _changed(before.get(name), after.get(name), f"{key}.{name}".lstrip("."))
    elif key in LISTS and isinstance(before, list) and isinstance(after, list):
        rows = [{each[LISTS[key]]: each for each in one} for one in (before, after)]
        named = [name for name in dict.fromkeys([*rows[0], *rows[1]])
                 if rows[0].get(name) != rows[1].get(name)]  # fmt: skip
        yield from (f"{key}[{name}]" for name in named)
        if not named:
            yield key  # the order alone
    else:
        yield key


def refuse_amending(trial: Trial, runs: Iterable[Run], *, after_runs: bool) -> None:
    """Raises NotPossibleNow while a run is live, and after the first run unless that is meant."""
    begun = [run for run in runs if run.state is not RunState.PLANNED]
    for run in begun:
        if run.state.is_live:
            raise NotPossibleNow("trial.amend_while_live", run=run.id)
    if begun and not after_runs:
        raise NotPossibleNow("trial.plan_has_runs", trial=trial.id, runs=len(begun))


def amendment_problems(
    trial: Trial, draft: TrialDraft, runs: Iterable[Run], *, by: str, why: str
) -> Iterator[Problem]:
    """What an amended plan may not: change hands, lose what runs were made under, be unsigned."""
    for name in ("booking_id", "party_id", "equipment_id"):
        if getattr(draft, name) != getattr(trial.draft, name):
            yield Problem(name.removesuffix("_id"), "trial.amend_other_booking")
            break
    if not (by.strip() and why.strip()):
        yield Problem("why", "trial.amendment_unsigned")
    conditions = {each.name: each for each in draft.conditions}
    lots = {each.name for each in draft.protocol.lots}
    for run in runs:
        kept = conditions.get(run.condition)
        begun = run.state is not RunState.PLANNED
        if kept is None or (begun and kept != trial.condition(run.condition)):
            params = {"condition": run.condition, "run": run.id}
            yield Problem("conditions", "trial.condition_in_use", params)
        if run.lot and run.lot not in lots:
            yield Problem("protocol.lots", "trial.lot_in_use", {"lot": run.lot, "run": run.id})
