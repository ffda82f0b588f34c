"""Several runs of one condition: their parts share set-up, lot and day and are not independent.

The model is y = µ + run + part, both random and normal (one-way, random effects). The mean is the
plain mean of the run means, whatever their sizes: it is what a further run would give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trial_logs.inference.gauge import mls_interval
from trial_logs.inference.interval import LEVEL, NO_METHOD, NO_SPREAD, Interval, bare
from trial_logs.inference.proportion import defect_share, wilson
from trial_logs.inference.sample import mean_and_sd, mean_interval, student
from trial_logs.metrics import NO_DATA, TOO_FEW

SEVERAL_RUNS = "number.several_runs"
"""No method here puts the spread from run to run into this number's interval."""
ONE_RUN = "number.one_run"
"""One side is one run: what another run of it would give is not in the difference."""
FACTOR = 2.0

Groups = Sequence[Sequence[float]]
"""The values of each run, runs without values among them or not."""
Counts = Sequence[tuple[int, int]]
"""(count, n) of each run."""


@dataclass(frozen=True, slots=True)
class RunError:
    """How sure the mean over runs is: its variance and the degrees of freedom of that."""

    runs: int
    variance: float
    df: int
    method: str
    one_run: float
    """The variance of the mean of a single further run, for projections."""

    def grown(self, runs: int) -> RunError:
        """The same after so many runs in all, at the spread seen."""
        return RunError(runs, self.one_run / runs, runs - 1, self.method, self.one_run)


@dataclass(frozen=True, slots=True)
class RunSpread:
    """The spread from run to run beside the spread within runs, as standard deviations."""

    runs: int
    n: int
    within: float | None
    """None where every run has one value only."""
    between: Interval
    p: float | None
    """The chance of run means so far apart if runs did not differ (F test); None: no test."""


@dataclass(frozen=True, slots=True)
class _Squares:
    """The analysis of variance: mean squares between and within, and n₀ of unequal runs."""

    between: float
    within: float
    df_between: int
    df_within: int
    size: float


def filled(groups: Groups) -> list[Sequence[float]]:
    """The runs that have values."""
    return [each for each in groups if len(each)]


def run_means(groups: Groups) -> list[float]:
    """The mean of each run that has values."""
    return [math.fsum(each) / len(each) for each in filled(groups)]


def run_error(groups: Groups, level: float = LEVEL) -> RunError | None:
    """The variance of the mean of run means; None with fewer than two runs.

    S*² ÷ k with k − 1 degrees of freedom, S* the standard deviation of the k run means: exact for
    runs of one size, the method of unweighted means for others (Burdick & Graybill, Confidence
    Intervals on Variance Components, 1992, 3.2 and 4.2; Searle, Casella & McCulloch, Variance
    Components, 1992, 3.3). Run means that happen to lie close would promise more than the parts
    themselves do; then the spread within runs stands, MSW·Σ(1/nᵢ) ÷ k² with N − k degrees, so
    that coverage is at least the level with runs of one size.
    """
    runs, means = filled(groups), run_means(groups)
    k, n = len(runs), sum(map(len, runs))
    if k < 2:
        return None
    seen = mean_and_sd(means)[1] ** 2 / k
    within = 0.0
    if n > k:
        within = _within(runs, means) / (n - k) * math.fsum(1 / len(run) for run in runs) / k**2
    one_run = k * max(seen, within)
    by_parts = within and student(n - k, level) ** 2 * within > student(k - 1, level) ** 2 * seen
    if by_parts:
        return RunError(k, within, n - k, "interval.within_runs", one_run)
    return RunError(k, seen, k - 1, "interval.run_means", one_run)


def mean_of_runs(groups: Groups, level: float = LEVEL) -> Interval:
    """The mean over runs with its interval, see `run_error`; of one run the mean of its parts."""
    runs, error = filled(groups), run_error(groups, level)
    if error is None:
        return mean_interval(runs[0] if runs else (), level)
    means = run_means(runs)
    return error_interval(math.fsum(means) / len(means), error, sum(map(len, runs)), level)


def error_interval(mean: float, error: RunError, n: int, level: float) -> Interval:
    """mean ± t·√variance, at the error's degrees of freedom; `n` parts."""
    if error.variance == 0:
        return bare(mean, n, NO_SPREAD, level=level)
    half = student(error.df, level) * math.sqrt(error.variance)
    return Interval(mean, mean - half, mean + half, level, n, error.method)


