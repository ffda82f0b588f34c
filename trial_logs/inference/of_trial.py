"""Conditions of a trial beside its baseline: differences with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trial_logs.inference.between_runs import ONE_RUN, share_of_runs
from trial_logs.inference.difference import (
    Difference,
    Known,
    difference_of_shares,
    known,
    known_of_runs,
    mean_difference,
)
from trial_logs.inference.interval import LEVEL, Interval
from trial_logs.inference.needed import Needed, parts_for_difference
from trial_logs.inference.proportion import wilson


@dataclass(frozen=True, slots=True)
class BaselineInput:
    """現状: cycle time and scrap as known; raw values win over mean, sd and n."""

    cycle: Known | None = None
    cycle_s: tuple[float, ...] = ()
    scrap: int | None = None
    judged: int | None = None
    """Scrap counted among `judged` parts."""


@dataclass(frozen=True, slots=True)
class RunTally:
    """What one run gives to its condition's numbers."""

    cycle_s: tuple[float, ...]
    good: int
    scrap: int
    judged: int


@dataclass(frozen=True, slots=True)
class ConditionInput:
    """What was recorded under one condition: its comparable runs, each by itself."""

    name: str
    runs: tuple[RunTally, ...]

    @property
    def cycles(self) -> tuple[tuple[float, ...], ...]:
        """The cycle times of each run, in seconds."""
        return tuple(each.cycle_s for each in self.runs)

    @property
    def scrap(self) -> tuple[tuple[int, int], ...]:
        """Scrap and judged parts of each run."""
        return tuple((each.scrap, each.judged) for each in self.runs)

    @property
    def good(self) -> tuple[tuple[int, int], ...]:
        """Good and judged parts of each run."""
        return tuple((each.good, each.judged) for each in self.runs)

    @property
    def judged(self) -> int:
        """Judged parts of all runs."""
        return sum(each.judged for each in self.runs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition against the baseline."""

    condition: str
    cycle_s: Difference | None
    scrap_share: Difference | None
    needed: Needed | None
    """Parts (or runs) until the cycle times would be told apart, at the difference seen; None once
    they are, or where nothing can be compared."""


def against_baseline(
    baseline: BaselineInput, condition: ConditionInput, level: float = LEVEL
) -> Comparison:
    """The condition after, the baseline before; what either side lacks is None."""
    before = known(baseline.cycle_s) if baseline.cycle_s else baseline.cycle
    scrap = None
    if condition.judged and baseline.judged:
        told = wilson(baseline.scrap or 0, baseline.judged, level)
        scrap = difference_of_shares(told, share_of_runs(condition.scrap, level))
    return _compare(condition, before, scrap, level)


def _compare(
    condition: ConditionInput, before: Known | None, scrap: Difference | None, level: float
) -> Comparison:
    if scrap is not None and len([n for _, n in condition.scrap if n]) == 1:
        scrap = replace(scrap, difference=_of_one_run(scrap.difference))
    after = known_of_runs(condition.cycles, level)
    if before is None or after is None:
        return Comparison(condition.name, None, scrap, None)
    cycle = mean_difference(before, after, level)
    needed = None
    if not cycle.decided:
        needed = parts_for_difference(before, after, level)
    difference = cycle.difference if after.runs else _of_one_run(cycle.difference)
    sides = {
        "difference": difference,
        "before": cycle.before.never_negative(),
        "after": cycle.after.never_negative(),
    }
    return Comparison(condition.name, replace(cycle, **sides), scrap, needed)


def _of_one_run(difference: Interval) -> Interval:
    return difference if difference.code or not difference.method else difference.noted(ONE_RUN)
