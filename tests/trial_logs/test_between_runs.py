"""Runs of one condition: the spread between them is in every number that claims to be of all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trial_logs.inference.between_runs import (
    ONE_RUN,
    SEVERAL_RUNS,
    defects_of_runs,
    effective_parts,
    enough_runs,
    mean_of_runs,
    run_error,
    run_means,
    run_spread,
    share_of_runs,
)
from trial_logs.inference.difference import Known, known, known_of_runs, mean_difference
from trial_logs.inference.gauge import mls_interval
from trial_logs.inference.interval import NO_LOWER, NO_METHOD, NO_SPREAD, joint_level
from trial_logs.inference.needed import parts_for_difference, runs_for_width
from trial_logs.inference.of_condition import of_condition, repeated
from trial_logs.inference.of_run import Measured, RunInput
from trial_logs.inference.of_trial import BaselineInput, ConditionInput, RunTally, against_baseline
from trial_logs.inference.proportion import wilson
from trial_logs.inference.sample import mean_interval
from trial_logs.metrics import TOO_FEW

DRAWS = 2_000
SEED = 20261121
APART = [[10.0, 10.2, 10.1], [11.0, 11.2, 11.1], [12.0, 12.2, 12.1]]
ALIKE = [[9.0, 11.0, 10.0, 10.0], [9.1, 10.9, 10.0, 10.0]]


def drawn(sizes: Sequence[int], share: float) -> list[list[list[float]]]:
    """DRAWS conditions whose runs hold `share` of the whole variance of 1 between them."""
    rng = np.random.default_rng(SEED)
    parts = [
        math.sqrt(share) * rng.standard_normal((DRAWS, 1))
        + math.sqrt(1 - share) * rng.standard_normal((DRAWS, size))
        for size in sizes
    ]
    return [[run[n].tolist() for run in parts] for n in range(DRAWS)]


def exact_coverage(k: int, n: int, share: float) -> float:
    """Of k runs of n parts, by an integral over both mean squares."""
    variance, free = share + (1 - share) / n, k * (n - 1)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    tails, weights = (nodes + 1) / 2, weights / 2
    between = variance * stats.chi2.ppf(tails, k - 1) / (k - 1) / k
    within = (1 - share) * stats.chi2.ppf(tails, free) / free / n / k
    halves = np.maximum(
        stats.t.ppf(0.975, k - 1) * np.sqrt(between)[:, None],
        stats.t.ppf(0.975, free) * np.sqrt(within)[None, :],
    )
    return float(weights @ (2 * stats.norm.cdf(halves / math.sqrt(variance / k)) - 1) @ weights)


def agrees(share: float, exact: float) -> bool:
    return abs(share - exact) <= 4 * math.sqrt(exact * (1 - exact) / DRAWS)


@pytest.mark.parametrize(("k", "n", "share"), [(2, 10, 0.3), (3, 10, 0.0), (4, 5, 0.8)])
def test_the_mean_of_runs_of_one_size_covers_as_computed(k: int, n: int, share: float) -> None:
    exact = exact_coverage(k, n, share)
    assert exact >= 0.95
    held = sum(not mean_of_runs(each).excludes(0) for each in drawn((n,) * k, share)) / DRAWS
    assert agrees(held, exact)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.8])
def test_the_mean_of_unequal_runs_covers_its_level(share: float) -> None:
    # The unweighted means are near the level wherever the parts vary little beside the runs, and
    # the spread within runs stands in where they do not (Burdick & Graybill 1992, 4.2).
    held = sum(not mean_of_runs(each).excludes(0) for each in drawn((3, 10, 40), share)) / DRAWS
    assert held >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / DRAWS)


def test_parts_taken_as_independent_would_not() -> None:
    """What this module is for: a tenth of the variance between runs, and 95 % is not 95 %."""
    pooled = [[value for run in each for value in run] for each in drawn((25, 25), 0.1)]
    assert sum(not mean_interval(each).excludes(0) for each in pooled) / DRAWS < 0.80


def test_shares_of_runs_cover_their_level_where_runs_differ() -> None:
    # Korn & Graubard (1998), Dean & Pagano (2015): at or above the level but for rare defects.
    rng = np.random.default_rng(SEED)
    for k, correlation in ((3, 0.02), (4, 0.05)):
        scale = 1 / correlation - 1
        shares = rng.beta(0.2 * scale, 0.8 * scale, (DRAWS, k))
        counts = rng.binomial(30, shares).tolist()
        held = naive = 0
        for each in counts:
            runs = [(count, 30) for count in each]
            held += not share_of_runs(runs).excludes(0.2)
            naive += not wilson(sum(each), 30 * k).excludes(0.2)
        assert held / DRAWS >= 0.945
        assert naive / DRAWS < 0.91


def test_the_mean_is_that_of_the_runs_and_never_surer_than_the_parts() -> None:
    apart, alike = mean_of_runs(APART), mean_of_runs(ALIKE)
    assert apart.estimate == pytest.approx(11.1)
    assert (apart.n, apart.method) == (9, "interval.run_means")
    assert apart.half_width == pytest.approx(stats.t.ppf(0.975, 2) / math.sqrt(3))
    assert alike.method == "interval.within_runs"
    error = run_error(ALIKE)
    assert error is not None
    assert error.df == 6
    assert error.one_run == 2 * error.variance
    assert (error.grown(5).df, error.grown(5).variance) == (4, error.one_run / 5)
    uneven = mean_of_runs([[10.0] * 9, [20.0]])
    assert uneven.estimate == 15  # a further run is as likely like the short one
    assert mean_of_runs([[1.0, 2.0, 3.0], []]) == mean_interval([1.0, 2.0, 3.0])
    assert mean_of_runs([[4.0, 4.0], [4.0]]).code == NO_SPREAD
    assert mean_of_runs([[4.0], [6.0]]).method == "interval.run_means"
    assert mean_of_runs([]).estimate is None
    assert enough_runs() == 4


@given(st.lists(st.lists(st.floats(1, 100), min_size=1, max_size=5), min_size=2, max_size=4))
def test_no_order_of_runs_or_parts_changes_the_mean(runs: list[list[float]]) -> None:
    turned = mean_of_runs([each[::-1] for each in runs[::-1]])
    assert turned.estimate == pytest.approx(mean_of_runs(runs).estimate)
    assert (turned.low is None) == (mean_of_runs(runs).low is None)


def test_the_spread_between_runs_is_told() -> None:
    found = run_spread(APART)
    assert found.between.estimate == pytest.approx(math.sqrt(1 - 0.01 / 3))
    assert found.p is not None
    assert found.p < 0.001
    assert run_spread(ALIKE).between.estimate == 0
    assert run_spread([[1.0, 2.0]]).between.code == TOO_FEW
    assert run_spread([[1.0], [2.0]]).within is None
    uneven = run_spread([[10.0, 12.0], [20.0, 21.0, 22.0, 23.0]])
    # MSB = 2·7² + 4·3.5² = 147, MSW = (2 + 5) ÷ 4, n₀ = 6 − 20/6
    assert uneven.between.estimate == pytest.approx(math.sqrt((147 - 1.75) * 3 / 8))
    low, high = mls_interval([(3 / 8, 147, 1), (-3 / 8, 1.75, 4)])
    assert (uneven.between.low, uneven.between.high) == (math.sqrt(low), math.sqrt(high))
    assert run_spread([[9.0, 11.0], [9.0, 11.0]]).between.code == NO_METHOD
    coarse = run_spread([[1.0, 1.0], [2.0, 2.0]])  # a gauge too coarse within runs
    assert coarse.between.estimate == pytest.approx(math.sqrt(0.5))
    assert (coarse.within, coarse.p, coarse.between.method) == (0, None, "interval.mls")
    assert run_spread([[2.0, 2.0], [2.0, 2.0]]).between.code == NO_SPREAD


def test_shares_count_as_many_parts_as_the_runs_say() -> None:
    apart = [(3, 30), (12, 30), (6, 30), (15, 30)]
    # the variance of the share is 4/3·90/120², of independent parts 0.3·0.7/120
    t119, t3 = stats.t.ppf(0.975, [119, 3])
    assert effective_parts(apart) == pytest.approx(120 * 0.00175 / (120 / 14400) * (t119 / t3) ** 2)
    t39, t1 = stats.t.ppf(0.975, [39, 1])
    sizes = 0.325 * 0.675 / (2 * 2 * 2.25**2 / 40**2) * (t39 / t1) ** 2
    assert effective_parts([(1, 10), (12, 30)]) == pytest.approx(sizes)
    assert effective_parts([(10, 30), (11, 30), (10, 30), (11, 30)]) == 120
    assert defects_of_runs(apart) == share_of_runs(apart)
    found, plain = share_of_runs(apart), wilson(36, 120)
    assert (found.estimate, found.n, found.method) == (0.3, 120, "interval.wilson_runs")
    assert found.low is not None
    assert plain.low is not None
    assert found.low < plain.low
    assert share_of_runs([(3, 30), (0, 0)]) == wilson(3, 30)
    assert effective_parts([(0, 30), (0, 30)]) == effective_parts([(2, 30), (2, 30)]) == 60
    assert defects_of_runs([(0, 30), (0, 30)]).method == "interval.zero_defects"


def test_a_condition_of_several_runs_says_what_it_cannot() -> None:
    inch = Measured("径", "in", 0, 1, [0.4])
    bores = [(Measured("径", "mm", 9.0, 13.0, each), inch) for each in APART]
    runs = [RunInput(each, 3, n, 0, bores[n]) for n, each in enumerate(APART)]
    whole = RunInput([v for each in APART for v in each], 9, 3, 0)
    found = of_condition(runs, whole)
    assert found.cycle_mean_s == mean_of_runs(APART)
    assert found.throughput_per_h.method == "interval.run_means"
    assert found.scrap_share == share_of_runs([(0, 3), (1, 4), (2, 5)])
    for each in (found.cycle_median_s, found.cycle_p95_s, found.cycle_sd_s):
        assert (each.low, each.code) == (None, SEVERAL_RUNS)
    (width,) = found.needed
    assert (width.goal, width.in_runs) == ("needed.width_runs", True)
    assert [(each.name, each.means) for each in repeated(runs)] == [
        ("", tuple(run_means(APART))), ("径", tuple(run_means(APART))), ("径", (0.4,) * 3),
    ]  # fmt: skip
    assert repeated(runs[:1]) == ()
    assert of_condition(runs[:1], runs[0]).cycle_mean_s == mean_interval(APART[0])
    wild = [RunInput(each, 0, 0, 0) for each in ([1.0, 1.1], [9.0, 9.1])]
    open_end = of_condition(wild, RunInput([1.0, 1.1, 9.0, 9.1], 0, 0, 0)).cycle_mean_s
    assert (open_end.low, open_end.code) == (None, NO_LOWER)
    assert open_end.needed == 6  # t(7)·5.66/√8 = 4.7 is below 5.05, t(6)·5.66/√7 = 5.2 is not
    error = run_error([each.cycle_s for each in wild])
    assert error is not None
    assert runs_for_width(5.05, error, 1.0).more == open_end.needed
    near = run_error(ALIKE)  # within ±10 % already by its parts, not by two runs
    assert near is not None
    assert runs_for_width(10.0, near, 0.1).more == 0


def test_differences_know_the_runs_and_say_how_many_more() -> None:
    after = known_of_runs(APART)
    assert after is not None
    assert known_of_runs([[1.0, 2.0]]) == known([1.0, 2.0])
    found = mean_difference(Known(12.0), after)
    assert found.after.method == "interval.run_means"
    assert not found.decided
    more = parts_for_difference(Known(12.0), after)
    assert more.in_runs
    assert more.total is not None
    assert more.more == more.total - 3
    assert after.runs is not None
    for runs, decided in ((more.total, True), (more.total - 1, False)):
        grown = Known(after.mean, n=after.n, runs=after.runs.grown(runs))
        assert mean_difference(Known(12.0), grown).decided is decided
    both = mean_difference(after, Known(15.0, runs=after.runs)).difference
    assert both.half_width == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(2 / 3))  # 2 + 2 free
    tallies = tuple(RunTally(tuple(each), 28, 2, 30) for each in APART)
    alone = against_baseline(
        BaselineInput(cycle_s=(20.0, 21.0, 22.0), scrap=3, judged=60),
        ConditionInput("a", tallies[:1]),
    )
    assert alone.scrap_share is not None
    assert alone.scrap_share.difference.code == ONE_RUN
    assert alone.cycle_s is not None
    assert alone.cycle_s.difference.code == ONE_RUN
    one = against_baseline(BaselineInput(cycle_s=(20.0, 21.0, 22.0)), ConditionInput("a", tallies))
    wide = against_baseline(
        BaselineInput(cycle_s=(20.0, 21.0, 22.0)), ConditionInput("a", tallies), joint_level(4)
    )
    assert one.cycle_s is not None
    assert wide.cycle_s is not None
    assert one.cycle_s.difference.code == ""
    assert joint_level(4) == pytest.approx(0.9875)
    assert (one.cycle_s.difference.half_width or 0) < (wide.cycle_s.difference.half_width or 0)
