from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.gcode_printer_motion import MAX_FEED, Planner

COORDINATE = st.floats(0, 200)
MOVES = st.lists(st.tuples(COORDINATE, COORDINATE, st.floats(1, 100)), min_size=1, max_size=12)


def test_a_move_takes_its_distance_at_its_feed_rate() -> None:
    planner = Planner(16)
    planner.push({"X": 30.0, "Y": 40.0}, 10.0, 100.0)
    assert planner.drained_at(100.0) == pytest.approx(105.0)
    assert planner.where(102.5) == {"X": 15.0, "Y": 20.0, "Z": 0.0, "E": 0.0}
    assert planner.drained_at(105.0) is None
    assert planner.where(105.0)["X"] == 30.0


def test_an_axis_maximum_bounds_the_move() -> None:
    planner = Planner(16)
    planner.push({"X": 1.0, "Z": 20.0}, 1000.0, 0.0)
    assert planner.drained_at(0.0) == pytest.approx(20.0 / MAX_FEED["Z"])


def test_a_pure_extrusion_takes_time() -> None:
    planner = Planner(16)
    planner.push({"E": 5.0}, 2.0, 0.0)
    assert planner.drained_at(0.0) == pytest.approx(2.5)


def test_a_full_queue_says_when_it_has_room() -> None:
    planner = Planner(2)
    for place in (10.0, 20.0):
        assert planner.room_at(0.0) is None
        planner.push({"X": place}, 10.0, 0.0)
    assert planner.room_at(0.5) == pytest.approx(1.0)
    assert planner.room_at(1.0) is None


def test_a_move_to_where_it_is_takes_no_place() -> None:
    planner = Planner(1)
    planner.push({"X": 0.0}, 10.0, 0.0)
    assert planner.queued(0.0) == 0


def test_halt_leaves_the_axes_where_they_are() -> None:
    planner = Planner(16)
    planner.push({"X": 100.0}, 10.0, 0.0)
    planner.push({"Y": 100.0}, 10.0, 0.0)
    planner.halt(2.0)
    assert planner.position == {"X": 20.0, "Y": 0.0, "Z": 0.0, "E": 0.0}
    assert planner.drained_at(2.0) is None


@given(MOVES, st.floats(0, 1))
def test_the_axes_are_always_on_the_way(moves: list[tuple[float, float, float]], at: float) -> None:
    planner = Planner(16)
    for x, y, feed in moves:
        planner.push({"X": x, "Y": y}, feed, 0.0)
    end = planner.drained_at(0.0) or 0.0
    place = planner.where(end * at)
    assert -1e-9 <= place["X"] <= 200 + 1e-9
    assert planner.where(end + 1e-6)["X"] == moves[-1][0]
    assert planner.queued(end + 1e-6) == 0
