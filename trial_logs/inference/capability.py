"""Machine capability against a tolerance: Cm and Cmk with intervals and normality check.

Parts of one run come from one machine, one set-up and a short time. Their spread says what the
machine can do (Cm, Cmk; ISO 22514-3 calls it machine performance), not what a process will hold
for months: Cp/Cpk need subgroups over weeks under a stable control chart, Pp/Ppk all of its parts.
The formulas are the same; the name keeps the reader from taking one for the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from trial_logs.inference.interval import LEVEL, NO_METHOD, NO_SPREAD, Interval, bare
from trial_logs.inference.normality import NOT_NORMAL, Normality, check_normality
from trial_logs.inference.sample import chi_square, mean_and_sd
from trial_logs.metrics import NO_DATA, TOO_FEW, quantile

FEW_PARTS = "capability.few_parts"
"""Fewer than the 50 consecutive parts a machine capability study asks for."""
UNTESTED = "capability.normality_untested"
NO_LIMITS = "capability.no_limits"
ONE_SIDED = "capability.one_sided"
"""With one limit there is no tolerance to set the spread against: Cmk only."""
PARTS_FOR_STUDY = 50
LOW_SHARE, HIGH_SHARE = 0.00135, 0.99865
PARTS_FOR_PERCENTILES = math.ceil(1 / LOW_SHARE)
"""741: from here on at least one part is expected beyond each percentile."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Indices of one characteristic from one run (one machine, one go: Cm/Cmk, not Cp/Cpk)."""

    n: int
    mean: float | None
    sd: float | None
    lower: float | None
    upper: float | None
    """The specification limits; None for a side without one."""
    normality: Normality
    cm: Interval
    """Spread against tolerance, two-sided limits only; exact by chi-square."""
    cmk: Interval
    """The worse side; two-sided interval after Bissell (1990), approximate."""
    cmk_bound: Interval
    """Cmk with the one-sided lower bound by the non-central t: exact for a one-sided limit,
    at least `level` for a two-sided one."""
    percentile_cm: Interval
    percentile_cmk: Interval
    """The same from percentiles (ISO 22514-2), for values that are not normal; no interval."""
    codes: tuple[str, ...] = ()
    """What to print beside the indices: few parts, not normal, no spread."""


def capability(
    values: Sequence[float],
    lower: float | None,
    upper: float | None,
    level: float = LEVEL,
) -> Capability:
    """Cm and Cmk of a run's values against one or two limits, each with what is known of it.

    Values that are not normal keep their indices, marked NOT_NORMAL; the percentile method
    stands beside them from 741 values on, below it is refused with how many are missing.
    """
    n = len(values)
    normality = check_normality(values)
    refused = NO_LIMITS if lower is None and upper is None else _refusal(values)
    if refused:
        none = bare(None, n, refused, level=level, needed=2 - n if n < 2 else None)
        mean = math.fsum(values) / n if n else None
        return Capability(
            n, mean, None, lower, upper, normality, none, none, none, none, none, (refused,)
        )
    mean, sd = mean_and_sd(values)
    codes = [FEW_PARTS] if n < PARTS_FOR_STUDY else []
    codes += {None: [UNTESTED], False: [NOT_NORMAL], True: []}[normality.normal]
    return Capability(
        n,
        mean,
        sd,
        lower,
        upper,
        normality,
        cm=_orient(cm_interval(sd, n, lower, upper, level)),
        cmk=_orient(cmk_interval(mean, sd, n, lower, upper, level)),
        cmk_bound=cmk_lower_bound(mean, sd, n, lower, upper, level),
        percentile_cm=_percentile(values, lower, upper, level, spread_only=True),
        percentile_cmk=_percentile(values, lower, upper, level, spread_only=False),
        codes=tuple(codes),
    )


def cm_interval(
    sd: float, n: int, lower: float | None, upper: float | None, level: float = LEVEL
) -> Interval:
    """(U − L) ÷ 6s with Ĉ·√(χ²/(n−1)) at both ends of χ²: exact for normal values.

    Chou, Owen & Borrego (1990), Journal of Quality Technology 22:223; NIST/SEMATECH e-Handbook,
    6.1.6 and Kotz & Johnson, Process Capability Indices (1993), 2.3.
    """
    if lower is None or upper is None:
        return bare(None, n, ONE_SIDED, level=level)
    estimate = (upper - lower) / (6 * sd)
    low, high = (estimate * math.sqrt(end / (n - 1)) for end in chi_square(n - 1, level))
    return Interval(estimate, low, high, level, n, "interval.chi_square")


