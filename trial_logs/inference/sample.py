"""Intervals of one sample: mean, standard deviation, quantiles, throughput per hour."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache

from trial_logs.inference.interval import LEVEL, NO_METHOD, NO_SPREAD, Interval, bare
from trial_logs.metrics import NO_DATA, TOO_FEW, quantile

SECONDS_PER_HOUR = 3600.0


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Arithmetic mean and sample standard deviation (n − 1) by two exact sums.

    Values that are all the same have no spread, not the rounding of their mean (three times 0.1).
    """
    if min(values) == max(values):
        return values[0], 0.0
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The mean with x̄ ± t·s/√n; see `mean_of_summary`."""
    if len(values) < 2:
        n, estimate = len(values), values[0] if values else None
        return bare(estimate, n, TOO_FEW if n else NO_DATA, level=level, needed=2 - n)
    mean, sd = mean_and_sd(values)
    return mean_of_summary(mean, sd, len(values), level)


def mean_of_summary(mean: float, sd: float, n: int, level: float = LEVEL) -> Interval:
    """x̄ ± t(1−α/2; n−1)·s/√n, exact for normal values.

    Student (1908); NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2.
    """
    if n < 2:
        return bare(mean, n, TOO_FEW, level=level, needed=2 - n)
    if sd == 0:
        return bare(mean, n, NO_SPREAD, level=level)
    half = student(n - 1, level) * sd / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, level, n, "interval.student_t")


def sd_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The standard deviation with its interval; see `sd_of_summary`."""
    if len(values) < 2:
        n = len(values)
        return bare(None, n, TOO_FEW if n else NO_DATA, level=level, needed=2 - n)
    return sd_of_summary(mean_and_sd(values)[1], len(values), level)


def sd_of_summary(sd: float, n: int, level: float = LEVEL) -> Interval:
    """s·√((n−1)/χ²) at both ends of χ² with n − 1 degrees of freedom, exact for normal values.

    Hahn & Meeker, Statistical Intervals (1991), 4.4; NIST/SEMATECH e-Handbook, 7.2.3.1.
    """
    if n < 2:
        return bare(None, n, TOO_FEW, level=level, needed=2 - n)
    if sd == 0:
        return bare(sd, n, NO_SPREAD, level=level)
    low, high = (sd * math.sqrt((n - 1) / end) for end in reversed(chi_square(n - 1, level)))
    return Interval(sd, low, high, level, n, "interval.chi_square")


def quantile_interval(values: Sequence[float], p: float, level: float = LEVEL) -> Interval:
    """The p-quantile between two of the sorted values, whatever their distribution.

    Coverage is at least `level`: each end leaves out (1 − level)/2 at most, by the exact binomial
    distribution (Conover, Practical Nonparametric Statistics, 3.2; Hahn & Meeker 1991, 5.2). The
    estimate is definition 7 of Hyndman & Fan (1996), from ⌈1/min(p, 1−p)⌉ values on. An end that
    no value can bound is open, TOO_FEW, and `needed` says how many more values would close it.
    """
    n = len(values)
    if n == 0:
        return bare(None, 0, NO_DATA, level=level)
    ordered = sorted(values)
    estimate = quantile(ordered, p) if n * min(p, 1 - p) >= 1 else None
    below, above = order_ranks(n, p, level)
    low = ordered[below - 1] if below >= 1 else None
    high = ordered[above - 1] if above <= n else None
    if low is None or high is None:
        more = parts_for_quantile(p, level) - n
        return Interval(estimate, low, high, level, n, "interval.order_statistics", TOO_FEW, more)
    return Interval(estimate, low, high, level, n, "interval.order_statistics")


@lru_cache(maxsize=256)
def order_ranks(n: int, p: float, level: float) -> tuple[int, int]:
    """Ranks from 1 of the two order statistics; 0 and n + 1 stand for no such value.

    The lower rank is the largest r with P(B ≤ r − 1) ≤ α/2, the upper the smallest s with
    P(B ≥ s) ≤ α/2, for B binomial (n, p).
    """
    from scipy.special import bdtr, bdtrc

    tail, ranks = (1 - level) / 2, range(1, n + 1)
    below = bisect_right(ranks, tail, key=lambda rank: float(bdtr(rank - 1, n, p)))
    above = bisect_left(ranks, True, key=lambda rank: bool(bdtrc(rank - 1, n, p) <= tail))
    return below, above + 1


def parts_for_quantile(p: float, level: float = LEVEL) -> int:
    """The fewest values with which both ends of the p-quantile's interval exist.

    P(no value beyond) = max(p, 1−p)^n ≤ α/2 (Wilks 1941 for one side).
    """
    return math.ceil(math.log((1 - level) / 2) / math.log(max(p, 1 - p)) - 1e-9)


def throughput_per_hour(cycle_s: Sequence[float], level: float = LEVEL) -> Interval:
    """Parts per hour, 3600 ÷ mean cycle time in seconds, with the mean's interval turned over.

    A monotonic function of the mean, so the coverage is that of `mean_interval`. The upper end is
    open where the mean's interval reaches zero.
    """
    return throughput_of_mean(mean_interval(cycle_s, level))


def throughput_of_mean(mean: Interval) -> Interval:
    """The same from the mean cycle time's own interval, whatever its method."""
    level = mean.level
    if mean.estimate is None or mean.estimate <= 0:
        return bare(None, mean.n, mean.code or NO_DATA, level=level)
    estimate = SECONDS_PER_HOUR / mean.estimate
    if mean.low is None or mean.high is None:
        return bare(estimate, mean.n, mean.code, level=level, needed=mean.needed)
    high = SECONDS_PER_HOUR / mean.low if mean.low > 0 else None
    code = "" if mean.low > 0 else TOO_FEW
    return Interval(estimate, SECONDS_PER_HOUR / mean.high, high, level, mean.n, mean.method, code)


def energy_per_part(
    each_kwh: Sequence[float], total_per_part_kwh: float | None, level: float = LEVEL
) -> Interval:
    """Energy per part: the mean of the parts' own energies with its interval.

    Where only the run's total was measured there is one number and no spread: the number without
    an interval, NO_METHOD.
    """
    if each_kwh:
        return mean_interval(each_kwh, level)
    if total_per_part_kwh is None:
        return bare(None, 0, NO_DATA, level=level)
    return bare(total_per_part_kwh, 1, NO_METHOD, level=level)


@lru_cache(maxsize=4096)
def student(df: float, level: float) -> float:
    """The two-sided point of Student's t: P(|T| ≤ t) = level."""
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


@lru_cache(maxsize=4096)
def chi_square(df: float, level: float) -> tuple[float, float]:
    """The two points of χ² that leave (1 − level)/2 below and above."""
    from scipy.special import chdtri

    tail = (1 - level) / 2
    return float(chdtri(df, 1 - tail)), float(chdtri(df, tail))
