"""How many more parts would decide: projections from what was seen so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

from trial_logs.inference.between_runs import RunError
from trial_logs.inference.difference import Known, welch_half_width
from trial_logs.inference.interval import LEVEL, NO_SPREAD
from trial_logs.inference.sample import student
from trial_logs.metrics import NO_DATA, TOO_FEW

PROJECTION = "needed.projection"
"""It holds if what comes is like what was seen."""
NO_NUMBER = "needed.no_number"
"""No number of parts would decide: there is no difference, or the baseline alone is too unsure."""
MOST_PARTS = 1_000_000
RUNS = "_runs"


@dataclass(frozen=True, slots=True)
class Needed:
    """How many parts a question takes in all and how many more; None when no number would do.

    A projection: it takes what was seen so far (spread, share, effect) to stay as it is.
    """

    goal: str
    """needed.width, needed.scrap_limit, needed.zero_defects, needed.difference; the width and the
    difference also with `_runs`: then runs are counted and not parts."""
    aim: float
    """The width as a share, the limit, the share to prove, or the difference seen."""
    total: int | None
    more: int | None
    code: str = ""

    @property
    def in_runs(self) -> bool:
        """Whether the numbers are runs."""
        return self.goal.endswith(RUNS)


def parts_for_width(mean: float, sd: float, n: int, share: float, level: float = LEVEL) -> Needed:
    """Until t(N−1)·s/√N ≤ share·|mean|: the smallest such N, at the spread seen.

    NIST/SEMATECH e-Handbook, 7.2.2.2 (with t in place of z, hence the search).
    """
    if n < 2 or mean == 0 or sd == 0:
        code = TOO_FEW if n < 2 else NO_SPREAD if mean else NO_DATA
        return Needed("needed.width", share, None, None, code)
    aim = share * abs(mean)
    total = _smallest(2, lambda parts: student(parts - 1, level) * sd <= aim * math.sqrt(parts))
    return _projected("needed.width", share, total, n)


def runs_for_width(mean: float, error: RunError, share: float, level: float = LEVEL) -> Needed:
    """Until t(K−1)·S*/√K ≤ share·|mean|: as `parts_for_width`, in runs like those seen."""
    goal = f"needed.width{RUNS}"
    if mean == 0 or error.one_run == 0:
        return Needed(goal, share, None, None, NO_SPREAD if mean else NO_DATA)
    aim = (share * mean) ** 2

    def narrow(runs: int) -> bool:
        return student(runs - 1, level) ** 2 * error.grown(runs).variance <= aim

    have = student(error.df, level) ** 2 * error.variance <= aim
    total = error.runs if have else _smallest(error.runs, narrow)
    return _projected(goal, share, total, error.runs)


def parts_for_scrap_limit(defects: int, judged: int, limit: float, level: float = LEVEL) -> Needed:
    """Until Wilson's interval of the scrap share excludes the limit (0…1), at the share seen.

    It excludes p₀ when (p̂ − p₀)² > z²·p₀(1 − p₀)/N. With no defect so far: until zero defects
    prove less than the limit, see `parts_for_zero_defects`.
    """
    if judged <= 0:
        return Needed("needed.scrap_limit", limit, None, None, NO_DATA)
    if defects == 0:
        wanted = parts_for_zero_defects(limit, level)
        return replace(wanted, more=_more(wanted.total, judged))
    distance = defects / judged - limit
    if distance == 0:
        return Needed("needed.scrap_limit", limit, None, None, NO_NUMBER)
    z = NormalDist().inv_cdf((1 + level) / 2)
    total = math.floor(z * z * limit * (1 - limit) / distance**2) + 1
    return _projected("needed.scrap_limit", limit, total, judged)


def parts_for_zero_defects(share: float, level: float = LEVEL) -> Needed:
    """Parts without a defect that prove a share of at most `share`: ⌈ln(1−level) ÷ ln(1−p₀)⌉.

    (1 − p₀)^n ≤ 1 − level: the zero-failure plan; Hahn & Meeker, Statistical Intervals (1991), 9.
    """
    if not 0 < share < 1:
        return Needed("needed.zero_defects", share, None, None, NO_NUMBER)
    total = math.ceil(math.log1p(-level) / math.log1p(-share) - 1e-9)
    return Needed("needed.zero_defects", share, total, total)


def parts_for_difference(before: Known, after: Known, level: float = LEVEL) -> Needed:
    """Until Welch's interval of the difference excludes zero, at the difference and spread seen.

    `more` are parts of `after`, or runs where it has several; a baseline stays as it is. None
    (NO_NUMBER) when there is no difference or the baseline's own uncertainty hides it, NO_SPREAD
    when all values of `after` are the same: more of them would say no more.
    """
    effect = after.mean - before.mean
    if after.runs is not None:
        return _runs_for_difference(before, after, after.runs, level)
    if after.sd is None or after.n is None or after.n < 2:
        return Needed("needed.difference", effect, None, None, TOO_FEW)
    if after.sd == 0:
        return Needed("needed.difference", effect, None, None, NO_SPREAD)
    start = after.n

    def decided(parts: int) -> bool:
        half = welch_half_width(before, replace(after, n=parts), level)
        return half < abs(effect)

    return _projected("needed.difference", effect, _smallest(start, decided), start)


def _runs_for_difference(before: Known, after: Known, error: RunError, level: float) -> Needed:
    goal, effect = f"needed.difference{RUNS}", after.mean - before.mean
    if error.one_run == 0:
        return Needed(goal, effect, None, None, NO_SPREAD)

    def decided(runs: int) -> bool:
        half = welch_half_width(before, replace(after, runs=error.grown(runs)), level)
        return half < abs(effect)

    return _projected(goal, effect, _smallest(error.runs + 1, decided), error.runs)


def _projected(goal: str, aim: float, total: int | None, have: int) -> Needed:
    if total is None:
        return Needed(goal, aim, None, None, NO_NUMBER)
    more = _more(total, have)
    return Needed(goal, aim, total, more, PROJECTION if more else "")


def _more(total: int | None, have: int) -> int | None:
    return None if total is None else max(0, total - have)


def _smallest(first: int, holds: Callable[[int], bool]) -> int | None:
    """The smallest number from `first` on from which it holds, up to MOST_PARTS."""
    below, above = first - 1, first
    while not holds(above):
        if above >= MOST_PARTS:
            return None
        below, above = above, min(2 * above, MOST_PARTS)
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if holds(middle) else (middle, above)
    return above
