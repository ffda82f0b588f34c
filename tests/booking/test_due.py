"""Jobs find all that is due, once each, however late they wake."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlite_utils import Database

from booking import desk, due
from booking.errors import BookingRefused
from booking.model import Booking
from booking.states import State
from booking.store import audit, bookings, catalogue, visits
from tests.booking.samples import CALENDAR, NOW, minutes, wish


@pytest.fixture
def one(db: Database) -> Booking:
    made = desk.request_booking(db, wish(), CALENDAR, NOW, "portal")
    return desk.confirm(db, made.id, CALENDAR, NOW, "staff:t")


@pytest.mark.parametrize("late", [0, 1, 59, 60 * 24 * 40])
def test_absence_is_marked_once_however_late_the_job_runs(
    db: Database, one: Booking, late: int
) -> None:
    assert due.mark_no_shows(db, one.no_show_at - timedelta(milliseconds=1)) == []
    (gone,) = due.mark_no_shows(db, one.no_show_at + minutes(late))
    assert (gone.id, gone.state) == (one.id, State.NO_SHOW)
    assert due.mark_no_shows(db, one.no_show_at + minutes(late)) == []
    assert [entry.what for entry in audit.history(db, one.id)].count("no_show") == 1


def test_only_the_confirmed_can_be_absent(db: Database, one: Booking) -> None:
    other = desk.request_booking(
        db, wish(equipment="cobot-1", key="key-00000002"), CALENDAR, NOW, "portal"
    )
    desk.check_in(db, one.id, CALENDAR, one.start, "staff:t")
    assert due.mark_no_shows(db, one.end) == []
    assert bookings.booking_by_id(db, other.id).state is State.REQUESTED


def test_nobody_is_absent_from_a_broken_machine(db: Database, one: Booking) -> None:
    catalogue.add_outage(db, "fdm-1", one.start, one.start + minutes(5), "故障", NOW, "staff:t")
    assert due.mark_no_shows(db, one.end) == []


def test_who_comes_late_may_still_come_in_if_the_slot_is_free(db: Database, one: Booking) -> None:
    due.mark_no_shows(db, one.no_show_at)
    visit = desk.check_in(db, one.id, CALENDAR, one.no_show_at, "staff:t")
    assert visits.visit_of(db, one.id) == visit


def test_who_comes_late_finds_the_slot_given_away(db: Database, one: Booking) -> None:
    due.mark_no_shows(db, one.no_show_at)
    desk.request_booking(
        db,
        wish(start="2026-11-20 14:30", end="2026-11-20 16:00", key="key-00000002"),
        CALENDAR,
        NOW,
        "portal",
    )
    with pytest.raises(BookingRefused) as caught:
        desk.check_in(db, one.id, CALENDAR, one.no_show_at, "staff:t")
    assert [problem.code for problem in caught.value.problems] == ["booking.overlap"]


def test_a_reminder_is_due_until_it_was_sent_and_only_before_the_start(
    db: Database, one: Booking
) -> None:
    assert due.due_reminders(db, one.remind_at - timedelta(milliseconds=1)) == []
    assert due.due_reminders(db, one.remind_at) == [one]
    assert due.due_reminders(db, one.start) == []
    sent = due.mark_reminded(db, one.id, NOW)
    assert sent.reminded_at == NOW
    assert due.mark_reminded(db, one.id, NOW + minutes(5)) == sent
    assert due.due_reminders(db, NOW) == []
    assert [entry.what for entry in audit.history(db, one.id)].count("remind") == 1


def test_an_unanswered_request_is_not_reminded(db: Database) -> None:
    desk.request_booking(db, wish(), CALENDAR, NOW, "portal")
    assert due.due_reminders(db, NOW) == []
