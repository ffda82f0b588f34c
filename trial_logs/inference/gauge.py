"""Gauge study (GRR, crossed, ANOVA): how much of the spread is the measuring itself."""

from __future__ import annotations

from dataclasses import dataclass

from trial_logs.inference.interval import Interval


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
