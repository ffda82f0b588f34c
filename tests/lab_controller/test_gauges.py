"""A gauge bound to a limit measures by itself: once for each value, never what it cannot know."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from equipment_drivers.model import Quality, Reading
from lab_controller.gauges import Gauges
from tests.lab_controller.bench import BY, Bench
from trial_logs import record
from trial_logs.model import Condition, Limit, Sample, TrialDraft

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
WIDTH = Limit("幅", 25.0, 0.1, "mm", "caliper.width")
BORE = Limit("bore", 5.0, 0.05, "mm", "ノギス No.3")


def told(value: float | None, *, signal: str = "width", second: int = 0) -> Reading:
    at = NOW + timedelta(seconds=second)
    return Reading("caliper", signal, value, "mm", Quality.GOOD, at, None)


def values(gauges: Gauges, *readings: Reading, by_hand: bool = False) -> list[float]:
    return [one.value for reading in readings for one in gauges.measured(reading, by_hand=by_hand)]


def test_a_polled_gauge_counts_when_its_value_or_its_own_stamp_is_another() -> None:
    gauges = Gauges([WIDTH, BORE])
    assert gauges.devices({"caliper", "robot"}) == {"caliper"}
    assert gauges.devices({"robot"}) == frozenset()
    gauges.remember(told(24.9))  # what it showed before the run
    assert values(gauges, told(24.9, second=1), told(25.02), told(25.02)) == [25.02]
    pressed = [replace(told(25.02), source=NOW + timedelta(seconds=n)) for n in (1, 2)]
    assert values(gauges, *pressed) == [25.02, 25.02]
    (one,) = gauges.measured(told(24.97), by_hand=False)
    assert (one.characteristic, one.gauge, one.unit) == ("幅", "caliper.width", "mm")


def test_what_a_person_enters_counts_each_time_also_by_the_characteristics_name() -> None:
    bore = told(5.01, signal="bore")
    assert values(Gauges([WIDTH, BORE]), bore, bore, by_hand=True) == [5.01, 5.01]
    assert values(Gauges([WIDTH, BORE]), bore) == []


def test_what_is_no_good_value_of_one_limit_is_no_measurement() -> None:
    gauges = Gauges([WIDTH])
    bad = [told(None), told(math.inf), told(math.nan), replace(told(25.0), unit="um")]
    bad += [replace(told(25.0), quality=quality) for quality in (Quality.BAD, Quality.UNCERTAIN)]
    assert values(gauges, *bad, told(25.0, signal="depth"), by_hand=True) == []
    both = Gauges([WIDTH, replace(WIDTH, characteristic="高さ")])  # which one was meant?
    assert values(both, told(25.0)) == []


async def test_a_bound_gauge_measures_for_the_run_and_its_readings_are_kept(bench: Bench) -> None:
    booking = await bench.armed()
    heat = Limit("液温", 21.0, 2.0, "Cel", "room.heat")
    draft = TrialDraft(
        booking.id, "sakura", booking.equipment_id, "液温", limits=(heat,),
        conditions=(Condition("標準"),),
    )  # fmt: skip
    trials = bench.lab.trials
    trial = await trials.create(draft)
    run = (await trials.plan_run(trial.id, "標準", "佐倉 花")).run.id
    hub = bench.driver("hub")
    hub.measure("room", "heat", 20.0)
    await trials.start(run, by=BY)
    for value in (20.0, 21.5, 21.5, 22.0):
        hub.measure("room", "heat", value)
    await trials.finish(run, by=BY)
    none: list[record.Measured] = []
    measured = trials.read_evidence(run, record.measurements, none)
    assert [one.value for one in measured] == [21.5, 22.0]
    nothing: list[Sample] = []
    everything = trials.read_evidence(run, lambda db: [*record.all_readings(db)], nothing)
    kept = [one.value for one in everything if one.series.device == "room"]
    assert kept == [20.0, 20.0, 21.5, 21.5, 22.0]