def cmk_interval(
    mean: float,
    sd: float,
    n: int,
    lower: float | None,
    upper: float | None,
    level: float = LEVEL,
) -> Interval:
    """min(U − x̄, x̄ − L) ÷ 3s ± z·√(1/(9n) + Ĉ²/(2(n−1))): approximate.

    Bissell (1990), Applied Statistics 39:331; NIST/SEMATECH e-Handbook, 6.1.6.
    """
    estimate = min(_sides(mean, sd, lower, upper))
    z = NormalDist().inv_cdf((1 + level) / 2)
    half = z * math.sqrt(1 / (9 * n) + estimate**2 / (2 * (n - 1)))
    return Interval(estimate, estimate - half, estimate + half, level, n, "interval.bissell")


def cmk_lower_bound(
    mean: float,
    sd: float,
    n: int,
    lower: float | None,
    upper: float | None,
    level: float = LEVEL,
) -> Interval:
    """Cmk with the lower end c for which 3√n·Ĉ is the `level` point of t'(n−1; 3√n·c).

    Exact for one limit: (U − x̄)/s·√n follows the non-central t (Chou, Owen & Borrego 1990; Kotz &
    Johnson 1993, 2.4). For two limits the smaller of the two bounds: the true Cmk is one side's,
    and the smaller bound exceeds it no oftener than that side's own.
    """
    scale = 3 * math.sqrt(n)
    estimate = min(_sides(mean, sd, lower, upper))
    low = noncentrality(scale * estimate, n - 1, level) / scale
    return Interval(estimate, low, None, level, n, "interval.noncentral_t")


def noncentrality(t: float, df: int, level: float) -> float:
    """The non-centrality δ with P(T'(df; δ) ≤ t) = level; falls as level rises.

    P(T' ≤ t) = ∫ Φ(t·s − δ) f(s) ds over s = √(χ²/df) (Owen 1968, Technometrics 10:445), by
    quadrature: library routines for the non-central t give up on the large values a wide
    tolerance leads to.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    points, weights = _scaled_chi(df)
    z = NormalDist().inv_cdf(level)
    step = 2.0 + math.sqrt(1 + t * t / (2 * df))
    low = high = t - z * step

    def beyond(delta: float) -> float:
        return float(weights @ ndtr(t * points - delta)) - level

    while beyond(low) < 0:
        low -= step
    while beyond(high) > 0:
        high += step
    return float(brentq(beyond, low, high, xtol=1e-11, rtol=1e-13))


@lru_cache(maxsize=64)
def _scaled_chi(df: int) -> tuple[Any, Any]:
    """Points and weights for integrals over the density of √(χ²/df), by Gauss-Legendre."""
    import numpy as np
    from scipy.special import chdtri, gammaln

    low, high = (math.sqrt(float(chdtri(df, tail)) / df) for tail in (1 - 1e-15, 1e-16))
    nodes, weights = np.polynomial.legendre.leggauss(256)
    points = (high - low) / 2 * nodes + (high + low) / 2
    constant = math.log(2) + df / 2 * math.log(df / 2) - float(gammaln(df / 2))
    density = np.exp(constant + (df - 1) * np.log(points) - df * points**2 / 2)
    weights = (high - low) / 2 * weights * density
    return points, weights / weights.sum()


def _orient(index: Interval) -> Interval:
    """Marked with how many parts a study still lacks."""
    missing = PARTS_FOR_STUDY - index.n
    return index.noted(FEW_PARTS, missing) if missing > 0 and index.method else index


def _sides(mean: float, sd: float, lower: float | None, upper: float | None) -> list[float]:
    high = [] if upper is None else [(upper - mean) / (3 * sd)]
    return high + ([] if lower is None else [(mean - lower) / (3 * sd)])


def _refusal(values: Sequence[float]) -> str:
    if len(values) < 2:
        return TOO_FEW if values else NO_DATA
    return NO_SPREAD if min(values) == max(values) else ""


def _percentile(
    values: Sequence[float],
    lower: float | None,
    upper: float | None,
    level: float,
    *,
    spread_only: bool,
) -> Interval:
    """(U − L) ÷ (X99.865 − X0.135), and the sides from the median: ISO 22514-2, method by
    percentiles of the values themselves (definition 7 of Hyndman & Fan)."""
    n = len(values)
    if spread_only and (lower is None or upper is None):
        return bare(None, n, ONE_SIDED, level=level)
    if n < PARTS_FOR_PERCENTILES:
        return bare(None, n, TOO_FEW, level=level, needed=PARTS_FOR_PERCENTILES - n)
    ordered = sorted(values)
    low, middle, high = (quantile(ordered, p) for p in (LOW_SHARE, 0.5, HIGH_SHARE))
    ratios = []
    if spread_only and lower is not None and upper is not None:
        ratios = [(upper - lower, high - low)]
    else:
        ratios += [] if upper is None else [(upper - middle, high - middle)]
        ratios += [] if lower is None else [(middle - lower, middle - low)]
    if any(spread == 0 for _, spread in ratios):
        return bare(None, n, NO_SPREAD, level=level)
    return bare(min(room / spread for room, spread in ratios), n, NO_METHOD, level=level)
