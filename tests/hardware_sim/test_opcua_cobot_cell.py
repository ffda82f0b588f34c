from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.opcua_cobot_cell import Cell, Halt, MicroStop, Part, Refused, State, StateChange
from hardware_sim.opcua_cobot_path import PROGRAMS, REST, pose_at


def cell_with(program: str = "pick_and_place", seed: int = 1, **rates: float) -> Cell:
    cell = Cell(random.Random(seed), 0.0, **rates)  # type: ignore[arg-type]
    cell.load(0.0, program)
    cell.take_events()
    return cell


def parts_of(cell: Cell) -> list[Part]:
    return [event for event in cell.take_events() if isinstance(event, Part)]


def test_cycle_times_scrap_and_micro_stops_are_of_the_stated_size() -> None:
    cell = cell_with()
    cell.start(0.0)
    cell.settle(40_000.0)
    events = cell.take_events()
    parts = [event for event in events if isinstance(event, Part)]
    stops = [event for event in events if isinstance(event, MicroStop) and event.cause]
    times = sorted(part.cycle_time_s for part in parts)
    assert 3_000 < len(parts) < 4_300
    assert times[len(times) // 2] == pytest.approx(9.5, rel=0.02)
    assert times[0] < 8.3 < 11.0 < times[-1]
    assert 0.02 < sum(not part.good for part in parts) / len(parts) < 0.04
    assert 0.03 < len(stops) / len(parts) < 0.05
    assert all(5.0 <= stop.seconds <= 60.0 for stop in stops)


def test_the_time_line_adds_up() -> None:
    cell = cell_with()
    cell.start(10.0)
    cell.settle(2_000.0)
    events = cell.take_events()
    clock = 10.0
    for event in events:
        if isinstance(event, MicroStop) and event.cause:
            assert event.at == pytest.approx(clock)
            clock += event.seconds
        elif isinstance(event, Part):
            clock += event.cycle_time_s
            assert event.at == pytest.approx(clock)
    assert [event.at for event in events] == sorted(event.at for event in events)


@given(st.lists(st.floats(0.01, 40.0), min_size=1, max_size=60))
def test_how_often_one_looks_changes_nothing(looks: list[float]) -> None:
    watched, alone = cell_with(seed=5), cell_with(seed=5)
    watched.start(0.0)
    alone.start(0.0)
    now = 0.0
    for look in looks:
        now += look
        watched.settle(now)
    alone.settle(now)
    seen, truth = parts_of(watched), parts_of(alone)
    assert [part.good for part in seen] == [part.good for part in truth]
    assert [part.at for part in seen] == pytest.approx([part.at for part in truth])
    assert watched.energy_kwh == pytest.approx(alone.energy_kwh)
    assert watched.pose == pytest.approx(alone.pose, abs=1e-6)


def test_stop_slows_down_then_stands_and_loses_the_part() -> None:
    cell = cell_with(micro_stop_rate=0.0)
    cell.start(0.0)
    cell.settle(2.0)
    before = cell.pose
    cell.stop(2.0)
    assert cell.state.value == "Executing"
    cell.settle(2.3)
    assert cell.state.value == "Ready"
    assert not cell.suspended
    standing = cell.pose
    assert standing != before
    cell.settle(500.0)
    assert cell.pose == standing
    assert cell.parts == {True: 0, False: 0}
    halt = next(event for event in cell.take_events() if isinstance(event, Halt))
    assert halt.reason == "stop"
    assert halt.at == pytest.approx(2.3)


def test_hold_keeps_the_part_and_its_cycle_time() -> None:
    held, straight = (cell_with(micro_stop_rate=0.0) for _ in range(2))
    held.start(0.0)
    straight.start(0.0)
    straight.settle(60.0)
    held.hold(4.0)
    held.settle(100.0)
    assert held.suspended
    held.proceed(100.0)
    held.settle(120.0)
    whole = parts_of(straight)[0].cycle_time_s
    assert parts_of(held)[0].cycle_time_s == whole


def test_start_is_refused_when_unsafe_or_without_a_program() -> None:
    cell = Cell(random.Random(1), 0.0)
    with pytest.raises(Refused, match="state"):
        cell.start(1.0)
    with pytest.raises(Refused, match="unknown_program"):
        cell.load(1.0, "weld")
    cell.load(1.0, "machine_tending")
    for unsafe in ({"estop": True}, {"protective": True}, {"automatic": False}):
        safety = {"estop": False, "protective": False, "automatic": True} | unsafe
        cell.set_safety(2.0, **safety)
        with pytest.raises(Refused, match="safety"):
            cell.start(3.0)
        cell.settle(60.0)
        assert cell.pose == REST


@pytest.mark.parametrize(("kind", "kept"), [("estop", False), ("protective", True)])
def test_a_safety_stop_ends_motion_and_clearing_it_starts_nothing(kind: str, kept: bool) -> None:
    cell = cell_with(micro_stop_rate=0.0)
    cell.start(0.0)
    safe = {"estop": False, "protective": False, "automatic": True}
    cell.set_safety(3.0, **(safe | {kind: True}))
    cell.settle(4.0)
    cell.set_safety(5.0, **safe)
    cell.settle(600.0)
    assert cell.state is State.READY
    assert cell.suspended is kept
    assert parts_of(cell) == []


def test_stop_during_hold_drops_the_part() -> None:
    cell = cell_with(micro_stop_rate=0.0)
    cell.start(0.0)
    cell.hold(3.0)
    cell.settle(5.0)
    cell.stop(6.0)
    assert cell.state is State.READY
    assert not cell.suspended
    assert isinstance(cell.take_events()[-1], StateChange)


def test_energy_is_power_times_time() -> None:
    cell = cell_with(micro_stop_rate=0.0)
    cell.settle(3600.0)
    assert cell.energy_kwh == pytest.approx(0.140)


@given(st.floats(0.0, 1.0), st.floats(0.0, 0.001))
def test_axes_never_jump(progress: float, step: float) -> None:
    program = PROGRAMS["pick_and_place"]
    begin = program.path[-1][1]
    here = pose_at(program, begin, progress)
    there = pose_at(program, begin, min(1.0, progress + step))
    assert all(abs(a - b) < 2.0 for a, b in zip(here, there, strict=True))
