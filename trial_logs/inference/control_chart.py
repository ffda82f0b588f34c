"""Control charts: individuals with moving range, its limits and the run rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from trial_logs.inference.interval import NO_SPREAD
from trial_logs.metrics import NO_DATA, TOO_FEW

FEW_POINTS = "chart.few_points"
"""Limits from fewer than 20 points move a good deal with each further one."""
POINTS_FOR_LIMITS = 20
POINTS_FOR_ORDER = 8
CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class Signal:
    """A point at which a rule speaks: its place from 0 and the rule."""

    index: int
    rule: str
    """chart.rule_1 (beyond 3 sigma) … chart.rule_4 (8 on one side)."""


@dataclass(frozen=True, slots=True)
class IndividualsChart:
    """Values in order with centre and limits, their moving ranges, and the points that speak."""

    values: tuple[float, ...]
    centre: float | None
    lower: float | None
    upper: float | None
    sigma: float | None
    """Mean moving range ÷ d2, what the rules' zones are made of."""
    moving_ranges: tuple[float, ...]
    mean_range: float | None
    upper_range: float | None
    signals: tuple[Signal, ...]
    steady: bool | None
    """Whether the order of the points could be chance, see `is_steady`; None below 8."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class RangeConstants:
    """Factors of control charts for subgroups of n normal values."""

    n: int
    d2: float
    """Mean of the range in sigmas."""
    d3: float
    """Standard deviation of the range in sigmas."""
    c4: float
    """Mean of the standard deviation in sigmas."""
    a2: float
    """3 ÷ (d2·√n): limits of the means from the mean range."""
    range_low: float
    """D3 = max(0, 1 − 3·d3/d2)."""
    range_high: float
    """D4 = 1 + 3·d3/d2."""


@dataclass(frozen=True, slots=True)
class _Rule:
    code: str
    count: int
    window: int
    sigmas: float


RULES = (
    _Rule("chart.rule_1", 1, 1, 3.0),
    _Rule("chart.rule_2", 2, 3, 2.0),
    _Rule("chart.rule_3", 4, 5, 1.0),
    _Rule("chart.rule_4", 8, 8, 0.0),
)
"""Western Electric, Statistical Quality Control Handbook (1956); NIST/SEMATECH e-Handbook, 6.3.2:
so many of the last so many points beyond so many sigmas, all on one side."""


def individuals_chart(values: Sequence[float]) -> IndividualsChart:
    """Individuals and moving range of two: x̄ ± 3·MR̄/d2 (2.66·MR̄), MR up to D4·MR̄ (3.267·MR̄).

    Montgomery, Introduction to Statistical Quality Control, 6.4; NIST/SEMATECH e-Handbook,
    6.3.2.2. The points are judged against limits made from themselves.
    """
    n = len(values)
    shown = tuple(values)
    if n < 2:
        code = TOO_FEW if n else NO_DATA
        return IndividualsChart(shown, None, None, None, None, (), None, None, (), None, code)
    constants = range_constants(2)
    ranges = tuple(abs(shown[i] - shown[i - 1]) for i in range(1, n))
    centre, mean_range = math.fsum(shown) / n, math.fsum(ranges) / (n - 1)
    sigma = mean_range / constants.d2
    code = NO_SPREAD if sigma == 0 else FEW_POINTS if n < POINTS_FOR_LIMITS else ""
    return IndividualsChart(
        shown,
        centre,
        centre - 3 * sigma,
        centre + 3 * sigma,
        sigma,
        ranges,
        mean_range,
        constants.range_high * mean_range,
        () if sigma == 0 else signals([(value - centre) / sigma for value in shown]),
        is_steady(shown),
        code,
    )


def is_steady(values: Sequence[float]) -> bool | None:
    """Whether the order of the values could be chance (1 %): no drift, no shift, no swing.

    The four rules together speak every 92 points on average with nothing wrong (Champ & Woodall
    1987, Technometrics 29:393), so a signal alone says little of a long run. Here: the mean square
    successive difference, C = 1 − Σ(x_i − x_{i−1})² ÷ 2Σ(x_i − x̄)² with variance (n−2)/(n²−1)
    (Young 1941, Annals of Mathematical Statistics 12:293), near normal from n = 8 on.
    """
    n = len(values)
    if n < POINTS_FOR_ORDER or min(values) == max(values):
        return None
    centre = math.fsum(values) / n
    total = math.fsum((value - centre) ** 2 for value in values)
    steps = math.fsum((values[i] - values[i - 1]) ** 2 for i in range(1, n))
    score = (1 - steps / (2 * total)) / math.sqrt((n - 2) / (n * n - 1))
    return abs(score) <= NormalDist().inv_cdf(1 - CHANCE / 2)


def signals(scores: Sequence[float]) -> tuple[Signal, ...]:
    """Where the four rules speak, over points in sigmas from the centre; see RULES."""
    return tuple(
        Signal(i, rule.code)
        for i in range(len(scores))
        for rule in RULES
        if _speaks(rule, scores[max(0, i - rule.window + 1) : i + 1])
    )


def _speaks(rule: _Rule, window: Sequence[float]) -> bool:
    """The last point is beyond, and with it enough of the window on the same side."""
    side = math.copysign(1.0, window[-1])
    if side * window[-1] <= rule.sigmas:
        return False
    return sum(side * score > rule.sigmas for score in window) >= rule.count


@lru_cache(maxsize=32)
def range_constants(n: int) -> RangeConstants:
    """The constants for subgroups of n ≥ 2, integrated from the distribution of the range.

    P(R ≤ w) = n ∫ φ(x)·[Φ(x + w) − Φ(x)]^(n−1) dx (Tippett 1925, Biometrika 17:364);
    c4 = √(2/(n−1))·Γ(n/2)/Γ((n−1)/2).
    """
    import numpy as np
    from scipy.special import ndtr

    nodes, weights = np.polynomial.legendre.leggauss(200)
    x, wx = 9.0 * nodes, 9.0 * weights
    w, ww = 9.0 * (nodes + 1), 9.0 * weights
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    inside = ndtr(x[None, :] + w[:, None]) - ndtr(x)[None, :]
    beyond = 1 - n * (inside ** (n - 1)) @ (wx * density)
    d2 = float(ww @ beyond)
    d3 = math.sqrt(float(2 * ww @ (w * beyond)) - d2 * d2)
    c4 = math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
    width = 3 * d3 / d2
    return RangeConstants(n, d2, d3, c4, 3 / (d2 * math.sqrt(n)), max(0.0, 1 - width), 1 + width)
