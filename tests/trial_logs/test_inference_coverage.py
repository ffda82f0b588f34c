"""How often each interval holds the truth, over 10,000 drawn samples.

Where the coverage is known exactly (95 % for Student and χ², a sum over the binomial distribution
for shares and order statistics, an integral for Welch and Bissell) the simulation must meet it
within Monte Carlo error; where it is only known to be near, the band published for it is asserted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from scipy import stats

from trial_logs.inference.capability import cm_interval, cmk_interval, cmk_lower_bound
from trial_logs.inference.control_chart import is_steady
from trial_logs.inference.difference import (
    Known,
    difference_of_shares,
    known,
    mean_difference,
    welch_half_width,
)
from trial_logs.inference.gauge import gauge_study, mls_interval
from trial_logs.inference.interval import Interval
from trial_logs.inference.proportion import clopper_pearson, defect_share, wilson
from trial_logs.inference.sample import (
    mean_interval,
    order_ranks,
    quantile_interval,
    sd_interval,
    throughput_per_hour,
)

RUNS = 10_000
SEED = 20261121


def held(found: Iterable[Interval], truth: float) -> float:
    """The share of intervals that hold the truth."""
    return sum(not each.excludes(truth) for each in found) / RUNS


def agrees(share: float, exact: float) -> bool:
    """Whether a share of RUNS lies within 4 standard errors of what it should be."""
    return abs(share - exact) <= 4 * math.sqrt(exact * (1 - exact) / RUNS)


def draws(size: int, seed: int = SEED) -> np.ndarray:
    """RUNS standard normal samples."""
    return np.random.default_rng(seed).standard_normal((RUNS, size))


def share_coverage(interval: Callable[[int, int], Interval], n: int, p: float) -> float:
    """The exact coverage of a share's interval: the probability of the counts that hold p."""
    counts = np.arange(n + 1)
    holds = np.array([not interval(int(count), n).excludes(p) for count in counts])
    return float(stats.binom.pmf(counts, n, p) @ holds)


@pytest.mark.parametrize("n", [3, 12])
def test_mean_and_spread(n: int) -> None:
    samples = (10 + 2 * draws(n)).tolist()
    assert agrees(held((mean_interval(each) for each in samples), 10), 0.95)
    assert agrees(held((sd_interval(each) for each in samples), 2), 0.95)


def test_throughput() -> None:
    samples = (36 + 4 * draws(8)).tolist()
    assert agrees(held((throughput_per_hour(each) for each in samples), 100), 0.95)


@pytest.mark.parametrize(("p", "n"), [(0.5, 15), (0.95, 90)])
def test_quantiles(p: float, n: int) -> None:
    samples = np.random.default_rng(SEED).exponential(1, (RUNS, n)).tolist()
    below, above = order_ranks(n, p, 0.95)
    exact = float(stats.binom.cdf(above - 1, n, p) - stats.binom.cdf(below - 1, n, p))
    assert exact >= 0.95
    share = held((quantile_interval(each, p) for each in samples), -math.log(1 - p))
    assert agrees(share, exact)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, defect_share])
@pytest.mark.parametrize(("n", "p"), [(20, 0.02), (50, 0.1), (10, 0.5)])
def test_shares(interval: Callable[[int, int], Interval], n: int, p: float) -> None:
    counts = np.random.default_rng(SEED).binomial(n, p, RUNS)
    each = [interval(count, n) for count in range(n + 1)]
    exact = share_coverage(interval, n, p)
    assert agrees(held((each[count] for count in counts), p), exact)


def test_shares_over_the_whole_range() -> None:
    grid = np.linspace(0.005, 0.995, 199)
    exact = [share_coverage(clopper_pearson, 25, p) for p in grid]
    assert min(exact) >= 0.95
    # Newcombe (1998): Wilson's interval covers its level on average, not at every share.
    scored = [share_coverage(wilson, 25, p) for p in grid]
    assert np.mean(scored) == pytest.approx(0.95, abs=0.01)
    assert min(scored) > 0.83


