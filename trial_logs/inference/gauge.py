"""Gauge study (GRR, crossed, ANOVA): how much of the spread is the measuring itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trial_logs.inference.interval import LEVEL, NO_SPREAD, Interval
from trial_logs.inference.sample import chi_square
from trial_logs.metrics import NO_DATA

UNBALANCED = "gauge.unbalanced"
TOO_SMALL = "gauge.too_small"
POOL_ABOVE = 0.25
"""The interaction is pooled when its p-value is above this (AIAG MSA, 4th edition, appendix A)."""
SPREAD_SIGMAS = 6.0
CATEGORIES = 1.41

Reading = tuple[str, str, float]
"""Part, operator, value."""
MeanSquare = tuple[float, float, int]
"""Coefficient, mean square, degrees of freedom."""


@dataclass(frozen=True, slots=True)
class AnovaLine:
    """One source of the F table: part, operator, interaction, repeatability or total."""

    source: str
    df: int
    ss: float
    ms: float | None
    f: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the spread: variance, deviation with interval, and its shares."""

    source: str
    """gauge.ev, gauge.av, gauge.interaction, gauge.grr, gauge.pv or gauge.tv."""
    variance: float
    sd: Interval
    """Standard deviation with interval, in the unit of the values."""
    share_variance: float
    """Variance ÷ total variance (%contribution / 100)."""
    share_study: float
    """sd ÷ total sd (%study variation / 100)."""
    share_tolerance: float | None
    """6 sd ÷ tolerance width, None without a tolerance."""


@dataclass(frozen=True, slots=True)
class GaugeStudy:
    """A crossed study, or `code` saying why it cannot be computed (then all else is empty)."""

    parts: int
    operators: int
    trials: int
    pooled: bool
    """Whether the interaction was pooled into repeatability (its p above the limit)."""
    anova: tuple[AnovaLine, ...]
    """With interaction."""
    anova_pooled: tuple[AnovaLine, ...]
    """Without interaction; empty when it was not pooled."""
    components: tuple[Component, ...]
    grr_study: Interval | None
    """%study of GRR / 100 with interval."""
    ndc: int | None
    """Number of distinct categories, 1.41 PV ÷ GRR cut to a whole number, at least 1."""
    code: str = ""


def gauge_study(
    readings: Iterable[Reading],
    tolerance: float | None = None,
    *,
    pool_above: float | None = POOL_ABOVE,
    level: float = LEVEL,
) -> GaugeStudy:
    """ANOVA of every part measured by every operator equally often; `tolerance` is its width.

    AIAG, Measurement Systems Analysis, 4th edition, appendix A: random parts and operators;
    negative variances are zero. `pool_above` None never pools. Cells of unequal count are refused
    (UNBALANCED); less than 2 parts, 2 operators and 2 trials too (TOO_SMALL).
    """
    cells = _cells(readings)
    parts, operators, trials, code = _shape(cells)
    if code:
        return GaugeStudy(parts, operators, trials, False, (), (), (), None, None, code)
    full = _anova(cells, parts, operators, trials)
    interaction_p = full[2].p
    pooled = pool_above is not None and interaction_p is not None and interaction_p > pool_above
    reduced = _pool(full) if pooled else ()
    part, operator, *rest = (
        (line.ms or 0.0, line.df) for line in (reduced or full) if line.ms is not None
    )
    crossed, error = rest if len(rest) == 2 else (rest[0], rest[0])
    terms = _terms(part, operator, crossed, error, parts, operators, trials)
    components = _components(terms, tolerance, level, pooled)
    sd = {each.source: math.sqrt(each.variance) for each in components}
    grr, pv = sd["gauge.grr"], sd["gauge.pv"]
    return GaugeStudy(
        parts,
        operators,
        trials,
        pooled,
        full,
        reduced,
        components,
        _grr_study(part, operator, crossed, error, parts, operators, trials, level),
        max(1, int(CATEGORIES * pv / grr)) if grr > 0 else None,
    )


