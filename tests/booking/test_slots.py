"""What the grid calls free can be booked, and what it calls anything else cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from booking.calendar import LabCalendar
from booking.facts import Facts
from booking.hours import ALWAYS_OPEN
from booking.model import BookingPolicy, Outage, Party
from booking.rules import propose
from booking.slots import CellState, Occupied, bookable_window, free_starts, week_grid
from booking.spans import Span
from tests.booking.samples import CALENDAR, NOW, PRINTER, ROBOT, minutes, tokyo, wish

FRIDAY = date(2026, 11, 20)


def test_a_week_of_the_printer_reads_like_its_calendar() -> None:
    occupied = Occupied(
        busy=(Span(tokyo("2026-11-20 12:45"), tokyo("2026-11-20 15:15")),),
        outages=(Outage("o", "fdm-1", tokyo("2026-11-24 13:00"), tokyo("2026-11-24 14:00"), ""),),
    )
    grid = week_grid(PRINTER, CALENDAR, occupied, FRIDAY, NOW)
    assert grid.rows == ("09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00")
    days = {column.day.day: [cell.state.value for cell in column.cells] for column in grid.days}
    assert days[20] == ["too_soon", "free", "free", "taken", "taken", "taken", "taken", "free"]
    assert days[21] == days[22] == days[23] == ["closed"] * 8
    # The hours beside the outage fall to it as well: setting up and tidying need the machine.
    assert days[24] == ["free"] * 3 + ["outage"] * 3 + ["free"] * 2
    assert [column.holiday.en for column in grid.days if column.holiday] == [
        "Labor Thanksgiving Day"
    ]


def test_a_day_and_night_lab_has_twenty_four_rows() -> None:
    lab = LabCalendar(ALWAYS_OPEN)
    grid = week_grid(PRINTER, lab, Occupied(), FRIDAY, NOW, day_count=1)
    assert len(grid.rows) == 24
    assert grid.rows[-1] == "23:00"
    assert grid.days[0].cells[-1].end == tokyo("2026-11-21 00:00")


def test_days_beyond_the_horizon_are_not_open_yet() -> None:
    grid = week_grid(PRINTER, CALENDAR, Occupied(), date(2027, 3, 1), NOW, day_count=1)
    assert {cell.state for cell in grid.days[0].cells} == {CellState.TOO_FAR}
    assert grid.free == ()


def test_equipment_never_open_has_no_rows() -> None:
    policy = replace(ROBOT.policy, hours=CALENDAR.hours)
    closed = replace(ROBOT, policy=policy)
    grid = week_grid(closed, CALENDAR, Occupied(), date(2026, 11, 21), NOW, day_count=2)
    assert grid.rows == ()


busy = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 40)).map(
        lambda pair: Span(NOW + minutes(15 * pair[0]), NOW + minutes(15 * (pair[0] + pair[1])))
    ),
    max_size=6,
)
policies = st.builds(
    BookingPolicy,
    min_minutes=st.just(15),
    step_minutes=st.sampled_from([15, 30, 60]),
    setup_minutes=st.sampled_from([0, 10, 45]),
    teardown_minutes=st.sampled_from([0, 5, 60]),
    notice_minutes=st.sampled_from([0, 120]),
    horizon_days=st.sampled_from([3, 90]),
)


@settings(deadline=None)
@given(busy, policies, st.sampled_from([30, 60]))
def test_a_cell_is_free_exactly_when_the_rules_accept_it(
    spans: list[Span], policy: BookingPolicy, cell_minutes: int
) -> None:
    policy = replace(policy, step_minutes=min(policy.step_minutes, cell_minutes))
    equipment = replace(PRINTER, policy=policy)
    occupied = Occupied(busy=tuple(spans))
    known = Facts(NOW, CALENDAR, equipment, Party("sakura", "サクラ"), occupied=occupied)
    grid = week_grid(
        equipment, CALENDAR, occupied, FRIDAY, NOW, day_count=5, cell_minutes=cell_minutes
    )
    for column in grid.days:
        for cell in column.cells:
            request = replace(wish(), start=cell.start, end=cell.end)
            assert (cell.state is CellState.FREE) == (propose(request, known) == [])


@settings(deadline=None)
@given(busy, policies, st.sampled_from([15, 45, 60, 120]))
def test_free_starts_are_all_there_and_all_free(
    spans: list[Span], policy: BookingPolicy, length: int
) -> None:
    equipment = replace(PRINTER, policy=policy)
    occupied = Occupied(busy=tuple(spans))
    window = Span(bookable_window(policy, NOW).start, NOW + timedelta(days=2))
    found = list(free_starts(window, minutes(length), equipment, CALENDAR, occupied))
    expected = []
    for count in range(0, 2 * 24 * 60 + 1, 15):
        start = NOW + minutes(count)
        slot = Span(start, start + minutes(length))
        held = policy.busy(slot)
        if (
            window.start <= start
            and CALENDAR.is_aligned(start, policy.step_minutes)
            and any(span.contains(slot) for span in CALENDAR.open_spans(slot))
            and not any(span.overlaps(held) for span in spans)
        ):
            expected.append(start)
    assert found == expected


def test_the_last_start_of_the_window_belongs_to_it() -> None:
    window = Span(tokyo("2026-11-20 10:00"), tokyo("2026-11-20 11:00"))
    found = list(free_starts(window, minutes(60), PRINTER, CALENDAR, Occupied()))
    assert found == [tokyo(f"2026-11-20 {clock}") for clock in ("10:00", "10:30", "11:00")]
