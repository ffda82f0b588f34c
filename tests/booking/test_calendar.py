"""The lab is open when its week says so, unless a holiday or a closure says otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import jpholiday
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.calendar import LabCalendar, public_holiday
from booking.errors import BadInput
from booking.hours import ALWAYS_OPEN, WeekHours
from booking.model import Closure, Text
from booking.spans import Span
from tests.booking.samples import CALENDAR, NOW, minutes, tokyo

BERLIN = LabCalendar(ALWAYS_OPEN, zone="Europe/Berlin", closed_on_holidays=False)

instants = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001
    datetime(2030, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
lengths = st.timedeltas(timedelta(minutes=1), timedelta(days=12))


def test_the_holidays_of_seven_years_agree_with_a_second_source() -> None:
    day, wrong = date(2024, 1, 1), []
    while day <= date(2030, 12, 31):
        found = public_holiday(day)
        if (found is not None) != jpholiday.is_holiday(day):
            wrong.append(day)
        day += timedelta(days=1)
    assert not wrong


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 11, 23), Text("勤労感謝の日", "Labor Thanksgiving Day")),
        (date(2026, 9, 22), Text("国民の休日", "National Holiday")),
        (date(2026, 11, 24), None),
        (date(2150, 1, 1), None),
        (date(1, 1, 1), None),
    ],
)
def test_holidays_have_both_names(day: date, name: Text | None) -> None:
    assert public_holiday(day) == name


def test_a_weekday_is_open_in_its_hours_only() -> None:
    day = CALENDAR.whole_day(date(2026, 11, 20))
    opened = Span(tokyo("2026-11-20 09:00"), tokyo("2026-11-20 17:00"))
    assert CALENDAR.open_spans(day) == [opened]


def test_a_weekend_a_holiday_and_a_closure_are_shut() -> None:
    weekend_and_holiday = Span(tokyo("2026-11-21 00:00"), tokyo("2026-11-24 00:00"))
    new_year = Span(tokyo("2026-12-29 00:00"), tokyo("2027-01-04 00:00"))
    assert CALENDAR.open_spans(weekend_and_holiday) == []
    assert CALENDAR.open_spans(new_year) == []
    assert [closure.reason.en for closure in CALENDAR.closures_in(new_year)] == ["New Year"]


def test_a_lab_may_stay_open_on_holidays() -> None:
    always = LabCalendar(ALWAYS_OPEN, closed_on_holidays=False)
    weeks = Span(tokyo("2026-11-01 00:00"), tokyo("2026-12-01 00:00"))
    assert always.open_spans(weeks) == [weeks]
    assert always.holiday_on(date(2026, 11, 23)) is None


def test_equipment_may_have_hours_of_its_own() -> None:
    early = WeekHours.parse({"fri": "06:00-07:00"})
    day = CALENDAR.whole_day(date(2026, 11, 20))
    assert CALENDAR.open_spans(day, early) == [
        Span(tokyo("2026-11-20 06:00"), tokyo("2026-11-20 07:00"))
    ]


def test_a_closure_cuts_a_day_in_two() -> None:
    lunch = Closure(tokyo("2026-11-20 12:00"), tokyo("2026-11-20 13:00"))
    calendar = LabCalendar(CALENDAR.hours, closures=(lunch,))
    assert calendar.open_spans(calendar.whole_day(date(2026, 11, 20))) == [
        Span(tokyo("2026-11-20 09:00"), tokyo("2026-11-20 12:00")),
        Span(tokyo("2026-11-20 13:00"), tokyo("2026-11-20 17:00")),
    ]


@pytest.mark.parametrize("zone", ["Asia/Nowhere", "", "../etc/passwd", "ここ"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadInput) as caught:
        LabCalendar(ALWAYS_OPEN, zone=zone)
    assert caught.value.code == "booking.bad_zone"


def test_times_are_shown_on_the_labs_clock() -> None:
    assert CALENDAR.show(NOW) == "2026-11-20 09:00"
    last = datetime(9999, 12, 31, 23, 0, tzinfo=UTC)
    assert CALENDAR.show(last) == "9999-12-31 23:00"


def test_the_day_ends_before_its_last_midnight() -> None:
    one = Span(tokyo("2026-11-20 00:00"), tokyo("2026-11-21 00:00"))
    assert list(CALENDAR.days(one)) == [date(2026, 11, 20)]


@settings(deadline=None)
@given(instants, lengths)
def test_open_time_lies_inside_the_span_and_the_hours(start: datetime, length: timedelta) -> None:
    span = Span(start, start + length)
    for opened in CALENDAR.open_spans(span):
        assert span.contains(opened)
        first, last = CALENDAR.local(opened.start), CALENDAR.local(opened.end)
        assert first.date() == last.date()
        assert first.weekday() < 5
        assert not jpholiday.is_holiday(first.date())
        assert first.hour >= 9
        assert last.hour * 60 + last.minute <= 17 * 60


@settings(deadline=None)
@given(instants, lengths, st.timedeltas(timedelta(), timedelta(days=12)))
def test_an_instant_is_open_or_shut_however_it_is_asked(
    start: datetime, length: timedelta, offset: timedelta
) -> None:
    at = start + offset % length
    moment = Span(at, at + timedelta(microseconds=1))
    asked_alone = bool(CALENDAR.open_spans(moment))
    asked_inside = any(
        opened.contains(moment) for opened in CALENDAR.open_spans(Span(start, moment.end + length))
    )
    assert asked_alone == asked_inside


@settings(deadline=None)
@given(instants, st.sampled_from([1, 5, 10, 15, 20, 30, 45, 60, 90, 120, 480, 1440]))
def test_aligning_goes_to_the_next_step_and_no_further(when: datetime, step: int) -> None:
    aligned = CALENDAR.align_up(when, step)
    assert CALENDAR.is_aligned(aligned, step)
    assert when <= aligned < when + minutes(step)
    assert CALENDAR.align_up(aligned, step) == aligned


@settings(deadline=None)
@given(st.integers(0, 1440), st.sampled_from([date(2026, 3, 29), date(2026, 10, 25)]))
def test_aligning_survives_a_change_of_the_clock(minute: int, day: date) -> None:
    when = BERLIN.at(day, 0) + minutes(minute)
    aligned = BERLIN.align_up(when, 60)
    assert BERLIN.is_aligned(aligned, 60)
    assert aligned - when < timedelta(hours=2)
    assert BERLIN.align_up(when, 1440) in {
        BERLIN.at(day, 0),
        BERLIN.at(day, 1440),
        BERLIN.at(day, 2880),
    }


@settings(deadline=None)
@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(0, 1439))
def test_a_minute_of_the_day_is_what_the_wall_clock_shows(day: date, minute: int) -> None:
    local = CALENDAR.at(day, minute).astimezone(ZoneInfo("Asia/Tokyo"))
    assert (local.date(), local.hour * 60 + local.minute) == (day, minute)
    assert CALENDAR.at(day, 1440) == CALENDAR.at(day + timedelta(days=1), 0)