def mls_interval(terms: Sequence[MeanSquare], level: float = LEVEL) -> tuple[float, float]:
    """Ends of the interval of Σ c·MS by the modified large-sample method, not below zero.

    All coefficients positive: Graybill & Wang (1980), JASA 75:869. One positive and one negative:
    Ting, Burdick, Graybill, Jeyaratnam & Lu (1990), J. Stat. Comput. Simul. 35:135; both in
    Burdick, Borror & Montgomery, Design and Analysis of Gauge R&R Studies (2005), chapter 3.
    """
    estimate = sum(c * ms for c, ms, _ in terms)
    below = above = 0.0
    for c, ms, df in terms:
        g, h = _spread(df, level)
        below += ((g if c > 0 else h) * c * ms) ** 2
        above += ((h if c > 0 else g) * c * ms) ** 2
    if any(c < 0 for c, _, _ in terms):
        (c1, ms1, df1), (c2, ms2, df2) = terms
        (g1, h1), (g2, h2) = _spread(df1, level), _spread(df2, level)
        low, high = f_points(df1, df2, level)
        cross = c1 * ms1 * -c2 * ms2
        below += ((high - 1) ** 2 - (g1 * high) ** 2 - h2**2) / high * cross
        above += ((1 - low) ** 2 - (h1 * low) ** 2 - g2**2) / low * cross
    return (
        max(0.0, estimate - math.sqrt(max(below, 0.0))),
        max(0.0, estimate + math.sqrt(max(above, 0.0))),
    )


def f_points(df1: int, df2: int, level: float) -> tuple[float, float]:
    """The two points of F that leave (1 − level)/2 below and above."""
    from scipy.special import fdtri

    return float(fdtri(df1, df2, (1 - level) / 2)), float(fdtri(df1, df2, (1 + level) / 2))


def _cells(readings: Iterable[Reading]) -> dict[tuple[str, str], list[float]]:
    cells: dict[tuple[str, str], list[float]] = {}
    for part, operator, value in readings:
        cells.setdefault((part, operator), []).append(value)
    return cells


def _shape(cells: dict[tuple[str, str], list[float]]) -> tuple[int, int, int, str]:
    parts, operators = (len({key[side] for key in cells}) for side in (0, 1))
    counts = {len(values) for values in cells.values()}
    if not cells:
        return 0, 0, 0, NO_DATA
    trials = min(counts)
    if len(cells) != parts * operators or len(counts) > 1:
        return parts, operators, trials, UNBALANCED
    if min(parts, operators, trials) < 2:
        return parts, operators, trials, TOO_SMALL
    values = [value for cell in cells.values() for value in cell]
    return parts, operators, trials, NO_SPREAD if min(values) == max(values) else ""


def _anova(
    cells: dict[tuple[str, str], list[float]], parts: int, operators: int, trials: int
) -> tuple[AnovaLine, ...]:
    """Two-way crossed analysis of variance; F of parts and operators against the interaction."""
    values = [value for cell in cells.values() for value in cell]
    grand = math.fsum(values) / len(values)
    means = {key: math.fsum(cell) / trials for key, cell in cells.items()}

    def between(side: int, each: int) -> float:
        names = {key[side] for key in means}
        levels = (
            math.fsum(mean for key, mean in means.items() if key[side] == name) for name in names
        )
        return each * math.fsum((total * trials / each - grand) ** 2 for total in levels)

    total = math.fsum((value - grand) ** 2 for value in values)
    ss_part = between(0, operators * trials)
    ss_operator = between(1, parts * trials)
    ss_cells = trials * math.fsum((mean - grand) ** 2 for mean in means.values())
    error = math.fsum((value - means[key]) ** 2 for key, cell in cells.items() for value in cell)
    df = (parts - 1, operators - 1, (parts - 1) * (operators - 1), parts * operators * (trials - 1))
    crossed = max(0.0, ss_cells - ss_part - ss_operator)
    return (
        _line("gauge.part", df[0], ss_part, crossed, df[2]),
        _line("gauge.operator", df[1], ss_operator, crossed, df[2]),
        _line("gauge.interaction", df[2], crossed, error, df[3]),
        _line("gauge.repeatability", df[3], error),
        AnovaLine("gauge.total", len(values) - 1, total, None, None, None),
    )


def _pool(full: tuple[AnovaLine, ...]) -> tuple[AnovaLine, ...]:
    part, operator, crossed, error, total = full
    ss, df = crossed.ss + error.ss, crossed.df + error.df
    return (
        _line(part.source, part.df, part.ss, ss, df),
        _line(operator.source, operator.df, operator.ss, ss, df),
        _line(error.source, df, ss),
        total,
    )


def _line(source: str, df: int, ss: float, against: float = 0.0, against_df: int = 0) -> AnovaLine:
    from scipy.special import fdtrc

    ms = ss / df
    if not against_df or against == 0:
        return AnovaLine(source, df, ss, ms, None, None)
    f = ms / (against / against_df)
    return AnovaLine(source, df, ss, ms, f, float(fdtrc(df, against_df, f)))


