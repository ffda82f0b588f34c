"""A day's cells as stretches."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.model import BookingPolicy
from booking.slots import Cell, CellState, DayColumn
from lab_controller.portal.week import cell_minutes, stretches, usual_minutes

HOUR = timedelta(hours=1)
MORNING = datetime(2026, 11, 20, tzinfo=UTC)


@given(st.lists(st.sampled_from(CellState), max_size=24))
def test_stretches_cover_the_day_and_keep_free_cells_apart(states: list[CellState]) -> None:
    cells = tuple(
        Cell(MORNING + number * HOUR, MORNING + (number + 1) * HOUR, state)
        for number, state in enumerate(states)
    )
    found = list(stretches(DayColumn(date(2026, 11, 20), None, cells)))
    edges = [MORNING, *(one.end for one in found)]
    assert [one.start for one in found] == edges[:-1]
    assert edges[-1] == MORNING + len(cells) * HOUR
    assert all(one.end - one.start == HOUR for one in found if one.free)
    assert not any(a.state is b.state and not a.free for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("policy", "cell", "usual"),
    [
        (BookingPolicy(), 60, 60),
        (BookingPolicy(step_minutes=45), 90, 90),
        (BookingPolicy(step_minutes=120, min_minutes=120), 120, 120),
        (BookingPolicy(min_minutes=180), 60, 180),
        (BookingPolicy(max_minutes=30), 60, 30),
    ],
)
def test_cells_are_about_an_hour_in_whole_steps(
    policy: BookingPolicy, cell: int, usual: int
) -> None:
    assert (cell_minutes(policy), usual_minutes(policy)) == (cell, usual)