def test_difference_of_shares() -> None:
    n, p, q = 30, 0.3, 0.1
    each = [wilson(count, n) for count in range(n + 1)]
    table = [[difference_of_shares(a, b).difference for b in each] for a in each]
    holds = np.array([[not each.excludes(q - p) for each in line] for line in table])
    counts = np.arange(n + 1)
    exact = float(stats.binom.pmf(counts, n, p) @ holds @ stats.binom.pmf(counts, n, q))
    assert exact == pytest.approx(0.95, abs=0.01)
    rng = np.random.default_rng(SEED)
    before, after = rng.binomial(n, p, RUNS), rng.binomial(n, q, RUNS)
    assert agrees(float(holds[before, after].mean()), exact)


def test_two_means() -> None:
    n, m, spread = 6, 12, 3.0
    before, after = draws(n), 5 + spread * draws(m, SEED + 1)
    found = [
        mean_difference(known(a), known(b)).difference
        for a, b in zip(before.tolist(), after.tolist(), strict=True)
    ]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    tails, weights = (nodes + 1) / 2, weights / 2
    first = np.sqrt(stats.chi2.ppf(tails, n - 1) / (n - 1))
    second = spread * np.sqrt(stats.chi2.ppf(tails, m - 1) / (m - 1))
    error = math.sqrt(1 / n + spread**2 / m)
    exact = sum(
        w
        * v
        * (2 * stats.norm.cdf(welch_half_width(Known(0, s, n), Known(0, t, m), 0.95) / error) - 1)
        for s, w in zip(first.tolist(), weights.tolist(), strict=True)
        for t, v in zip(second.tolist(), weights.tolist(), strict=True)
    )
    assert exact == pytest.approx(0.95, abs=0.005)
    assert agrees(held(found, 5), exact)


def test_ratio_of_means() -> None:
    before, after = 20 + 4 * draws(10), 15 + 2 * draws(8, SEED + 1)
    found = (
        mean_difference(known(a), known(b)).ratio
        for a, b in zip(before.tolist(), after.tolist(), strict=True)
    )
    # Donner & Zou (2012) find it within a point of its level.
    assert held(found, 0.75) == pytest.approx(0.955, abs=0.015)


def test_capability() -> None:
    n = 30
    samples = draws(n)
    means, sds = samples.mean(1).tolist(), samples.std(1, ddof=1).tolist()
    spread = [cm_interval(s, n, -4, 4) for s in sds]
    assert agrees(held(spread, 4 / 3), 0.95)
    pairs = list(zip(means, sds, strict=True))
    two_sided = [cmk_interval(x, s, n, None, 4) for x, s in pairs]
    ends = [
        stats.nct.ppf(q, n - 1, 4 * math.sqrt(n)) / (3 * math.sqrt(n)) for q in (1e-9, 1 - 1e-9)
    ]
    index = np.linspace(*ends, 20_001)
    half = 1.959964 * np.sqrt(1 / (9 * n) + index**2 / (2 * (n - 1)))
    inside = index[np.abs(index - 4 / 3) <= half]
    edges = 3 * math.sqrt(n) * np.array([inside[0], inside[-1]])
    exact = float(np.diff(stats.nct.cdf(edges, n - 1, 4 * math.sqrt(n)))[0])
    assert exact == pytest.approx(0.95, abs=0.01)
    assert agrees(held(two_sided, 4 / 3), exact)
    bounds = [cmk_lower_bound(x, s, n, None, 4) for x, s in pairs]
    assert agrees(held(bounds, 4 / 3), 0.95)


def test_capability_of_two_limits_is_on_the_safe_side() -> None:
    samples = draws(20)
    means, sds = samples.mean(1).tolist(), samples.std(1, ddof=1).tolist()
    centred = (cmk_lower_bound(x, s, 20, -4, 4) for x, s in zip(means, sds, strict=True))
    assert held(centred, 4 / 3) > 0.95


