"""Everything that can be inferred from one run's plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trial_logs.inference.capability import Capability
from trial_logs.inference.control_chart import IndividualsChart
from trial_logs.inference.interval import Interval
from trial_logs.inference.needed import Needed
from trial_logs.inference.proportion import ZeroDefects


@dataclass(frozen=True, slots=True)
class Measured:
    """The values of one characteristic with its limits, in the order they were made."""

    characteristic: str
    unit: str
    lower: float | None
    upper: float | None
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class RunInput:
    """A run's plain sequences: cycle times in order, verdict counts, measurements, energy."""

    cycle_s: Sequence[float]
    good: int
    scrap: int
    rework: int
    measured: Sequence[Measured] = ()
    energy_kwh_per_part: float | None = None
    """The run's energy ÷ its parts, where only the total was measured."""
    energy_kwh_each: Sequence[float] = ()
    """Energy of each part, where that was measured."""
    scrap_limit: float | None = None
    """The highest scrap share the party accepts."""
    width: float = 0.05
    """The half-width wanted of the mean cycle time, as a share of it."""


@dataclass(frozen=True, slots=True)
class RunInference:
    """One run's numbers with intervals, and how many more parts would decide."""

    cycle_mean_s: Interval
    cycle_median_s: Interval
    cycle_p95_s: Interval
    cycle_sd_s: Interval
    throughput_per_h: Interval
    yield_share: Interval
    scrap_share: Interval
    zero_defects: ZeroDefects | None
    """Only when parts were judged and none was scrap."""
    energy_kwh_per_part: Interval
    capability: tuple[tuple[Measured, Capability], ...]
    cycle_chart: IndividualsChart
    needed: tuple[Needed, ...]
    warnings: tuple[str, ...]
