"""Control charts: individuals with moving range, its limits and the run rules."""

from __future__ import annotations

from dataclasses import dataclass


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
    code: str = ""
