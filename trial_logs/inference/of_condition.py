"""Everything that can be inferred from several runs of one condition together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trial_logs.inference.between_runs import (
    SEVERAL_RUNS,
    RunSpread,
    defects_of_runs,
    filled,
    mean_of_runs,
    run_error,
    run_means,
    run_spread,
    share_of_runs,
)
from trial_logs.inference.interval import LEVEL, Interval, bare
from trial_logs.inference.needed import Needed, runs_for_width
from trial_logs.inference.of_run import Measured, RunInference, RunInput, of_run
from trial_logs.inference.sample import throughput_of_mean


@dataclass(frozen=True, slots=True)
class Repeated:
    """One measured quantity over the runs of a condition; `name` empty: the cycle time."""

    name: str
    unit: str
    means: tuple[float, ...]
    """The mean of each run."""
    mean: Interval
    spread: RunSpread
    needed: Needed | None
    """Runs until the mean is known to within the wanted share of it."""


def of_condition(
    runs: Sequence[RunInput], together: RunInput, level: float = LEVEL
) -> RunInference:
    """The numbers of a condition's runs together; `together` has all their values in order.

    Of one run (or one with values) it is that run's own. Of several the mean, throughput and
    shares carry the spread from run to run; median, p95 and standard deviation stand without an
    interval, SEVERAL_RUNS.
    """
    found = of_run(together, level)
    cycles = [each.cycle_s for each in runs]
    judged = [each.good + each.scrap + each.rework for each in runs]
    good = list(zip((each.good for each in runs), judged, strict=True))
    scrap = list(zip((each.scrap for each in runs), judged, strict=True))
    found = replace(
        found,
        yield_share=share_of_runs(good, level),
        scrap_share=defects_of_runs(scrap, level),
    )
    error = run_error(cycles, level)
    if error is None:
        return found
    mean = mean_of_runs(cycles, level)
    needed = runs_for_width(mean.estimate or 0.0, error, together.width, level)
    above_zero = runs_for_width(mean.estimate or 0.0, error, 1.0, level)
    return replace(
        found,
        cycle_mean_s=mean.never_negative(above_zero.more),
        throughput_per_h=throughput_of_mean(mean),
        needed=(needed, *(each for each in found.needed if each.goal != "needed.width")),
        cycle_median_s=_bare(found.cycle_median_s),
        cycle_p95_s=_bare(found.cycle_p95_s),
        cycle_sd_s=_bare(found.cycle_sd_s),
    )


def repeated(runs: Sequence[RunInput], level: float = LEVEL) -> tuple[Repeated, ...]:
    """Cycle time and each measured characteristic over the runs; those of two runs or more."""
    found = [_repeated("", "s", [each.cycle_s for each in runs], runs[0].width, level)]
    for name, unit in dict.fromkeys(_keys(runs)):
        groups = [_values(each.measured, name, unit) for each in runs]
        found.append(_repeated(name, unit, groups, None, level))
    return tuple(each for each in found if len(each.means) > 1)


def _repeated(
    name: str, unit: str, groups: Sequence[Sequence[float]], width: float | None, level: float
) -> Repeated:
    mean, error = mean_of_runs(groups, level), run_error(groups, level)
    needed = None
    if error is not None and width is not None:
        needed = runs_for_width(mean.estimate or 0.0, error, width, level)
    means = tuple(run_means(filled(groups)))
    return Repeated(name, unit, means, mean, run_spread(groups, level), needed)


def _keys(runs: Iterable[RunInput]) -> list[tuple[str, str]]:
    return [(each.characteristic, each.unit) for run in runs for each in run.measured]


def _values(measured: Iterable[Measured], name: str, unit: str) -> list[float]:
    return [v for each in measured if (each.characteristic, each.unit) == (name, unit)
            for v in each.values]  # fmt: skip


def _bare(interval: Interval) -> Interval:
    code = SEVERAL_RUNS if interval.method else interval.code
    return bare(interval.estimate, interval.n, code, level=interval.level)
