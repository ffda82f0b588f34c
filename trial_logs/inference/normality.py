"""Whether values may be taken as normally distributed: two tests with their p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trial_logs.inference.interval import NO_SPREAD
from trial_logs.inference.sample import mean_and_sd
from trial_logs.metrics import NO_DATA, TOO_FEW

NOT_NORMAL = "number.not_normal"
MIN_FOR_TEST = 8
"""Below, neither test finds anything but the grossest; D'Agostino & Stephens state p from 8 on."""
MOST_FOR_SHAPIRO = 5000
"""The range of Royston's p-value."""
REJECT_BELOW = 0.05


@dataclass(frozen=True, slots=True)
class Normality:
    """Shapiro-Wilk and Anderson-Darling; None where the sample is too small or too large."""

    n: int
    shapiro_w: float | None
    shapiro_p: float | None
    anderson_a2: float | None
    """A², mean and deviation estimated from the sample, before any correction for its size."""
    anderson_p: float | None
    normal: bool | None
    """False when rejected at 5 %; True when not; None when it could not be tested."""
    code: str = ""


def check_normality(values: Sequence[float]) -> Normality:
    """Both tests; Shapiro-Wilk decides up to 5000 values, Anderson-Darling beyond.

    Shapiro & Wilk (1965) with the p-value of Royston (1995, AS R94); Anderson & Darling (1954)
    with Stephens' p-value. Deciding by one of the two keeps the rate of false alarms at 5 %.
    """
    n = len(values)
    if n < MIN_FOR_TEST:
        return _untested(n, TOO_FEW if n else NO_DATA)
    if min(values) == max(values):
        return _untested(n, NO_SPREAD)
    a2 = anderson_darling(values)
    a2_p = anderson_p(a2, n)
    w, w_p = _shapiro(values) if n <= MOST_FOR_SHAPIRO else (None, None)
    normal = (a2_p if w_p is None else w_p) >= REJECT_BELOW
    return Normality(n, w, w_p, a2, a2_p, normal, "" if normal else NOT_NORMAL)


def anderson_darling(values: Sequence[float]) -> float:
    """A² = −n − Σ (2i−1)/n · [ln Φ(z_i) + ln(1 − Φ(z_{n+1−i}))] with estimated mean and s.

    NIST/SEMATECH e-Handbook, 1.3.5.14.
    """
    from scipy.special import log_ndtr

    mean, sd = mean_and_sd(values)
    scores = [(value - mean) / sd for value in sorted(values)]
    n = len(scores)
    below = log_ndtr(scores)
    above = log_ndtr([-score for score in reversed(scores)])
    terms = ((2 * i + 1) * float(below[i] + above[i]) for i in range(n))
    return -n - math.fsum(terms) / n


def anderson_p(a2: float, n: int) -> float:
    """p-value of A² for normality with both parameters estimated.

    Stephens in D'Agostino & Stephens, Goodness-of-Fit Techniques (1986), table 4.9, with
    A* = A²·(1 + 0.75/n + 2.25/n²).
    """
    a = a2 * (1 + 0.75 / n + 2.25 / n**2)
    if a < 0.2:
        return 1 - math.exp(-13.436 + 101.14 * a - 223.73 * a * a)
    if a < 0.34:
        return 1 - math.exp(-8.318 + 42.796 * a - 59.938 * a * a)
    if a < 0.6:
        return math.exp(0.9177 - 4.279 * a - 1.38 * a * a)
    return math.exp(1.2937 - 5.709 * min(a, 13.0) + 0.0186 * min(a, 13.0) ** 2)


def _shapiro(values: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import shapiro

    found = shapiro(values)
    return float(found.statistic), float(found.pvalue)


def _untested(n: int, code: str) -> Normality:
    return Normality(n, None, None, None, None, None, code)
