"""Conditions of a trial beside its baseline: differences with intervals."""

from __future__ import annotations

from dataclasses import dataclass

from trial_logs.inference.difference import Difference, Known
from trial_logs.inference.needed import Needed


@dataclass(frozen=True, slots=True)
class BaselineInput:
    """現状: cycle time and scrap as known; raw values win over mean, sd and n."""

    cycle: Known | None = None
    cycle_s: tuple[float, ...] = ()
    scrap_share: float | None = None
    scrap: int | None = None
    judged: int | None = None
    """Scrap counted among `judged` parts; wins over the bare share."""


@dataclass(frozen=True, slots=True)
class ConditionInput:
    """What was recorded under one condition (its comparable runs together)."""

    name: str
    cycle_s: tuple[float, ...]
    scrap: int
    judged: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition against the baseline or another condition."""

    condition: str
    against: str
    """The other condition's name; empty for the baseline."""
    cycle_s: Difference | None
    scrap_share: Difference | None
    needed: Needed | None
    """Parts until the cycle times would be told apart, at the difference seen."""
