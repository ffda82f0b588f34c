"""The formulas agree with published tables and examples to every digit these print."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from tests.trial_logs import published
from tests.trial_logs.published import printed, rows, study
from trial_logs.inference.between_runs import mean_of_runs, run_error, run_spread
from trial_logs.inference.capability import (
    capability,
    cm_interval,
    cmk_interval,
    cmk_lower_bound,
    noncentrality,
)
from trial_logs.inference.control_chart import individuals_chart, range_constants
from trial_logs.inference.difference import difference_of_shares, known, welch
from trial_logs.inference.gauge import gauge_study
from trial_logs.inference.needed import parts_for_zero_defects
from trial_logs.inference.normality import anderson_p, check_normality
from trial_logs.inference.proportion import clopper_pearson, wilson, zero_defects
from trial_logs.inference.sample import (
    chi_square,
    mean_and_sd,
    mean_interval,
    order_ranks,
    parts_for_quantile,
    student,
)

LEVELS = (0.90, 0.95, 0.99)


def test_student() -> None:
    for df, *points in rows(published.STUDENT):
        found = [printed(student(int(df), each), t) for each, t in zip(LEVELS, points, strict=True)]
        assert found == points, df


def test_chi_square() -> None:
    for df, low, high in rows(published.CHI_SQUARE):
        found = chi_square(int(df), 0.95)
        assert (printed(found[0], low), printed(found[1], high)) == (low, high), df


def test_mean_of_the_heat_flow_meter() -> None:
    found = mean_interval(published.ZARR13)
    mean, sd = mean_and_sd(published.ZARR13)
    assert found.n == 195
    # The handbook prints 9.261460, the mean in single precision; its limits agree in full.
    assert mean == pytest.approx(9.261460, abs=1e-6)
    assert f"{sd:.6f}" == "0.022789"
    assert (f"{found.low:.6f}", f"{found.high:.6f}") == ("9.258242", "9.264679")


def test_shares() -> None:
    for count, n, *ends in rows(published.NEWCOMBE_ONE):
        pairs = (wilson(int(count), int(n)), clopper_pearson(int(count), int(n)))
        found = [end for each in pairs for end in (each.low, each.high)]
        assert [printed(*pair) for pair in zip(found, ends, strict=True)] == ends, (count, n)


def test_differences_of_shares() -> None:
    for a, n_a, b, n_b, low, high in rows(published.NEWCOMBE_TWO):
        before, after = wilson(int(b), int(n_b)), wilson(int(a), int(n_a))
        found = difference_of_shares(before, after).difference
        assert [printed(found.low, low), printed(found.high, high)] == [low, high]


def test_ranks_of_the_median() -> None:
    for n, below, above, level in rows(published.MEDIAN_RANKS):
        ranks = order_ranks(int(n), 0.5, 0.95)
        inside = sum(math.comb(int(n), k) for k in range(ranks[0], ranks[1])) / 2 ** int(n)
        assert [*map(str, ranks), f"{100 * inside:.1f}"] == [below, above, level], n
    assert parts_for_quantile(0.5) == 6


def test_sleep() -> None:
    first, second = published.SLEEP
    apart = welch(known(second), known(first))
    together = mean_interval([a - b for a, b in zip(first, second, strict=True)])
    ends = [f"{end:.7f}" for end in (apart.low, apart.high, together.low, together.high)]
    assert ends == ["-3.3654832", "0.2054832", "-2.4598858", "-0.7001142"]


def test_control_chart_constants() -> None:
    for n, *factors in rows(published.CHART_CONSTANTS):
        found = range_constants(int(n))
        shown = (found.a2, found.c4, found.d2, found.d3)
        assert [printed(*pair) for pair in zip(shown, factors, strict=True)] == factors, n
    for n, *factors in rows(published.SHEWHART):
        found = range_constants(int(n))
        shown = (found.d2, found.d3, found.c4, found.a2, found.range_low, found.range_high)
        assert [f"{each:.4f}" for each in shown] == factors, n


def test_individuals_chart_of_the_flowrate() -> None:
    chart = individuals_chart(published.FLOWRATE)
    assert chart.mean_range is not None
    assert (f"{chart.centre:.2f}", f"{chart.mean_range:.4f}") == ("50.81", "1.8778")
    # The handbook divides by d2 as its table rounds it.
    half = 3 * chart.mean_range / float(f"{range_constants(2).d2:.3f}")
    assert chart.centre is not None
    assert f"{chart.centre + half:.4f} {chart.centre - half:.4f}" == "55.8041 45.8159"
    assert chart.upper == pytest.approx(chart.centre + half, rel=1e-4)
    assert f"{3 / range_constants(2).d2:.2f} {range_constants(2).range_high:.3f}" == "2.66 3.267"


def test_capability_of_the_handbook() -> None:
    # NIST/SEMATECH e-Handbook, 6.1.6: limits 8 and 20, mean 16, deviation 2.
    assert cm_interval(2, 50, 8, 20).estimate == 1.0
    found = [cmk_interval(16, 2, 50, *ends) for ends in ((8, 20), (None, 20), (8, None))]
    assert [f"{each.estimate:.4f}" for each in found] == ["0.6667", "0.6667", "1.3333"]


def test_interval_of_cpk() -> None:
    # Quality Digest, May 2000, "The Last Word": Cpk 1.15 of 45 parts lies in 0.89 to 1.41.
    found = cmk_interval(0, 1, 45, None, 3.45)
    assert [f"{each:.2f}" for each in (found.estimate, found.low, found.high) if each] == [
        "1.15",
        "0.89",
        "1.41",
    ]
    # by hand, few parts: 1 ± 1.959964·√(1/45 + 1/8)
    few = cmk_interval(0, 1, 5, -3, 3)
    assert (few.low, few.high) == pytest.approx((0.24797, 1.75203), abs=5e-5)


def test_noncentral_t_by_tolerance_factors() -> None:
    # k·√n is the 95 % point of t'(n − 1; z·√n): the bound of an index k/3 is z/3.
    for n, *factors in rows(published.TOLERANCE_FACTORS):
        for content, k in zip(LEVELS, factors, strict=True):
            z = NormalDist().inv_cdf(content)
            ends = [
                noncentrality((float(k) + side) * math.sqrt(int(n)), int(n) - 1, 0.95)
                for side in (-0.0005, 0.0005)
            ]
            assert ends[0] <= z * math.sqrt(int(n)) <= ends[1], (n, content)
    bound = cmk_lower_bound(0, 1, 20, None, 2.396)
    assert bound.low == pytest.approx(NormalDist().inv_cdf(0.95) / 3, abs=2e-4)


def test_normality() -> None:
    weights = check_normality(published.WEIGHTS)
    assert f"{weights.shapiro_w:.2f}" == "0.79"
    assert weights.shapiro_p is not None
    assert weights.shapiro_p < 0.01
    assert weights.normal is False
    drawn = check_normality(published.NAG_NORMAL)
    assert (f"{drawn.anderson_a2:.6f}", f"{drawn.anderson_p:.6f}") == ("0.165956", "0.931155")
    assert drawn.normal is True


def test_significance_points_of_anderson_darling() -> None:
    # D'Agostino & Stephens (1986), table 4.7, normal with mean and deviation estimated.
    points = {0.50: 0.341, 0.15: 0.561, 0.10: 0.631, 0.05: 0.752, 0.025: 0.873, 0.01: 1.035}
    for p, a2 in points.items():
        assert printed(anderson_p(a2, 10**9), str(p)) == printed(p, str(p))


def test_zero_failures() -> None:
    for confidence, reliability, n in rows(published.ZERO_FAILURES):
        found = parts_for_zero_defects(1 - float(reliability), float(confidence))
        assert str(found.total) == n, (confidence, reliability)
    # Hanley & Lippman-Hand (1983): 0 of 14 allows 21 % by the rule, 19.3 % exactly.
    allowed = zero_defects(14)
    assert (f"{allowed.rule_of_three:.2f}", f"{allowed.exact:.3f}") == ("0.21", "0.193")


def test_gauge_study_of_the_manual() -> None:
    found = gauge_study(study(published.AIAG))
    full = {line.source: line for line in found.anova}
    assert [f"{line.ss:.4f}" for line in found.anova] == [
        "88.3619", "3.1673", "0.3590", "2.7589", "94.6471",
    ]  # fmt: skip
    assert [line.df for line in found.anova] == [9, 2, 18, 60, 89]
    assert [f"{line.ms:.5f}" for line in found.anova[:4]] == [
        "9.81799", "1.58363", "0.01994", "0.04598",
    ]  # fmt: skip
    assert [f"{line.f:.3f}" for line in found.anova[:3]] == ["492.291", "79.406", "0.434"]
    assert f"{full['gauge.interaction'].p:.3f}" == "0.974"
    pooled = found.anova_pooled[2]
    assert (pooled.df, f"{pooled.ss:.4f}", f"{pooled.ms:.5f}") == (78, "3.1179", "0.03997")
    parts = {each.source: each for each in found.components}
    order = ("gauge.grr", "gauge.ev", "gauge.av", "gauge.pv")
    assert [f"{parts[source].variance:.4f}" for source in order] == [
        "0.0914", "0.0400", "0.0515", "1.0864",
    ]  # fmt: skip
    assert [f"{100 * parts[source].share_variance:.2f}" for source in order] == [
        "7.76", "3.39", "4.37", "92.24",
    ]  # fmt: skip
    assert [f"{100 * parts[source].share_study:.2f}" for source in order] == [
        "27.86", "18.42", "20.90", "96.04",
    ]  # fmt: skip
    assert found.ndc == 4


def test_gauge_study_of_thermal_performance() -> None:
    found = gauge_study(study(published.HOUF))
    assert found.pooled is False
    assert [f"{line.ss:.6f}" for line in found.anova[:3]] == [
        "3935.955556", "39.266667", "48.511111",
    ]  # fmt: skip
    assert [f"{line.ms:.6f}" for line in found.anova[:4]] == [
        "437.328395", "19.633333", "2.695062", "0.511111",
    ]  # fmt: skip


def test_capability_takes_values() -> None:
    found = capability(published.ZARR13, 9.18, None)
    mean, sd = mean_and_sd(published.ZARR13)
    assert found.cmk.estimate == pytest.approx((mean - 9.18) / (3 * sd))
    assert found.cm.estimate is None
    assert found.codes == ()


def test_batches_of_dyestuff() -> None:
    """Six batches of five as six runs of five parts."""
    found, mean = run_spread(published.DYESTUFF), mean_of_runs(published.DYESTUFF)
    error = run_error(published.DYESTUFF)
    assert error is not None
    assert found.within is not None
    assert found.between.estimate is not None
    assert f"{mean.estimate:.2f} {math.sqrt(error.variance):.2f}" == "1527.50 19.38"
    assert f"{found.between.estimate**2:.0f} {found.between.estimate:.2f}" == "1764 42.00"
    assert f"{found.within**2:.0f} {found.within:.2f}" == "2451 49.51"
    assert f"{found.p:.4f}" == "0.0044"
    assert (mean.method, error.df) == ("interval.run_means", 5)
    half = student(5, 0.95) * 19.38
    assert (mean.low, mean.high) == pytest.approx((1527.5 - half, 1527.5 + half), abs=0.02)


def test_calcium_in_turnip_leaves() -> None:
    found, error = run_spread(published.TURNIPS), run_error(published.TURNIPS)
    assert error is not None
    assert found.within is not None
    assert found.between.estimate is not None
    squares = found.within**2, found.between.estimate**2, 16 * error.variance
    assert [f"{each:.4f}" for each in squares] == ["0.0066", "0.0724", "0.2961"]
