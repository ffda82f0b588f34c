"""What a robot's values mean: operation, safety, readings, and parts paired with cycle times."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.devices.opcua_robot_view import RobotView
from equipment_drivers.devices.opcua_tree import zero
from equipment_drivers.devices.opcua_values import Sample, overflowed, sample_of
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Fact,
    Operation,
    Quality,
    Reading,
    Safety,
)

T0 = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
BAD = Sample(None, Quality.BAD)
SAFE = {
    "emergency_stop": Sample(False),
    "protective_stop": Sample(False),
    "mode": Sample(4),
}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class HandClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return at(self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Bench:
    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.clock = HandClock()
        self.view = RobotView("r", clock=self.clock, emit=self.facts.append)

    def cycles(self) -> list[tuple[datetime, float, str]]:
        found = [fact for fact in self.facts if isinstance(fact, CycleFinished)]
        return [(cycle.at, cycle.duration_s, cycle.verdict) for cycle in found]

    def readings(self, signal: str) -> list[Reading]:
        return [f for f in self.facts if isinstance(f, Reading) and f.signal == signal]

    def states(self) -> list[DeviceState]:
        return [fact for fact in self.facts if isinstance(fact, DeviceState)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("state", "substate", "operation"),
    [
        ("Idle", BAD, Operation.IDLE),
        ("Ready", Sample("AtProgramStart"), Operation.READY),
        ("Ready", Sample("Suspended"), Operation.PAUSED),
        ("Executing", BAD, Operation.BUSY),
        ("Executing", Sample("Suspended"), Operation.BUSY),
        ("Dreaming", BAD, Operation.UNKNOWN),
    ],
)
def test_operation(bench: Bench, state: str, substate: Sample, operation: Operation) -> None:
    bench.view.begin({"state": Sample(state), "substate": substate})
    assert bench.view.operation is operation


def test_operation_of_a_bad_state_is_unknown_even_with_an_item_state(bench: Bench) -> None:
    bench.view.begin({"state": BAD, "item_state": Sample("Executing")})
    assert bench.view.operation is Operation.UNKNOWN


def test_a_server_without_task_control_is_read_by_its_item_state(bench: Bench) -> None:
    bench.view.begin({"item_state": Sample("OutOfService")})
    assert bench.view.operation is Operation.MAINTENANCE


@pytest.mark.parametrize(
    ("changes", "safety"),
    [
        ({}, Safety.NORMAL),
        ({"mode": Sample(1)}, Safety.REDUCED),
        ({"mode": Sample(2)}, Safety.UNKNOWN),
        ({"mode": Sample(0)}, Safety.UNKNOWN),
        ({"mode": Sample(99)}, Safety.UNKNOWN),
        ({"mode": BAD}, Safety.UNKNOWN),
        ({"emergency_stop": BAD}, Safety.UNKNOWN),
        ({"protective_stop": BAD}, Safety.UNKNOWN),
        ({"emergency_stop": Sample(True)}, Safety.DEVICE_ESTOP),
        ({"protective_stop": Sample(True)}, Safety.PROTECTIVE_STOP),
        ({"emergency_stop": BAD, "protective_stop": Sample(True)}, Safety.PROTECTIVE_STOP),
        ({"emergency_stop": Sample(True), "protective_stop": BAD}, Safety.DEVICE_ESTOP),
    ],
)
def test_safety(bench: Bench, changes: dict[str, Sample], safety: Safety) -> None:
    bench.view.begin(SAFE | changes)
    assert bench.view.safety is safety


@pytest.mark.parametrize("absent", list(SAFE))
def test_an_absent_safety_node_is_unknown(bench: Bench, absent: str) -> None:
    bench.view.begin({key: sample for key, sample in SAFE.items() if key != absent})
    assert bench.view.safety is Safety.UNKNOWN


def test_state_is_told_once_per_change(bench: Bench) -> None:
    bench.view.begin({**SAFE, "state": Sample("Ready"), "program": Sample("p")})
    bench.view.settle()
    bench.view.take("state", Sample("Executing"))
    bench.view.settle()
    bench.view.settle()
    assert [state.operation for state in bench.states()] == [Operation.READY, Operation.BUSY]
    assert bench.states()[0].detail == {"program": "p", "mode": "AUTOMATIC_EXTERNAL"}


def test_a_micro_stop_is_a_message_and_a_detail(bench: Bench) -> None:
    bench.view.begin({"micro_stop": Sample("")})
    bench.view.take("micro_stop", Sample("jam"))
    bench.view.settle()
    bench.view.take("micro_stop", Sample(""))
    bench.view.settle()
    messages = [fact.text for fact in bench.facts if isinstance(fact, DeviceMessage)]
    assert messages == ["jam"]
    assert [state.detail.get("micro_stop") for state in bench.states()] == [None, "jam", None]


# -- readings ---------------------------------------------------------------------------------


def test_readings_carry_unit_quality_and_source_time(bench: Bench) -> None:
    bench.view.scales = {"axis_1": 1.0, "axis_2": 180 / 3.141592653589793, "axis_3": None}
    bench.view.begin(
        {
            "axis_1": Sample(90.0, Quality.GOOD, at(-1)),
            "axis_2": Sample(3.141592653589793),
            "axis_3": Sample(1.0),
            "speed_override": Sample(50.0, Quality.UNCERTAIN),
            "power": Sample("?"),
            "energy": Sample(1.5, Quality.GOOD, at(3)),
        }
    )
    told = {f.signal: (f.value, f.unit, f.quality) for f in bench.facts if isinstance(f, Reading)}
    assert told == {
        "axis_1": (90.0, "deg", Quality.GOOD),
        "axis_2": (pytest.approx(180.0), "deg", Quality.GOOD),
        "axis_3": (None, "deg", Quality.BAD),
        "speed_override": (50.0, "%", Quality.UNCERTAIN),
        "power": (None, "W", Quality.BAD),
        "energy": (1.5, "kW.h", Quality.UNCERTAIN),
    }
    assert bench.readings("axis_1")[0].source == at(-1)


def test_a_probe_keeps_unchanged_values_fresh_and_sees_changes(bench: Bench) -> None:
    bench.view.begin({"power": Sample(100.0)})
    bench.clock.seconds = 5
    assert bench.view.confirm("power", Sample(100.0))
    assert bench.readings("power")[-1].received == at(5)
    assert not bench.view.confirm("power", Sample(101.0))
    assert len(bench.readings("power")) == 2


def test_an_older_value_is_dropped(bench: Bench) -> None:
    bench.view.begin({"power": Sample(2.0, Quality.GOOD, at(2))})
    bench.view.take("power", Sample(1.0, Quality.GOOD, at(1)))
    assert [reading.value for reading in bench.readings("power")] == [2.0]


# -- parts ------------------------------------------------------------------------------------


def test_the_first_reading_of_a_counter_is_no_part(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(41, Quality.GOOD, at(0))})
    bench.clock.seconds = 10
    bench.view.settle()
    assert bench.cycles() == []


def test_several_steps_in_one_batch_each_find_their_cycle_time(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(0), "parts_scrap": Sample(0), "cycle_time": Sample(0.0)})
    for key, value, when in [
        ("parts_good", 1, 10),
        ("parts_scrap", 1, 21),
        ("parts_good", 2, 30),
        ("cycle_time", 10.0, 10),
        ("cycle_time", 11.0, 21),
        ("cycle_time", 9.0, 30),
    ]:
        bench.view.take(key, Sample(value, Quality.GOOD, at(when)))
    bench.view.settle()
    assert bench.cycles() == [
        (at(10), 10.0, "good"),
        (at(21), 11.0, "scrap"),
        (at(30), 9.0, "good"),
    ]


def test_a_cycle_time_that_did_not_change_is_not_sent_again(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(0), "cycle_time": Sample(9.5, Quality.GOOD, at(0))})
    bench.view.take("parts_good", Sample(1, Quality.GOOD, at(9.5)))
    bench.view.settle()
    assert bench.cycles() == []
    bench.clock.seconds += 1
    bench.view.settle()
    assert bench.cycles() == [(at(9.5), 9.5, "good")]


def test_without_cycle_times_the_interval_between_parts_is_used(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(3, Quality.GOOD, at(0))})
    bench.view.take("parts_good", Sample(4, Quality.GOOD, at(12)))
    bench.clock.seconds = 1
    bench.view.settle()
    assert bench.cycles() == [(at(12), 12.0, "good")]


def test_a_counter_that_begins_anew_makes_no_parts(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(8), "cycle_time": Sample(9.5)})
    bench.view.take("parts_good", Sample(0))
    bench.view.take("parts_good", Sample(1))
    bench.clock.seconds = 1
    bench.view.settle()
    assert len(bench.cycles()) == 1


def test_reading_back_in_mid_run_does_not_swallow_parts(bench: Bench) -> None:
    """The full reading may be ahead of the notifications still under way."""
    bench.view.begin({"parts_good": Sample(0, Quality.GOOD, at(0)), "cycle_time": Sample(1.0)})
    bench.view.refresh({"parts_good": Sample(2, Quality.GOOD, at(20)), "cycle_time": Sample(9.0)})
    bench.view.take("parts_good", Sample(1, Quality.GOOD, at(10)))
    bench.view.take("parts_good", Sample(2, Quality.GOOD, at(20)))
    bench.clock.seconds = 1
    bench.view.settle()
    assert [when for when, _, _ in bench.cycles()] == [at(10), at(20)]


@given(st.lists(st.tuples(st.sampled_from(["parts_good", "parts_scrap"]), st.integers(1, 4))))
def test_every_step_is_a_part_and_nothing_else_is(steps: list[tuple[str, int]]) -> None:
    bench = Bench()
    counts = {"parts_good": 0, "parts_scrap": 0}
    bench.view.begin({key: Sample(0, Quality.GOOD, at(0)) for key in counts})
    for number, (key, step) in enumerate(steps, start=1):
        counts[key] += step
        bench.view.take(key, Sample(counts[key], Quality.GOOD, at(number)))
    bench.clock.seconds = 1e3
    bench.view.settle()
    verdicts = [verdict for _, _, verdict in bench.cycles()]
    assert verdicts.count("good") == counts["parts_good"]
    assert verdicts.count("scrap") == counts["parts_scrap"]


# -- waiting ----------------------------------------------------------------------------------


async def test_a_short_passage_through_a_state_is_seen(bench: Bench) -> None:
    bench.view.begin({"state": Sample("Ready")})
    seen = asyncio.create_task(
        bench.view.reaches(lambda: bench.view.operation is Operation.BUSY, 5)
    )
    await asyncio.sleep(0)
    bench.view.take("state", Sample("Executing"))
    bench.view.take("state", Sample("Ready"))
    bench.view.settle()
    assert await seen
    assert not await bench.view.reaches(lambda: bench.view.operation is Operation.BUSY, 0.01)


# -- the wire's words -------------------------------------------------------------------------


def value_of(value: object, status: int = 0) -> ua.DataValue:
    return ua.DataValue(
        ua.Variant(value),
        StatusCode=ua.StatusCode(status),  # type: ignore[arg-type]
        SourceTimestamp=ua.DateTime(2026, 11, 20, 1, 0),
    )


@pytest.mark.parametrize(
    ("data", "sample"),
    [
        (value_of(1.5), Sample(1.5, Quality.GOOD, T0)),
        (value_of(True), Sample(True, Quality.GOOD, T0)),
        (value_of("p"), Sample("p", Quality.GOOD, T0)),
        (value_of(ua.LocalizedText("Ready")), Sample("Ready", Quality.GOOD, T0)),
        (value_of(1.5, ua.StatusCodes.Uncertain), Sample(1.5, Quality.UNCERTAIN, T0)),
        (value_of(1.5, ua.StatusCodes.BadSensorFailure), Sample(1.5, Quality.BAD, T0)),
        (value_of(float("nan")), Sample(None, Quality.BAD, T0)),
        (value_of([1, 2]), Sample(None, Quality.BAD, T0)),
        (ua.DataValue(), Sample(None, Quality.BAD)),
    ],
)
def test_sample_of(data: ua.DataValue, sample: Sample) -> None:
    assert sample_of(data) == sample


def test_the_overflow_bit_is_seen() -> None:
    assert overflowed(value_of(1, 0x0480))
    assert not overflowed(value_of(1, 0))
    assert not overflowed(value_of(1, ua.StatusCodes.BadSensorFailure))


@pytest.mark.parametrize(
    ("number", "namespace", "kind"),
    [(8, 0, "Int64"), (6, 0, "Int32"), (1, 0, "Boolean"), (12, 0, "String"), (3010, 2, "Int32")],
)
def test_zero_of_a_type(number: int, namespace: int, kind: str) -> None:
    assert zero(ua.NodeId(number, namespace)).VariantType.name == kind  # type: ignore[arg-type]


async def test_catching_up_ends_when_every_part_shown_has_been_told(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(4), "parts_scrap": Sample(1), "cycle_time": Sample(9.0)})
    read = {"parts_good": Sample(5), "parts_scrap": Sample(1)}
    waiting = asyncio.create_task(bench.view.catch_up(read, within_s=60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    bench.view.take("parts_good", Sample(5, source=at(8)))
    bench.view.take("cycle_time", Sample(8.5, source=at(8)))
    bench.view.settle()
    await waiting
    assert bench.cycles() == [(at(8), 8.5, "good")]
    await bench.view.catch_up(read, within_s=0.0)  # nothing is missing


async def test_catching_up_does_not_wait_for_ever(bench: Bench) -> None:
    bench.view.begin({"parts_good": Sample(4), "cycle_time": Sample(9.0, source=at(1))})
    bench.view.take("parts_good", Sample(5, source=at(8)))
    bench.view.settle()
    assert bench.cycles() == []  # its cycle time may yet come
    bench.clock.seconds += 1
    await bench.view.catch_up({"parts_good": Sample(7), "parts_scrap": BAD}, within_s=0.0)
    assert bench.cycles() == [(at(8), 9.0, "good")]
