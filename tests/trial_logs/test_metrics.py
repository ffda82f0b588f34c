"""The formulas against values worked out by hand, against numpy, and against their own laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trial_logs import metrics
from trial_logs.metrics import Counts, Figure
from trial_logs.model import Limit, Quality, Verdict
from trial_logs.spans import overlap, subtract, total, union

SECONDS = st.floats(min_value=0.001, max_value=1e5)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


def test_cycle_times_worked_out_by_hand() -> None:
    stats = metrics.cycle_stats([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert stats.n == 8
    assert stats.mean.value == 5.0
    assert stats.median.value == 4.5
    assert (stats.minimum.value, stats.maximum.value) == (2.0, 9.0)
    assert stats.sd.value == pytest.approx(math.sqrt(32 / 7))
    assert stats.p95 == Figure(None, "number.too_few")


def test_p95_of_twenty_values_by_hand() -> None:
    # position 19 × 0.95 = 18.05: between the 19th and the 20th value
    stats = metrics.cycle_stats([float(n) for n in range(1, 21)])
    assert stats.p95.value == pytest.approx(19.05)


@given(st.lists(SECONDS, min_size=20, max_size=80))
def test_cycle_times_agree_with_numpy(seconds: list[float]) -> None:
    stats = metrics.cycle_stats(seconds)
    assert stats.mean.value == pytest.approx(np.mean(seconds))
    assert stats.median.value == pytest.approx(np.median(seconds))
    assert stats.p95.value == pytest.approx(np.percentile(seconds, 95, method="linear"))
    assert stats.sd.value == pytest.approx(np.std(seconds, ddof=1), rel=1e-6, abs=1e-6)


@given(st.lists(SECONDS, min_size=1, max_size=40), st.randoms())
def test_the_order_of_parts_does_not_matter(seconds: list[float], randomness: object) -> None:
    shuffled = list(seconds)
    randomness.shuffle(shuffled)  # type: ignore[attr-defined]
    assert metrics.cycle_stats(shuffled) == metrics.cycle_stats(seconds)


@given(st.lists(SECONDS, min_size=1, max_size=40), st.floats(0, 1))
def test_a_quantile_lies_within_the_values(seconds: list[float], p: float) -> None:
    ordered = sorted(seconds)
    found = metrics.quantile(ordered, p)
    assert ordered[0] <= found <= ordered[-1] * (1 + 1e-12)


def test_no_cycle_time_is_said_not_guessed() -> None:
    stats = metrics.cycle_stats([])
    assert {stats.mean, stats.median, stats.p95, stats.sd} == {Figure(None, "number.no_data")}
    assert metrics.cycle_stats([3.0]).sd == Figure(None, "number.too_few")


def test_counts_leave_out_what_was_taken_back() -> None:
    verdicts = [Verdict.GOOD] * 7 + [Verdict.SCRAP] * 2 + [Verdict.REWORK, Verdict.VOID]
    counts = metrics.count_parts([*verdicts, Verdict.UNJUDGED])
    assert counts == Counts(produced=11, good=7, scrap=2, rework=1, unjudged=1)
    assert metrics.yield_share(counts).value == 0.7
    assert metrics.scrap_share(counts).value == 0.2


def test_a_yield_of_nothing_is_no_number() -> None:
    assert metrics.yield_share(metrics.count_parts([])) == Figure(None, "number.no_data")


@pytest.mark.parametrize(
    ("values", "grown", "code"),
    [
        ([1.5, 1.5, 2.0], 0.5, ""),
        ([5.0, 5.4, 0.1, 0.3], 0.4 + 0.1 + 0.2, "number.counter_reset"),
        ([5.0, 4.99, 5.2], 0.2, "number.counter_dip"),
        ([0.0, 0.0], 0.0, ""),
    ],
)
def test_a_counter_grows_by_its_difference(values: list[float], grown: float, code: str) -> None:
    found = metrics.counter_difference(values)
    assert found.value == pytest.approx(grown)
    assert found.code == code


def test_one_reading_of_a_counter_says_nothing() -> None:
    assert metrics.counter_difference([3.0]) == Figure(None, "number.no_data")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 1e4), st.floats(0, 1e3))
def test_a_counter_that_only_rises_gives_last_minus_first(
    steps: list[float], start: float, lost: float
) -> None:
    values = [start]
    for step in steps:
        values.append(values[-1] + step)
    found = metrics.counter_difference(values)
    assert found.value == pytest.approx(values[-1] - values[0], abs=1e-9)
    assert found.code == ""
    restarted = metrics.counter_difference([lost + 1, 0.0, *(v - start for v in values)])
    assert restarted.value == pytest.approx(values[-1] - values[0], abs=1e-9)
    assert restarted.code == "number.counter_reset"


def test_energy_per_part_keeps_the_flag() -> None:
    counts = Counts(4, 3, 1, 0, 0)
    assert metrics.per_part(Figure(2.0, "number.counter_reset"), counts) == Figure(
        0.5, "number.counter_reset"
    )
    assert metrics.per_part(Figure(2.0), Counts(0, 0, 0, 0, 0)).code == "number.no_data"


def band(*samples: tuple[int, float | None], **more: object) -> metrics.BandTime:
    settings: dict[str, object] = {
        "running": [(0, 100_000_000)], "gaps": [], "hold_us": 30_000_000, **more,
    }  # fmt: skip
    stamped = [(at * 1_000_000, value, Quality.GOOD) for at, value in samples]
    return metrics.time_in_band(stamped, 10.0, 20.0, **settings)  # type: ignore[arg-type]


def test_time_in_band_by_hand() -> None:
    # in 0–20, above 20–30, missing 30–40, below 40–60, in 60–90 (held 30 s), unknown 90–100
    found = band((0, 15.0), (20, 20.5), (30, None), (40, 9.0), (60, 10.0))
    assert (found.in_s, found.above_s, found.below_s, found.unknown_s) == (50.0, 10.0, 20.0, 20.0)
    assert found.in_share.value == pytest.approx(50 / 80)


def test_pauses_do_not_count_and_gaps_are_unknown() -> None:
    running = [(0, 40_000_000), (60_000_000, 100_000_000)]
    samples = [(n, 15.0) for n in range(0, 100, 5)]
    found = band(*samples, running=running, gaps=[(10_000_000, 20_000_000)])
    assert (found.in_s, found.unknown_s) == (70.0, 10.0)


def test_a_bad_value_stands_for_nothing() -> None:
    bad = [(0, 15.0, Quality.BAD), (5_000_000, 15.0, Quality.UNCERTAIN)]
    found = metrics.time_in_band(bad, 10, 20, [(0, 10_000_000)], [], 30_000_000)
    assert (found.in_s, found.unknown_s) == (5.0, 5.0)
    nothing = metrics.time_in_band([], 10, 20, [(0, 10_000_000)], [], 1)
    assert nothing.in_share == Figure(None, "number.no_data")


@given(
    st.lists(st.tuples(st.integers(0, 60), st.none() | st.floats(0, 30)), max_size=20),
    SPANS, SPANS, st.integers(1, 30),
)  # fmt: skip
def test_every_running_second_is_counted_once(
    samples: list[tuple[int, float | None]],
    running: list[tuple[int, int]],
    gaps: list[tuple[int, int]],
    hold: int,
) -> None:
    stamped = [(at, value, Quality.GOOD) for at, value in sorted(samples, key=lambda s: s[0])]
    spans = union(running)
    found = metrics.time_in_band(stamped, 10, 20, spans, gaps, hold)
    parts = (found.in_s, found.below_s, found.above_s, found.unknown_s)
    assert all(part >= -1e-12 for part in parts)
    assert sum(parts) == pytest.approx(total(spans) / 1e6)


@given(SPANS, SPANS)
def test_spans_are_sets_of_points(
    spans: list[tuple[int, int]], holes: list[tuple[int, int]]
) -> None:
    def points(of: list[tuple[int, int]]) -> set[int]:
        return {point for start, end in of for point in range(start, end)}

    left = subtract(spans, holes)
    assert points(left) == points(spans) - points(holes)
    assert total(left) == len(points(left))
    assert overlap(left, 10, 30) == len(points(left) & set(range(10, 30)))


@pytest.mark.parametrize(
    ("value", "nominal", "tolerance", "within"),
    [
        (20.1, 20.0, 0.1, True),
        (19.9, 20, 0.1, True),
        (20.11, 20, 0.1, False),
        (0.3, 0.1, 0.2, True),
    ],
)
def test_a_limit_is_judged_in_the_decimals_as_written(
    value: float, nominal: float, tolerance: float, within: bool
) -> None:
    limit = Limit("幅", nominal, tolerance, "mm")
    assert metrics.is_within(value, limit.lower, limit.upper) is within


def test_measurements_against_a_limit() -> None:
    found = metrics.against_limit([19.95, 20.1, 20.2], 19.9, 20.1)
    assert (found.n, found.within) == (3, 2)
    assert found.mean.value == pytest.approx(20.083333)
    assert (found.minimum.value, found.maximum.value) == (19.95, 20.2)
