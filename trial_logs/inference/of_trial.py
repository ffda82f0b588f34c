"""Conditions of a trial beside its baseline: differences with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trial_logs.inference.difference import (
    Difference,
    Known,
    known,
    mean_difference,
    share_against_number,
    share_difference,
)
from trial_logs.inference.interval import LEVEL
from trial_logs.inference.needed import Needed, parts_for_difference


@dataclass(frozen=True, slots=True)
class BaselineInput:
    """現状: cycle time and scrap as known; raw values win over mean, sd and n."""

    cycle: Known | None = None
    cycle_s: tuple[float, ...] = ()
    scrap_share: float | None = None
    scrap: int | None = None
    judged: int | None = None
    """Scrap counted among `judged` parts; wins over the bare share."""


@dataclass(frozen=True, slots=True)
class ConditionInput:
    """What was recorded under one condition (its comparable runs together)."""

    name: str
    cycle_s: tuple[float, ...]
    scrap: int
    judged: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition against the baseline or another condition."""

    condition: str
    against: str
    """The other condition's name; empty for the baseline."""
    cycle_s: Difference | None
    scrap_share: Difference | None
    needed: Needed | None
    """Parts until the cycle times would be told apart, at the difference seen; None once they
    are, or where nothing can be compared."""


def against_baseline(
    baseline: BaselineInput, condition: ConditionInput, level: float = LEVEL
) -> Comparison:
    """The condition after, the baseline before; what either side lacks is None."""
    before = known(baseline.cycle_s) if baseline.cycle_s else baseline.cycle
    scrap = None
    if condition.judged and baseline.judged:
        counts = (baseline.scrap or 0, baseline.judged)
        scrap = share_difference(counts, (condition.scrap, condition.judged), level)
    elif condition.judged and baseline.scrap_share is not None:
        after = (condition.scrap, condition.judged)
        scrap = share_against_number(baseline.scrap_share, after, level)
    return _compare(condition, "", before, scrap, level, grow_both=False)


def between(first: ConditionInput, second: ConditionInput, level: float = LEVEL) -> Comparison:
    """The second condition after, the first before; further parts would be run on both."""
    before = known(first.cycle_s) if first.cycle_s else None
    scrap = None
    if first.judged and second.judged:
        scrap = share_difference((first.scrap, first.judged), (second.scrap, second.judged), level)
    return _compare(second, first.name, before, scrap, level, grow_both=True)


def _compare(
    condition: ConditionInput,
    against: str,
    before: Known | None,
    scrap: Difference | None,
    level: float,
    *,
    grow_both: bool,
) -> Comparison:
    if before is None or not condition.cycle_s:
        return Comparison(condition.name, against, None, scrap, None)
    after = known(condition.cycle_s)
    cycle = mean_difference(before, after, level)
    needed = None
    if not cycle.decided:
        needed = parts_for_difference(before, after, level, grow_both=grow_both)
    sides = {"before": cycle.before.never_negative(), "after": cycle.after.never_negative()}
    return Comparison(condition.name, against, replace(cycle, **sides), scrap, needed)
