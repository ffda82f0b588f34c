"""Before and after, one condition against another: differences and ratios with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trial_logs.inference.between_runs import (
    Groups,
    RunError,
    error_interval,
    filled,
    run_error,
    run_means,
)
from trial_logs.inference.interval import LEVEL, NO_METHOD, NO_SPREAD, Interval, bare
from trial_logs.inference.sample import mean_and_sd, mean_of_summary, student
from trial_logs.metrics import NO_DATA, TOO_FEW

BASELINE_UNCERTAIN = "number.baseline_uncertain"
"""The baseline is one number: how sure it is is not known, the interval is the trial's alone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one side: mean, with spread and count where somebody measured them."""

    mean: float
    sd: float | None = None
    n: int | None = None
    runs: RunError | None = None
    """How sure the mean is where it is one over several runs; then their spread counts."""

    @property
    def error(self) -> tuple[float, float] | None:
        """Variance of the mean and its degrees of freedom; None where nobody knows them."""
        if self.runs is not None:
            return self.runs.variance, self.runs.df
        if self.sd is None or self.n is None or self.n < 2:
            return None
        return self.sd * self.sd / self.n, self.n - 1


@dataclass(frozen=True, slots=True)
class Difference:
    """After against before, for a mean (in its unit) or a share (0…1)."""

    before: Interval
    after: Interval
    difference: Interval
    """after − before."""
    ratio: Interval
    """after ÷ before; 0.8 is a fifth less."""

    @property
    def decided(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.difference.excludes(0.0)


def known(values: Sequence[float]) -> Known:
    """Mean, standard deviation and count of raw values (at least one)."""
    if len(values) < 2:
        return Known(values[0], None, len(values))
    mean, sd = mean_and_sd(values)
    return Known(mean, sd, len(values))


def known_of_runs(groups: Groups, level: float = LEVEL) -> Known | None:
    """What is known of a condition's mean over its runs, of one run as `known`; None: nothing."""
    runs, error = filled(groups), run_error(groups, level)
    if error is None:
        return known(runs[0]) if runs else None
    means = run_means(runs)
    return Known(math.fsum(means) / len(means), n=sum(map(len, runs)), runs=error)


def mean_difference(before: Known, after: Known, level: float = LEVEL) -> Difference:
    """Two means measured apart, or a trial's mean against a baseline given as one number.

    Both with spread: Welch's interval for the difference, the MOVER interval for the ratio. A
    baseline without spread: the trial's own interval, moved or divided, BASELINE_UNCERTAIN.
    """
    first, second = _interval(before, level), _interval(after, level)
    if second.low is None or second.high is None:
        nothing = bare(after.mean - before.mean, second.n, second.code, needed=second.needed)
        return Difference(first, second, nothing, replace(nothing, estimate=_over(after, before)))
    if before.error is None:
        return _against_number(before.mean, first, second)
    return Difference(first, second, welch(before, after, level), ratio_of_means(first, second))


def welch(before: Known, after: Known, level: float = LEVEL) -> Interval:
    """after − before ± t·√(s₁²/n₁ + s₂²/n₂), degrees of freedom after Welch-Satterthwaite.

    Welch (1947), Biometrika 34:28; NIST/SEMATECH e-Handbook, 7.3.1. Approximate, and close to its
    level from a handful of values on. Both sides need a spread and two values; a mean over runs
    goes in with the variance and the degrees of freedom of its runs (Satterthwaite 1946,
    Biometrics Bulletin 2:110).
    """
    half, n = welch_half_width(before, after, level), (before.n or 0) + (after.n or 0)
    estimate = after.mean - before.mean
    if half == 0:
        return bare(estimate, n, NO_SPREAD, level=level)
    return Interval(estimate, estimate - half, estimate + half, level, n, "interval.welch")


def welch_half_width(before: Known, after: Known, level: float) -> float:
    """Half the width of Welch's interval; a side without spread or count adds nothing."""
    squares = [side.error for side in (before, after) if side.error is not None]
    total = sum(square for square, _ in squares)
    if total == 0:
        return 0.0
    df = total**2 / sum(square**2 / free for square, free in squares)
    return student(df, level) * math.sqrt(total)


def ratio_of_means(before: Interval, after: Interval) -> Interval:
    """after ÷ before from both means' intervals (MOVER-R); open when `before` reaches zero.

    Donner & Zou (2012), Statistical Methods in Medical Research 21:347, section 3; with symmetric
    intervals it has Fieller's form. Approximate.
    """
    n, level = before.n + after.n, after.level
    a, b = after.estimate, before.estimate
    if a is None or b is None or b <= 0:
        return bare(None, n, NO_DATA, level=level)
    h_a, h_b = after.half_width, before.half_width
    if h_a is None or h_b is None or h_b >= b:
        return bare(a / b, n, before.code or after.code or TOO_FEW, level=level)
    root = math.sqrt((a * b) ** 2 - (a * a - h_a * h_a) * (b * b - h_b * h_b))
    low, high = ((a * b + sign * root) / (b * b - h_b * h_b) for sign in (-1, 1))
    return Interval(a / b, low, high, level, n, "interval.mover")


def difference_of_shares(first: Interval, second: Interval) -> Difference:
    """Two shares, each with its interval: hybrid score interval of second − first.

    Method 10 of Newcombe (1998), Statistics in Medicine 17:873, without continuity correction. The
    intervals may be those of several runs (Zou & Donner 2008, Statistics in Medicine 27:1693).
    """
    n, level = first.n + second.n, second.level
    if first.estimate is None or second.estimate is None:
        nothing = bare(None, n, NO_DATA, level=level)
        return Difference(first, second, nothing, nothing)
    low = _square_and_add(second.estimate, second.low, first.estimate, first.high)
    high = _square_and_add(second.estimate, second.high, first.estimate, first.low)
    estimate = second.estimate - first.estimate
    difference = Interval(estimate, estimate - low, estimate + high, level, n, "interval.newcombe")
    ratio = second.estimate / first.estimate if first.estimate else None
    return Difference(first, second, difference, bare(ratio, n, NO_METHOD, level=level))


def _against_number(number: float, first: Interval, second: Interval) -> Difference:
    """The second side's interval, moved by and divided by a number taken as it is."""

    def turned(value: float | None, scale: float, shift: float) -> float | None:
        return None if value is None else value * scale - shift

    def interval(scale: float, shift: float) -> Interval:
        ends = (turned(end, scale, shift) for end in (second.estimate, second.low, second.high))
        estimate, low, high = ends
        code = second.code or BASELINE_UNCERTAIN
        return Interval(estimate, low, high, second.level, second.n, second.method, code)

    ratio = interval(1 / number, 0.0) if number > 0 else bare(None, second.n, NO_DATA)
    return Difference(first, second, interval(1.0, number), ratio)


def _interval(side: Known, level: float) -> Interval:
    if side.runs is not None:
        return error_interval(side.mean, side.runs, side.n or 0, level)
    if side.n == 1:
        return bare(side.mean, 1, TOO_FEW, level=level, needed=1)
    if side.sd is None or side.n is None:
        return bare(side.mean, side.n or 0, BASELINE_UNCERTAIN, level=level)
    return mean_of_summary(side.mean, side.sd, side.n, level)


def _over(after: Known, before: Known) -> float | None:
    return after.mean / before.mean if before.mean > 0 else None


def _square_and_add(a: float, a_end: float | None, b: float, b_end: float | None) -> float:
    return math.hypot(a - (a if a_end is None else a_end), (b if b_end is None else b_end) - b)
