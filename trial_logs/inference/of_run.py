"""Everything that can be inferred from one run's plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trial_logs.inference.capability import Capability, capability
from trial_logs.inference.control_chart import IndividualsChart, individuals_chart
from trial_logs.inference.interval import LEVEL, NO_LOWER, Interval
from trial_logs.inference.needed import Needed, parts_for_scrap_limit, parts_for_width
from trial_logs.inference.normality import NOT_NORMAL, Normality, check_normality
from trial_logs.inference.proportion import ZeroDefects, defect_share, wilson, zero_defects
from trial_logs.inference.sample import (
    energy_per_part,
    mean_interval,
    quantile_interval,
    sd_interval,
    throughput_per_hour,
)
from trial_logs.metrics import TOO_FEW

UNSTABLE = "chart.unstable"
"""The run was hardly one steady process (`IndividualsChart.steady`): intervals are too narrow."""
MANY = 30
"""From here on the mean of values that are not normal is near enough to normal (the usual rule
of the central limit theorem; not exact)."""


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
    cycle_normality: Normality
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
    """Codes to print above the numbers, each once."""


def of_run(run: RunInput, level: float = LEVEL) -> RunInference:
    """All of one run. Shares are of judged parts: good + scrap + rework.

    Cycle times that are not normal keep Student's interval of the mean from 30 values on; with
    fewer it is marked NOT_NORMAL, and so is the interval of the standard deviation at any count.
    Median and p95 need no such assumption. No time or energy has an end below 0.
    """
    judged = run.good + run.scrap + run.rework
    normality = check_normality(run.cycle_s)
    skewed = normality.normal is False
    few = skewed and len(run.cycle_s) < MANY
    mean = mean_interval(run.cycle_s, level)
    sd = sd_interval(run.cycle_s, level)
    shown = (mean.noted(NOT_NORMAL) if few else mean).never_negative(_until_above_zero(mean, sd))
    throughput = throughput_per_hour(run.cycle_s, level)
    energy = energy_per_part(run.energy_kwh_each, run.energy_kwh_per_part, level)
    chart = individuals_chart(run.cycle_s)
    indices = tuple(
        (each, capability(each.values, each.lower, each.upper, level)) for each in run.measured
    )
    return RunInference(
        cycle_mean_s=shown,
        cycle_median_s=quantile_interval(run.cycle_s, 0.5, level),
        cycle_p95_s=quantile_interval(run.cycle_s, 0.95, level),
        cycle_sd_s=sd.noted(NOT_NORMAL) if skewed else sd,
        cycle_normality=normality,
        throughput_per_h=throughput.noted(NOT_NORMAL) if few else throughput,
        yield_share=wilson(run.good, judged, level),
        scrap_share=defect_share(run.scrap, judged, level),
        zero_defects=zero_defects(judged, level) if judged and not run.scrap else None,
        energy_kwh_per_part=energy.never_negative(),
        capability=indices,
        cycle_chart=chart,
        needed=_needed(run, mean, sd, judged, level),
        warnings=_warnings(shown, chart, indices, few=few),
    )


def _until_above_zero(mean: Interval, sd: Interval) -> int | None:
    """How many more parts would bring the mean's lower end above 0, at the spread seen."""
    if mean.estimate is None or sd.estimate is None:
        return None
    return parts_for_width(mean.estimate, sd.estimate, mean.n, 1.0, mean.level).more


def _needed(
    run: RunInput, mean: Interval, sd: Interval, judged: int, level: float
) -> tuple[Needed, ...]:
    found = []
    if mean.estimate is not None and sd.estimate is not None:
        found.append(parts_for_width(mean.estimate, sd.estimate, mean.n, run.width, level))
    if run.scrap_limit is not None and judged:
        found.append(parts_for_scrap_limit(run.scrap, judged, run.scrap_limit, level))
    return tuple(found)


def _warnings(
    mean: Interval,
    chart: IndividualsChart,
    indices: tuple[tuple[Measured, Capability], ...],
    *,
    few: bool,
) -> tuple[str, ...]:
    codes = [mean.code] if mean.code in (TOO_FEW, NO_LOWER) else []
    codes += [NOT_NORMAL] if few else []
    codes += [UNSTABLE] if chart.steady is False else []
    codes += [code for _, each in indices for code in each.codes]
    return tuple(dict.fromkeys(codes))
