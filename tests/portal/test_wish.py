"""From the form to the rules and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.calendar import LabCalendar
from booking.errors import Problem
from booking.hours import ALWAYS_OPEN, WeekHours
from booking.model import BookingPolicy, Equipment, Text
from lab_controller.portal import wish
from lab_controller.portal.words import Words

CALENDAR = LabCalendar(ALWAYS_OPEN)
OFFICE = LabCalendar(WeekHours.parse({"mon": "09:00-17:00", "tue": "10:00-12:00"}))
NOW = datetime(2026, 11, 20, 0, 10, tzinfo=UTC)


def machine(**policy: int) -> Equipment:
    """Equipment with a policy."""
    return Equipment("m", Text("機械", "Machine"), "machine_tool", policy=BookingPolicy(**policy))


@given(
    st.integers(0, 50_000_000),
    st.integers(1, 33 * 60),
)
def test_a_slot_survives_the_form(since: int, minutes: int) -> None:
    start = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=since)
    length = timedelta(minutes=minutes)
    typed = {**wish.times_of(CALENDAR, start, length), "head_count": "1"}
    asked = wish.read(typed, "m", CALENDAR, "ja")
    assert asked.unreadable == ()
    assert (asked.request.start, asked.request.end) == (start, start + length)


@given(st.dictionaries(st.sampled_from(wish.FIELDS), st.text(max_size=20)))
def test_whatever_is_typed_is_read_or_named(typed: dict[str, str]) -> None:
    asked = wish.read(typed, "m", CALENDAR, "ja")
    readable = asked.request.start.utcoffset() is not None
    assert readable == ("start" not in {one.field for one in asked.unreadable})


@pytest.mark.parametrize(
    ("typed", "count"), [("4", 4), (" 12 ", 12), ("-1", -1), ("４", 4), ("二", None), ("", None)]
)
def test_a_number_of_people_is_read_as_people_write_it(typed: str, count: int | None) -> None:
    asked = wish.read({"head_count": typed}, "m", CALENDAR, "ja")
    fields = {one.field for one in asked.unreadable}
    assert ("head_count" in fields) == (count is None)
    assert asked.request.head_count == (1 if count is None else count)


def test_what_the_rules_say_of_an_unread_time_is_not_shown() -> None:
    asked = wish.read({}, "m", CALENDAR, "ja")
    found = [
        Problem("booking.naive_time", field="start"),
        Problem("booking.missing", field="company"),
    ]
    shown = [one.code for one in asked.all_problems(found)]
    assert shown == ["portal.unreadable_time", "portal.unreadable_count", "booking.missing"]


def test_times_are_offered_in_steps_within_the_longest_opening() -> None:
    offered = wish.choices(machine(step_minutes=60), Words("ja", OFFICE), NOW, {})
    assert [value for value, _ in offered.starts] == [f"{hour:02d}:00" for hour in range(9, 17)]
    assert [value for value, _ in offered.ends] == [f"{hour:02d}:00" for hour in range(10, 18)]


def test_round_the_clock_a_slot_may_end_on_the_next_day() -> None:
    words = Words("ja", CALENDAR)
    offered = wish.choices(machine(max_minutes=120), words, NOW, {})
    assert offered.ends[-5:] == [
        ("24:00", "24:00"),
        ("24:30", "翌日 0:30"),
        ("25:00", "翌日 1:00"),
        ("25:30", "翌日 1:30"),
        ("26:00", "翌日 2:00"),
    ]


def test_days_reach_to_the_horizon_and_what_was_typed_stays() -> None:
    typed = {"day": "2030-01-01", "start": "09:07"}
    offered = wish.choices(machine(horizon_days=3), Words("ja", OFFICE), NOW, typed)
    days = [value for value, _ in offered.days]
    assert days == ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2030-01-01"]
    assert offered.days[3][1] == "2026年11月23日(月) 休館・勤労感謝の日"
    assert offered.starts[-1] == ("09:07", "09:07")
