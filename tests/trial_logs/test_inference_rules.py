"""What inference refuses, says and projects: codes, counts, and properties of the intervals."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import trial_logs.inference as package
from tests.trial_logs.published import AIAG, HOUF, study
from trial_logs.inference.capability import FEW_PARTS, NO_LIMITS, ONE_SIDED, capability
from trial_logs.inference.control_chart import Signal, individuals_chart, signals
from trial_logs.inference.difference import BASELINE_UNCERTAIN, Known, mean_difference
from trial_logs.inference.gauge import TOO_SMALL, UNBALANCED, gauge_study, mls_interval
from trial_logs.inference.interval import NO_LOWER, NO_METHOD, NO_SPREAD
from trial_logs.inference.needed import (
    NO_NUMBER,
    PROJECTION,
    parts_for_difference,
    parts_for_scrap_limit,
    parts_for_width,
    parts_for_zero_defects,
)
from trial_logs.inference.normality import NOT_NORMAL
from trial_logs.inference.of_run import UNSTABLE, Measured, RunInput, of_run
from trial_logs.inference.of_trial import (
    BaselineInput,
    ConditionInput,
    RunTally,
    against_baseline,
)
from trial_logs.inference.proportion import ZERO_DEFECTS, defect_share, wilson
from trial_logs.inference.sample import (
    energy_per_part,
    mean_interval,
    mean_of_summary,
    quantile_interval,
    sd_interval,
    throughput_per_hour,
)
from trial_logs.metrics import NO_DATA, TOO_FEW
from trial_logs.texts import load

STEADY = tuple(30 + 0.5 * ((7 * i) % 11 - 5) / 5 for i in range(60))


numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


def condition(
    name: str, cycle_s: tuple[float, ...], scrap: int = 0, judged: int = 0
) -> ConditionInput:
    """One run of a condition."""
    return ConditionInput(name, (RunTally(cycle_s, judged - scrap, scrap, judged),))


def test_no_heavy_library_is_loaded_on_import() -> None:
    code = (
        "import sys, trial_logs.inference.of_run, trial_logs.inference.of_trial,"
        " trial_logs.inference.gauge; print('numpy' in sys.modules, 'scipy' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_code_has_its_words(language: str) -> None:
    words = load(language)
    sources = Path(package.__file__ or "").parent.glob("*.py")
    pattern = r'"((?:interval|number|capability|chart|gauge|needed)\.[a-z_0-9]+)"'
    codes = {code for source in sources for code in re.findall(pattern, source.read_text("utf-8"))}
    assert len(codes) > 40
    assert codes - words.keys() == set()


def test_too_few_values_are_said_with_how_many_more() -> None:
    assert mean_interval([]).code == sd_interval([]).code == NO_DATA
    one = mean_interval([4.0])
    assert (one.estimate, one.low, one.code, one.needed) == (4.0, None, TOO_FEW, 1)
    same = mean_interval([4.0, 4.0, 4.0])
    assert (same.estimate, same.low, same.method, same.code) == (4.0, None, "", NO_SPREAD)
    p95 = quantile_interval(list(range(30)), 0.95)
    assert (p95.high, p95.code, p95.needed) == (None, TOO_FEW, 42)
    assert p95.low == 25
    assert quantile_interval(list(range(72)), 0.95).high == 71
    assert quantile_interval(list(range(19)), 0.95).estimate is None
    assert quantile_interval([1, 2, 3, 4, 5], 0.5).needed == 1


@pytest.mark.parametrize("value", [0.1, 0.7, 12.3])
@pytest.mark.parametrize("n", [2, 3, 6, 7])
def test_the_same_value_over_and_over_has_no_spread(value: float, n: int) -> None:
    """The rounding of the mean of three times 0.1 is no spread."""
    same = (value,) * n
    for found in (mean_interval(same), sd_interval(same), throughput_per_hour(same)):
        assert (found.low, found.code) == (None, NO_SPREAD)
    assert mean_interval(same).estimate == value
    compared = against_baseline(BaselineInput(cycle=Known(20.0)), condition("a", same))
    assert compared.cycle_s is not None
    assert not compared.cycle_s.decided
    assert compared.needed is not None
    assert (compared.needed.more, compared.needed.code) == (None, NO_SPREAD)
    assert parts_for_width(value, 0.0, n, 0.05).code == NO_SPREAD


def test_one_part_is_too_few_whatever_the_baseline() -> None:
    one = condition("a", (12.0,))
    for baseline in (BaselineInput(cycle=Known(20.0)), BaselineInput(cycle_s=(20.0, 21.0))):
        found = against_baseline(baseline, one).cycle_s
        assert found is not None
        assert found.difference == replace(found.difference, low=None, code=TOO_FEW, needed=1)
    alone = against_baseline(BaselineInput(cycle_s=(20.0,)), condition("a", (12.0, 12.5)))
    assert alone.cycle_s is not None
    assert alone.cycle_s.before.code == TOO_FEW
    assert alone.cycle_s.difference.code == BASELINE_UNCERTAIN


def test_energy_without_parts_of_its_own_has_no_interval() -> None:
    total = energy_per_part([], 0.12)
    assert (total.estimate, total.low, total.method, total.code) == (0.12, None, "", NO_METHOD)
    assert energy_per_part([0.1, 0.12, 0.14], 0.12).method == "interval.student_t"
    assert energy_per_part([], None).code == NO_DATA


def test_throughput_stays_open_where_the_mean_could_be_zero() -> None:
    wild = throughput_per_hour([1.0, 100.0])
    assert (wild.high, wild.code) == (None, TOO_FEW)
    assert throughput_per_hour([0.0, 0.0]).estimate is None


@given(
    st.lists(st.floats(0.1, 1000), min_size=2, max_size=6),
    st.lists(st.floats(0.1, 1000), min_size=2, max_size=6),
)
def test_no_time_or_energy_has_an_end_below_zero(first: list[float], second: list[float]) -> None:
    found = of_run(RunInput(first, 1, 0, 0, energy_kwh_each=second))
    right = condition("", tuple(second), 0, 1)
    compared = against_baseline(BaselineInput(cycle_s=tuple(first)), right).cycle_s
    assert compared is not None
    for each in (found.cycle_mean_s, found.cycle_median_s, found.cycle_p95_s, found.cycle_sd_s,
                 found.energy_kwh_per_part, compared.before, compared.after):  # fmt: skip
        assert each.low is None or each.low > 0
    mean = found.cycle_mean_s
    assert (mean.code == NO_LOWER) == (mean.low is None and mean.high is not None)
    assert mean.code != NO_LOWER or (mean.needed and NO_LOWER in found.warnings)


def test_zero_defects_are_not_zero_risk() -> None:
    none = defect_share(0, 30)
    assert (none.low, none.code) == (0.0, ZERO_DEFECTS)
    assert none.high == pytest.approx(0.0950, abs=5e-5)
    assert defect_share(1, 30) == wilson(1, 30)
    assert defect_share(0, 0).code == NO_DATA


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_is_symmetric_and_holds_its_estimate(count: int, n: int) -> None:
    count = min(count, n)
    found, turned = wilson(count, n), wilson(n - count, n)
    assert None not in (found.low, found.high, turned.low, turned.high)
    assert 0 <= (found.low or 0) <= count / n <= (found.high or 0) <= 1
    assert found.low == pytest.approx(1 - (turned.high or 0), abs=1e-12)


@given(st.lists(numbers, min_size=3, max_size=30), numbers, st.floats(0.1, 10))
def test_mean_and_quantiles_move_with_the_values(
    values: list[float], shift: float, scale: float
) -> None:
    first = mean_interval(values)
    moved = mean_interval([shift + scale * value for value in values])
    if first.half_width is None or moved.half_width is None:
        return
    size = abs(shift) + scale * max(map(abs, values))
    assert moved.estimate == pytest.approx(shift + scale * (first.estimate or 0), abs=1e-9 * size)
    assert moved.half_width == pytest.approx(scale * first.half_width, rel=1e-6, abs=1e-9 * size)
    median = quantile_interval(values, 0.5)
    assert median.low is None or median.low <= (median.estimate or 0) <= (median.high or 0)


def test_capability_says_what_it_rests_on() -> None:
    found = capability(STEADY[:20], 28, 32)
    assert FEW_PARTS in found.codes
    assert (found.cmk.code, found.cmk.needed) == (FEW_PARTS, 30)
    assert found.cmk_bound.high is None
    assert (found.cmk_bound.low or 9) < (found.cmk.estimate or 0) < (found.cm.estimate or 0) + 1e-9
    assert (found.percentile_cm.code, found.percentile_cm.needed) == (TOO_FEW, 721)
    enough = capability(STEADY[:50], 28, 32)
    assert (FEW_PARTS in enough.codes, enough.cm.code) == (False, "")
    one_sided = capability(STEADY, 28, None)
    assert (one_sided.cm.code, one_sided.cmk.code) == (ONE_SIDED, "")
    assert capability(STEADY, None, None).codes == (NO_LIMITS,)
    assert capability([5.0] * 60, 4, 6).codes == (NO_SPREAD,)
    assert capability([], 4, 6).codes == (NO_DATA,)


def test_values_that_are_not_normal_get_percentiles_only_when_there_are_enough() -> None:
    skewed = [1.01**i for i in range(800)]
    few, many = capability(skewed[:100] + skewed[700:], 0, None), capability(skewed, 0, 5000)
    assert NOT_NORMAL in few.codes
    assert few.percentile_cmk.estimate is None
    assert many.normality.normal is False
    assert many.percentile_cmk.code == NO_METHOD
    assert (many.percentile_cmk.estimate or 0) > 0
    assert many.cm.estimate is not None


def test_a_gauge_study_must_be_whole() -> None:
    readings = study(AIAG)
    assert gauge_study(readings[:-1]).code == UNBALANCED
    assert gauge_study([each for each in readings if each[1] == "A"]).code == TOO_SMALL
    assert gauge_study([]).code == NO_DATA
    assert gauge_study([(p, o, 1.0) for p, o, _ in readings]).code == NO_SPREAD
    whole = gauge_study(readings, tolerance=8, pool_above=None)
    assert whole.pooled is False
    interaction = next(c for c in whole.components if c.source == "gauge.interaction")
    assert interaction.variance == 0
    assert sum(line.df for line in whole.anova[:4]) == whole.anova[4].df
    assert sum(line.ss for line in whole.anova[:4]) == pytest.approx(whole.anova[4].ss)
    grr = next(c for c in whole.components if c.source == "gauge.grr")
    assert grr.share_tolerance == pytest.approx(6 * (grr.sd.estimate or 0) / 8)
    assert whole.grr_study is not None
    assert not whole.grr_study.excludes(grr.share_study)


def test_study_interval_is_the_published_formula() -> None:
    """Burdick, Borror & Montgomery (2005), the ratio of variances, in their own letters."""
    study_found = gauge_study(study(HOUF))
    s_p, s_o, s_po, s_e = (line.ms or 0.0 for line in study_found.anova[:4])
    p, o, r = 10, 3, 3

    def point(tail: float, df1: float, df2: float) -> float:
        return float(stats.f.ppf(tail, df1, df2))

    ends = []
    for tail, scale in ((0.975, 1 / point(0.975, 9, 1e9)), (0.025, 1 / point(0.025, 9, 1e9))):
        above = p * scale * (s_p - point(tail, 9, 18) * s_po)
        below = p * o * (r - 1) * s_e + o * scale * point(tail, 9, 2) * s_o + o * (p - 1) * s_po
        ends.append((1 + above / below) ** -0.5)
    assert study_found.grr_study is not None
    assert (study_found.grr_study.high, study_found.grr_study.low) == pytest.approx(
        tuple(ends), rel=1e-5
    )


def test_the_spread_of_measuring_has_the_interval_of_its_own_mean_squares() -> None:
    found = gauge_study(study(HOUF), pool_above=None)
    part, operator, crossed, error = (
        (line.ms or 0.0, line.df) for line in found.anova if line.ms is not None
    )
    p, o, r = found.parts, found.operators, found.trials
    weights = {
        "gauge.grr": (0, 1 / (p * r), (p - 1) / (p * r), (r - 1) / r),
        "gauge.tv": (1 / (o * r), 1 / (p * r), (p * o - p - o) / (p * o * r), (r - 1) / r),
    }
    sds = {each.source: each.sd for each in found.components}
    for source, each in weights.items():
        squares = zip(each, (part, operator, crossed, error), strict=True)
        ends = mls_interval([(c, ms, df) for c, (ms, df) in squares if c])
        assert ((sds[source].low or 0) ** 2, (sds[source].high or 0) ** 2) == pytest.approx(ends)


def test_a_baseline_told_as_one_number_leaves_its_uncertainty_open() -> None:
    after = Known(24.0, 2.0, 16)
    told = mean_difference(Known(30.0), after)
    own = mean_of_summary(24, 2, 16)
    assert told.difference.code == told.before.code == BASELINE_UNCERTAIN
    assert told.difference.half_width == pytest.approx(own.half_width)
    assert told.ratio.estimate == pytest.approx(0.8)
    measured = mean_difference(Known(30.0, 3.0, 16), after)
    assert (measured.difference.half_width or 0) > (own.half_width or 0)
    assert measured.decided
    sure = mean_difference(Known(30.0, 1e-9, 1000), after)
    assert (sure.ratio.low, sure.ratio.high) == pytest.approx(
        ((own.low or 0) / 30, (own.high or 0) / 30)
    )
    single = mean_difference(Known(30.0, 3.0, 16), Known(24.0, None, 1))
    assert (single.difference.estimate, single.difference.low) == (-6.0, None)
    assert not single.decided


@given(st.floats(0.05, 5), st.integers(2, 40), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_promised_count_reaches_the_width(sd: float, n: int, share: float) -> None:
    found = parts_for_width(10, sd, n, share)
    assert found.total is not None
    assert found.more == max(0, found.total - n)
    reached = mean_of_summary(10, sd, found.total).half_width
    assert reached is not None
    assert reached <= 10 * share * (1 + 1e-12)
    if found.total > 2:
        short = mean_of_summary(10, sd, found.total - 1).half_width
        assert short is not None
        assert short > 10 * share


@given(st.integers(1, 20), st.integers(20, 100), st.sampled_from([0.01, 0.05, 0.3]))
def test_the_promised_count_tells_scrap_from_its_limit(
    defects: int, judged: int, limit: float
) -> None:
    found = parts_for_scrap_limit(defects, judged, limit)
    share = defects / judged
    if share == limit:
        assert found.code == NO_NUMBER
        return
    assert found.total is not None
    assert wilson(share * found.total, found.total).excludes(limit)
    assert not wilson(share * (found.total - 1), found.total - 1).excludes(limit)


def test_projections_say_so() -> None:
    assert parts_for_scrap_limit(0, 40, 0.05).more == 19
    assert parts_for_zero_defects(0).code == NO_NUMBER
    before, after = Known(10, 2, 50), Known(9.8, 2, 10)
    found = parts_for_difference(before, after)
    assert (found.total, found.code) == (None, NO_NUMBER)  # the baseline alone hides 0.2
    sure = Known(10, 0.01, 500)
    found = parts_for_difference(sure, after)
    assert (found.code, found.total) == (PROJECTION, 10 + (found.more or 0))
    for fewer, decided in ((0, True), (1, False)):  # so many more, and no one fewer
        grown = replace(after, n=10 + (found.more or 0) - fewer)
        assert mean_difference(sure, grown).decided is decided
    assert parts_for_difference(before, Known(10, 2, 10)).code == NO_NUMBER


def test_run_rules_speak_where_they_should() -> None:
    def rules(scores: list[float]) -> list[tuple[int, str]]:
        return [(each.index, each.rule) for each in signals(scores)]

    assert rules([0.5, -3.1, 0.2]) == [(1, "chart.rule_1")]
    assert rules([2.1, 0.0, 2.2]) == [(2, "chart.rule_2")]
    assert rules([2.1, 0.0, -2.2]) == []
    assert rules([-1.1, -1.2, 0.3, -1.5, -1.1]) == [(4, "chart.rule_3")]
    assert rules([-1.1, -1.2, 0.3, 0.2, -1.5, -1.1]) == []
    assert rules([2.1, 0.0, 0.0, 2.2]) == []
    assert rules([0.1] * 8) == [(7, "chart.rule_4")]
    assert rules([0.1] * 7 + [0.0]) == []
    assert rules([3.0, 0.0, 0.0, 0.0, -3.0]) == []  # on a line is not beyond it
    assert individuals_chart([]).code == NO_DATA
    assert individuals_chart([5.0, 5.0, 5.0]).code == NO_SPREAD


@pytest.mark.soak
def test_run_rules_give_false_alarms_as_often_as_published() -> None:
    """All four rules together: 91.75 points on average; Champ & Woodall (1987), Technometrics."""
    import numpy as np

    rng, lengths = np.random.default_rng(20261121), []
    for _ in range(1_600):
        scores: list[float] = []
        spoken: tuple[Signal, ...] = ()
        while not spoken:
            scores += rng.standard_normal(100).tolist()
            spoken = signals(scores)
        lengths.append(spoken[0].index + 1)
    error = float(np.std(lengths)) / 40
    assert abs(float(np.mean(lengths)) - 91.75) <= 4 * error


def test_a_run_at_a_glance() -> None:
    bore = Measured("bore", "mm", 9.95, 10.05, tuple(10 + (c - 30) / 300 for c in STEADY))
    found = of_run(
        RunInput(STEADY, 58, 0, 2, (bore,), energy_kwh_per_part=0.1, scrap_limit=0.01, width=0.001)
    )
    assert found.cycle_mean_s == mean_interval(STEADY)
    assert found.throughput_per_h.estimate == pytest.approx(
        3600 / (found.cycle_mean_s.estimate or 1)
    )
    assert found.yield_share == wilson(58, 60)
    assert found.scrap_share.code == ZERO_DEFECTS
    assert found.zero_defects is not None
    assert found.zero_defects.rule_of_three == 0.05
    assert found.capability[0][1].n == 60
    assert [each.goal for each in found.needed] == ["needed.width", "needed.zero_defects"]
    assert found.needed[1].more == 239
    assert found.energy_kwh_per_part.code == NO_METHOD


def test_a_run_warns() -> None:
    empty = of_run(RunInput((), 0, 0, 0))
    assert empty.cycle_mean_s.code == empty.yield_share.code == NO_DATA
    assert empty.needed == ()
    assert empty.zero_defects is None
    warming = of_run(RunInput(tuple(35 - 0.1 * i for i in range(40)), 40, 0, 0))
    assert warming.cycle_chart.steady is False
    assert warming.warnings == (UNSTABLE,)
    stopped = (30.0,) * 3 + (30.1, 30.2) * 4 + (95.0, 30.0)
    found = of_run(RunInput(stopped, 10, 1, 0))
    assert found.warnings == (NOT_NORMAL,)
    assert found.cycle_chart.signals != ()
    assert found.cycle_mean_s.code == found.cycle_sd_s.code == NOT_NORMAL
    assert found.cycle_median_s.code == ""


def test_conditions_are_set_against_each_other() -> None:
    fast = condition("fast", STEADY, 1, 60)
    slow = BaselineInput(cycle_s=tuple(value + 5 for value in STEADY))
    found = against_baseline(slow, fast)
    assert found.condition == "fast"
    assert found.cycle_s is not None
    assert found.cycle_s.difference.estimate == pytest.approx(-5)
    assert found.cycle_s.decided
    assert found.needed is None
    told = against_baseline(BaselineInput(cycle=Known(30.05)), fast)
    assert told.cycle_s is not None
    assert told.cycle_s.difference.code == BASELINE_UNCERTAIN
    assert told.needed is not None
    assert told.scrap_share is None
    counted = against_baseline(BaselineInput(cycle_s=STEADY, scrap=9, judged=60), fast)
    assert counted.scrap_share is not None
    assert counted.scrap_share.difference.method == "interval.newcombe"
    nothing = against_baseline(BaselineInput(), fast)
    assert (nothing.cycle_s, nothing.scrap_share, nothing.needed) == (None, None, None)
