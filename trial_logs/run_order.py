"""Which runs a plan asks for, in which order, and what of it is left."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from trial_logs.errors import Invalid, Problem
from trial_logs.model import Condition, Run, RunState, TrialDraft
from trial_logs.protocol import Factor, Protocol
from trial_logs.shown import with_unit

BETWEEN = " / "
MOST_COMBINATIONS = 64


@dataclass(frozen=True, slots=True)
class Planned:
    """One run the plan asks for: its lot (empty without lots), condition and 1-based repeat."""

    lot: str
    condition: str
    repeat: int


@dataclass(frozen=True, slots=True)
class Made:
    """A run as the plan counts it, with the parts it produced."""

    run: Run
    parts: int


@dataclass(frozen=True, slots=True)
class ConditionLeft:
    """What is done of a condition and what is left; None: the plan fixes no number of parts."""

    condition: str
    runs_planned: int
    runs_done: int
    runs_left: int
    parts_missing: int | None


@dataclass(frozen=True, slots=True)
class PlanLeft:
    """Where a trial stands: condition by condition, and the run that comes next."""

    conditions: tuple[ConditionLeft, ...]
    next_run: Planned | None

    @property
    def is_done(self) -> bool:
        """Whether every planned run was finished with all its parts."""
        left = (each.runs_left or each.parts_missing for each in self.conditions)
        return self.next_run is None and not any(left)


def level_text(factor: Factor, level: str) -> str:
    """A level as it stands in a condition's settings: `50 %`."""
    return with_unit(level, factor.unit) if factor.unit else level


def combinations(factors: Sequence[Factor]) -> int:
    """How many conditions all combinations of the levels would be."""
    return prod(len(factor.levels) for factor in factors) if factors else 0


def expand(factors: Sequence[Factor]) -> tuple[Condition, ...]:
    """Every combination of the levels as a condition, the last factor changing fastest.

    Raises Invalid for more than anybody would try.
    """
    if not factors:
        return ()
    if (count := combinations(factors)) > MOST_COMBINATIONS:
        params = {"count": str(count), "most": str(MOST_COMBINATIONS)}
        raise Invalid((Problem("protocol.factors", "trial.too_many_combinations", params),))
    rows = product(*([level_text(factor, each) for each in factor.levels] for factor in factors))
    return tuple(
        Condition(BETWEEN.join(row), dict(zip((f.name for f in factors), row, strict=True)))
        for row in rows
    )


def planned_runs(protocol: Protocol, conditions: int) -> int:
    """How many runs the plan asks for."""
    return max(1, len(protocol.lots)) * conditions * max(0, protocol.sample.runs_per_condition)


def run_order(draft: TrialDraft) -> tuple[Planned, ...]:
    """Every planned run in its order: lot after lot, within a lot as written or randomised.

    The randomised order is that of SHA-256 over seed, lot, condition and repeat, so that the same
    seed gives the same order on every machine and in every release.
    """
    protocol = draft.protocol
    ordered: list[Planned] = []
    for lot in [each.name for each in protocol.lots] or [""]:
        block = [
            Planned(lot, condition.name, repeat)
            for repeat in range(1, protocol.sample.runs_per_condition + 1)
            for condition in draft.conditions
        ]
        ordered += _shuffled(protocol, block) if protocol.randomised else block
    return tuple(ordered)


def _shuffled(protocol: Protocol, block: Sequence[Planned]) -> Iterator[Planned]:
    """The block in its drawn order, repeats of a condition counted in the order they come."""
    seen: Counter[str] = Counter()
    for each in sorted(block, key=lambda one: _drawn(protocol, one)):
        seen[each.condition] += 1
        yield replace(each, repeat=seen[each.condition])


def _drawn(protocol: Protocol, planned: Planned) -> bytes:
    words = (protocol.seed, planned.lot, planned.condition, planned.repeat)
    return hashlib.sha256(repr(words).encode()).digest()


def plan_left(draft: TrialDraft, made: Sequence[Made]) -> PlanLeft:
    """What is left of the plan; only finished runs count, and a live one is not planned again."""
    finished = [each for each in made if each.run.state is RunState.FINISHED]
    taken = Counter((each.run.lot, each.run.condition) for each in finished)
    taken.update((each.run.lot, each.run.condition) for each in made if not each.run.state.is_over)
    order = run_order(draft)
    return PlanLeft(
        conditions=tuple(_left(draft, each.name, order, finished) for each in draft.conditions),
        next_run=next((p for p in order if p.repeat > taken[p.lot, p.condition]), None),
    )


def _left(
    draft: TrialDraft, condition: str, order: Sequence[Planned], finished: Sequence[Made]
) -> ConditionLeft:
    own = [each for each in finished if each.run.condition == condition]
    planned = Counter(each.lot for each in order if each.condition == condition)
    done = Counter(each.run.lot for each in own)
    enough, wanted = draft.protocol.sample.parts_per_run, planned.total()
    return ConditionLeft(
        condition=condition,
        runs_planned=wanted,
        runs_done=len(own),
        runs_left=sum(max(0, count - done[lot]) for lot, count in planned.items()),
        parts_missing=None
        if enough is None
        else max(0, wanted * enough - sum(each.parts for each in own)),
    )