def run_spread(groups: Groups, level: float = LEVEL) -> RunSpread:
    """Standard deviations between and within runs, by analysis of variance.

    σ²(between) = (MSB − MSW) ÷ n₀, below zero taken as zero, n₀ = (N − Σnᵢ²/N) ÷ (k − 1) (Searle,
    Casella & McCulloch 1992, 3.6; Snedecor & Cochran, Statistical Methods, 13.7); its interval by
    the modified large sample method, approximate. F = MSB ÷ MSW.
    """
    from scipy.special import fdtrc

    runs = filled(groups)
    k, n = len(runs), sum(map(len, runs))
    if k < 2 or n == k:
        none = bare(None, n, TOO_FEW if n else NO_DATA, level=level)
        return RunSpread(k, n, None, none, None)
    found = _squares(runs)
    within = math.sqrt(found.within)
    if found.between == found.within == 0:
        return RunSpread(k, n, 0.0, bare(None, n, NO_SPREAD, level=level), None)
    variance = (found.between - found.within) / found.size
    ends = mls_interval(
        [
            (1 / found.size, found.between, found.df_between),
            (-1 / found.size, found.within, found.df_within),
        ],
        level,
    )
    low, high = (math.sqrt(end) for end in ends)
    between = Interval(math.sqrt(max(0.0, variance)), low, high, level, n, "interval.mls")
    if high == 0:  # runs closer than chance would have them: [0, 0] would claim to know
        between = bare(0.0, n, NO_METHOD, level=level)
    p = None  # within runs the gauge shows no difference: nothing to test against
    if found.within:
        p = float(fdtrc(found.df_between, found.df_within, found.between / found.within))
    return RunSpread(k, n, within, between, p)


def share_of_runs(counts: Counts, level: float = LEVEL) -> Interval:
    """count ÷ n over several runs: Wilson's interval on the effective number of parts.

    n* = n ÷ deff·(t(n−1) ÷ t(k−1))², at most n, where deff is the variance of the ratio over runs
    ÷ p(1 − p)/n (Rao & Scott 1992, Biometrics 48:577) and the t's say how little k runs know of
    it (Korn & Graubard 1998, Survey Methodology 24:193). With Wilson's interval: Dean & Pagano
    (2015), Journal of Survey Statistics and Methodology 3:484. Approximate. With runs all alike
    (no defect in any) nothing shows, and n stands.
    """
    runs = [(count, n) for count, n in counts if n > 0]
    count, n = sum(each for each, _ in runs), sum(each for _, each in runs)
    fewer = effective_parts(runs, level)
    if fewer >= n:
        return wilson(count, n, level)
    found = wilson(count / n * fewer, fewer, level)
    return Interval(count / n, found.low, found.high, level, n, "interval.wilson_runs")


def defects_of_runs(counts: Counts, level: float = LEVEL) -> Interval:
    """The share of defects over several runs; with none found as `defect_share`."""
    defects, n = sum(count for count, _ in counts), sum(each for _, each in counts)
    return share_of_runs(counts, level) if defects else defect_share(0, n, level)


def effective_parts(counts: Counts, level: float = LEVEL) -> float:
    """n* of `share_of_runs`: as how many independent parts the parts of these runs count."""
    runs = [(count, n) for count, n in counts if n > 0]
    k, count, n = len(runs), sum(each for each, _ in runs), sum(each for _, each in runs)
    if k < 2 or count in (0, n):
        return float(n)
    share = count / n
    seen = k / (k - 1) * math.fsum((each - size * share) ** 2 for each, size in runs) / n**2
    if seen == 0:
        return float(n)
    effect = seen / (share * (1 - share) / n)
    return min(float(n), n / effect * (student(n - 1, level) / student(k - 1, level)) ** 2)


def enough_runs(level: float = LEVEL) -> int:
    """The fewest runs that give the mean to within twice the spread from run to run."""
    k = 2
    while student(k - 1, level) / math.sqrt(k) > FACTOR:
        k += 1
    return k


def _within(runs: Groups, means: Sequence[float]) -> float:
    """The sum of squares within runs."""
    return math.fsum(
        (value - mean) ** 2 for run, mean in zip(runs, means, strict=True) for value in run
    )


def _squares(runs: Groups) -> _Squares:
    means, sizes = run_means(runs), [len(run) for run in runs]
    k, n = len(runs), sum(sizes)
    centre = math.fsum(value for run in runs for value in run) / n
    between = math.fsum(
        size * (mean - centre) ** 2 for size, mean in zip(sizes, means, strict=True)
    )
    size = (n - sum(each * each for each in sizes) / n) / (k - 1)
    return _Squares(between / (k - 1), _within(runs, means) / (n - k), k - 1, n - k, size)
