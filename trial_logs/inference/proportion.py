"""Shares of parts (yield, scrap): Wilson, Clopper-Pearson, and what zero defects prove."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from trial_logs.inference.interval import LEVEL, Interval, bare
from trial_logs.metrics import NO_DATA

ZERO_DEFECTS = "number.zero_defects"
"""None was found; that does not prove there are none."""


@dataclass(frozen=True, slots=True)
class ZeroDefects:
    """What no defect in n parts still allows, one-sided at `level`, as shares."""

    n: int
    level: float
    rule_of_three: float
    """3/n, the rule to say aloud (95 % only), at most 1."""
    exact: float
    """1 − (1 − level)^(1/n)."""


def wilson(count: float, n: float, level: float = LEVEL) -> Interval:
    """count ÷ n with the score interval, without continuity correction.

    Wilson (1927); method 3 of Newcombe (1998), Statistics in Medicine 17:857. `count` and `n` may
    be fractions of parts where a projection needs them.
    """
    if n <= 0:
        return bare(None, 0, NO_DATA, level=level)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = count / n
    middle = 2 * count + z * z
    spread = z * math.sqrt(z * z + 4 * count * (1 - share))
    whole = 2 * (n + z * z)
    low = 0.0 if count == 0 else (middle - spread) / whole
    high = 1.0 if count == n else (middle + spread) / whole
    return Interval(share, low, high, level, int(n), "interval.wilson")


def clopper_pearson(count: int, n: int, level: float = LEVEL) -> Interval:
    """count ÷ n with the interval that never covers less than `level`.

    Clopper & Pearson (1934), through the quantiles of the beta distribution; method 5 of
    Newcombe (1998).
    """
    from scipy.special import betaincinv

    if n <= 0:
        return bare(None, 0, NO_DATA, level=level)
    tail = (1 - level) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return Interval(count / n, low, high, level, n, "interval.clopper_pearson")


def zero_defects(n: int, level: float = LEVEL) -> ZeroDefects:
    """What zero defects in n parts (n ≥ 1) still allow, at most, with confidence `level`.

    3/n: Hanley & Lippman-Hand (1983), JAMA 249:1743. Exact: (1 − p)^n = 1 − level.
    """
    return ZeroDefects(n, level, min(1.0, 3 / n), 1 - (1 - level) ** (1 / n))


def defect_share(defects: int, n: int, level: float = LEVEL) -> Interval:
    """The share of defects: Wilson; with none found the exact one-sided limit, ZERO_DEFECTS."""
    if defects or n <= 0:
        return wilson(defects, n, level)
    high = zero_defects(n, level).exact
    return Interval(0.0, 0.0, high, level, n, "interval.zero_defects", ZERO_DEFECTS)