def _terms(
    part: tuple[float, int],
    operator: tuple[float, int],
    crossed: tuple[float, int],
    error: tuple[float, int],
    p: int,
    o: int,
    r: int,
) -> dict[str, list[MeanSquare]]:
    """Each component as a sum of mean squares, from their expectations (random model)."""

    def term(coefficient: float, square: tuple[float, int]) -> MeanSquare:
        return coefficient, square[0], square[1]

    pr, po, po_r = p * r, o * r, p * o * r
    if crossed is error:  # pooled: one mean square stands for both
        return {
            "gauge.ev": [term(1, error)],
            "gauge.av": [term(1 / pr, operator), term(-1 / pr, error)],
            "gauge.grr": [term(1 / pr, operator), term(1 - 1 / pr, error)],
            "gauge.pv": [term(1 / po, part), term(-1 / po, error)],
            "gauge.tv": [
                term(1 / po, part),
                term(1 / pr, operator),
                term(1 - 1 / po - 1 / pr, error),
            ],
        }
    return {
        "gauge.ev": [term(1, error)],
        "gauge.av": [term(1 / pr, operator), term(-1 / pr, crossed)],
        "gauge.interaction": [term(1 / r, crossed), term(-1 / r, error)],
        "gauge.grr": [
            term(1 / pr, operator),
            term((p - 1) / pr, crossed),
            term((r - 1) / r, error),
        ],
        "gauge.pv": [term(1 / po, part), term(-1 / po, crossed)],
        "gauge.tv": [
            term(p / po_r, part),
            term(o / po_r, operator),
            term((p * o - p - o) / po_r, crossed),
            term((r - 1) / r, error),
        ],
    }


def _components(
    terms: dict[str, list[MeanSquare]], tolerance: float | None, level: float, pooled: bool
) -> tuple[Component, ...]:
    """AIAG's components: GRR and TV are sums of the ones cut off at zero."""
    variance = {
        source: max(0.0, sum(c * ms for c, ms, _ in squares)) for source, squares in terms.items()
    }
    inner = variance["gauge.ev"] + variance["gauge.av"] + variance.get("gauge.interaction", 0.0)
    variance["gauge.grr"] = inner
    variance["gauge.tv"] = total = inner + variance["gauge.pv"]
    found = []
    for source, squares in terms.items():
        sd = math.sqrt(variance[source])
        low, high = (math.sqrt(end) for end in mls_interval(squares, level))
        n = squares[0][2] + 1
        exact = len(squares) == 1
        method = "interval.chi_square" if exact else "interval.mls"
        found.append(
            Component(
                source,
                variance[source],
                Interval(sd, low, high, level, n, method),
                variance[source] / total if total else 0.0,
                sd / math.sqrt(total) if total else 0.0,
                SPREAD_SIGMAS * sd / tolerance if tolerance else None,
            )
        )
    return tuple(found)


def _grr_study(
    part: tuple[float, int],
    operator: tuple[float, int],
    crossed: tuple[float, int],
    error: tuple[float, int],
    p: int,
    o: int,
    r: int,
    level: float,
) -> Interval:
    """√(GRR² ÷ TV²) from the interval of PV² ÷ GRR².

    Arteaga, Jeyaratnam & Graybill (1982), Comm. Stat. Theory Methods 11:1623; Burdick, Borror &
    Montgomery (2005), chapter 3 with interaction, and its model without where it was pooled.
    """
    (ms_part, df_part), (ms_operator, df_operator), (ms_crossed, df_crossed) = (
        part,
        operator,
        crossed,
    )
    g, h = _spread(df_part, level)
    f_low, f_high = f_points(df_part, df_crossed, level)
    o_low, o_high = f_points(df_part, df_operator, level)
    within = (p - 1) * ms_crossed + p * (r - 1) * error[0]

    def ratio(scale: float, f_crossed: float, f_operator: float) -> float:
        if crossed is error and ms_part > 0:  # pooled
            over = scale * ms_part - ms_crossed
            over += (f_crossed - scale * f_crossed**2) * ms_crossed**2 / ms_part
        else:
            over = scale * (ms_part - f_crossed * ms_crossed)
        return p * max(0.0, over) / (o * (within + scale * f_operator * ms_operator))

    least, most = ratio(1 - g, f_high, o_high), ratio(1 + h, f_low, o_low)
    pv = max(0.0, ms_part - ms_crossed) / (o * r)
    grr = (
        max(0.0, ms_operator - ms_crossed) / (p * r)
        + max(0.0, ms_crossed - error[0]) / r
        + error[0]
    )
    estimate = math.sqrt(grr / (grr + pv))
    low, high = (math.sqrt(1 / (1 + each)) for each in (most, least))
    return Interval(estimate, low, high, level, p, "interval.mls_ratio")


def _spread(df: int, level: float) -> tuple[float, float]:
    """G and H of the method: 1 − df/χ²(upper) and df/χ²(lower) − 1."""
    low, high = chi_square(df, level)
    return 1 - df / high, df / low - 1
