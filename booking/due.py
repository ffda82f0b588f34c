"""What the clock brings: idempotent jobs that find all that is due, also after an outage."""

from __future__ import annotations

from datetime import datetime

from booking.model import Booking
from booking.states import State, Verb
from booking.store import bookings
from booking.store.rows import Database, to_ms


def mark_no_shows(db: Database, now: datetime, by: str = "scheduler") -> list[Booking]:
    """Mark every confirmed booking whose party did not come in time; their slots are free again.

    Where the equipment was out of use in that time it is left for staff: the lab was at fault.
    """
    return [
        bookings.change(db, booking, now, by, Verb.NO_SHOW, state=State.NO_SHOW)
        for booking in bookings.overdue(db, now)
    ]


def due_reminders(db: Database, now: datetime) -> list[Booking]:
    """Bookings to remind of now, each until `mark_reminded` says it was done."""
    return bookings.to_remind(db, now)


def mark_reminded(db: Database, booking_id: str, now: datetime, by: str = "scheduler") -> Booking:
    """Note that the reminder went out; noted before: nothing changes."""
    booking = bookings.booking_by_id(db, booking_id)
    if booking.reminded_at is not None:
        return booking
    return bookings.change(db, booking, now, by, "remind", reminded_at=to_ms(now))