@pytest.mark.parametrize(
    ("squares", "low", "high"),
    [
        ([(1.0, 2.0, 60)], 0.945, 0.955),
        ([(1 / 30, 20.0, 2), (9 / 30, 2.7, 18), (2 / 3, 0.5, 60)], 0.94, 0.97),
        ([(1 / 9, 437.0, 9), (-1 / 9, 2.7, 18)], 0.94, 0.96),
        ([(1 / 30, 20.0, 2), (-1 / 30, 2.7, 18)], 0.94, 0.965),
    ],
    ids=["repeatability", "grr", "parts", "operators"],
)
def test_gauge_components(squares: list[tuple[float, float, int]], low: float, high: float) -> None:
    # Burdick, Borror & Montgomery (2005): near the level, mostly above it.
    rng = np.random.default_rng(SEED)
    drawn = [(ms / df * rng.chisquare(df, RUNS)).tolist() for _, ms, df in squares]
    truth = sum(c * ms for c, ms, _ in squares)
    hits = 0
    for values in zip(*drawn, strict=True):
        ends = mls_interval([(c, ms, df) for (c, _, df), ms in zip(squares, values, strict=True)])
        hits += ends[0] <= truth <= ends[1]
    assert low <= hits / RUNS <= high


def test_a_steady_run_is_seldom_called_unsteady() -> None:
    wrong = sum(is_steady(each) is False for each in draws(40).tolist()) / RUNS
    assert agrees(wrong, 0.01)


@pytest.mark.soak
@pytest.mark.parametrize("pool_above", [None, 0.25])
def test_gauge_studies(pool_above: float | None) -> None:
    """Whole studies, 10 × 3 × 3: every component and %study."""
    rng = np.random.default_rng(SEED)
    crossed = 0.1 if pool_above is None else 0.0
    truth = {
        "gauge.ev": 0.15,
        "gauge.av": 0.2,
        "gauge.grr": math.sqrt(0.15**2 + 0.2**2 + crossed**2),
        "gauge.pv": 1.0,
        "gauge.tv": math.sqrt(0.15**2 + 0.2**2 + crossed**2 + 1),
    }
    hits = dict.fromkeys([*truth, "study"], 0)
    for _ in range(RUNS):
        values = (
            rng.normal(0, 1, (10, 1, 1))
            + rng.normal(0, 0.2, (1, 3, 1))
            + rng.normal(0, crossed, (10, 3, 1))
            + rng.normal(0, 0.15, (10, 3, 3))
        )
        found = gauge_study(
            [(str(i), str(j), float(value)) for (i, j, _), value in np.ndenumerate(values)],
            pool_above=pool_above,
        )
        for each in found.components:
            if each.source in truth:
                hits[each.source] += not each.sd.excludes(truth[each.source])
        assert found.grr_study is not None
        hits["study"] += not found.grr_study.excludes(truth["gauge.grr"] / truth["gauge.tv"])
    assert {source: 0.93 <= count / RUNS <= 0.98 for source, count in hits.items()} == (
        dict.fromkeys(hits, True)
    ), hits


@pytest.mark.soak
@pytest.mark.parametrize("n", [4, 20, 60, 150, 400])
@pytest.mark.parametrize("p", [0.01, 0.05, 0.2, 0.5, 0.9])
def test_shares_and_quantiles_on_a_grid(n: int, p: float) -> None:
    for interval in (wilson, clopper_pearson, defect_share):
        counts = np.random.default_rng(SEED).binomial(n, p, RUNS)
        each = [interval(count, n) for count in range(n + 1)]
        share = held((each[count] for count in counts), p)
        assert agrees(share, share_coverage(interval, n, p)), interval
    below, above = order_ranks(n, p, 0.95)
    exact = float(stats.binom.cdf(above - 1, n, p) - stats.binom.cdf(below - 1, n, p))
    samples = np.random.default_rng(SEED).random((RUNS, n)).tolist()
    assert agrees(held((quantile_interval(x, p) for x in samples), p), max(exact, 0.95))
