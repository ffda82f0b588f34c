"""Bookings as rows: written with plain statements only, guarded by the table's own triggers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from difflib import get_close_matches

from booking.errors import KeyReused, NoSuchNumber, SlotTaken, UnknownBooking
from booking.model import Booking
from booking.numbers import make_code, make_number, same_code, tidy_number
from booking.spans import Span
from booking.states import State
from booking.store import audit
from booking.store.rows import Database, Row, from_ms, one, rows, to_ms

# No stored span is longer (a CHECK of the table): nothing that began earlier can reach this far.
LONGEST_HOLD = timedelta(days=33)
NEAR = 0.6
"""How alike (0 to 1, as difflib counts) two numbers are to be taken for one another."""
NEWEST = 300
"""Among so many a mistyped number is looked for; more would take over five milliseconds."""


def next_number(db: Database, year: int) -> str:
    """Count one more booking of the year; numbers are never given twice."""
    row = one(db, "SELECT last FROM booking_numbers WHERE year = :year", year=year)
    count = 1 if row is None else row["last"] + 1
    if row is None:
        db.execute("INSERT INTO booking_numbers VALUES (?, ?)", [year, count])
    else:
        db.execute("UPDATE booking_numbers SET last = ? WHERE year = ?", [count, year])
    return make_number(year, count)


def add_booking(db: Database, booking: Booking, key: str, digest: str) -> None:
    """Insert a booking; raises SlotTaken when the table refuses the overlap."""
    with _overlap_named():
        db.table("booking_bookings").insert(
            {
                "id": booking.id,
                "number": booking.number,
                "code": booking.code,
                "equipment_id": booking.equipment_id,
                "party_id": booking.party_id,
                "contact_id": booking.contact_id,
                "operator_id": booking.operator_id,
                "instructor": booking.instructor,
                "start_at": to_ms(booking.start),
                "end_at": to_ms(booking.end),
                "busy_from": to_ms(booking.busy_from),
                "busy_until": to_ms(booking.busy_until),
                "state": booking.state.value,
                "reason": booking.reason,
                "purpose": booking.purpose,
                "head_count": booking.head_count,
                "language": booking.language,
                "check_in_from": to_ms(booking.check_in_from),
                "no_show_at": to_ms(booking.no_show_at),
                "remind_at": to_ms(booking.remind_at),
                "late_cancel_from": to_ms(booking.late_cancel_from),
                "reminded_at": to_ms(booking.reminded_at),
                "cancelled_late": int(booking.cancelled_late),
                "idempotency_key": key,
                "request_digest": digest,
                "requested_at": to_ms(booking.requested_at),
                "requested_by": booking.requested_by,
                "changed_at": to_ms(booking.changed_at),
            }
        )


def change(
    db: Database,
    booking: Booking,
    now: datetime,
    by: str,
    what: str,
    *,
    state: State | None = None,
    reason: str = "",
    note: str = "",
    **columns: object,
) -> Booking:
    """Update one booking and write its audit row; raises SlotTaken.

    With a `state` its `reason` is kept on the booking too; `note` goes to the audit row only.
    """
    values: dict[str, object] = {**columns, "changed_at": to_ms(now)}
    if state is not None:
        values |= {"state": state.value, "reason": reason}
    with _overlap_named():
        db.table("booking_bookings").update(booking.id, values)
    audit.note(
        db,
        now,
        by,
        what,
        "booking",
        booking.id,
        was=booking.state,
        became=state or booking.state,
        reason=" ".join(filter(None, (reason, note))),
    )
    return booking_by_id(db, booking.id)


def booking_by_id(db: Database, booking_id: str) -> Booking:
    """One booking; raises UnknownBooking."""
    row = one(db, "SELECT * FROM booking_bookings WHERE id = :id", id=booking_id)
    if row is None:
        raise UnknownBooking(booking=booking_id)
    return _booking(row)


def booking_named(db: Database, name: str) -> Booking:
    """One booking by its id or by the number staff see.

    Raises NoSuchNumber where there are numbers like it, else UnknownBooking.
    """
    number = tidy_number(name)
    sql = "SELECT * FROM booking_bookings WHERE number = :number OR id = :id"
    row = one(db, sql, number=number, id=name)
    if row is not None:
        return _booking(row)
    newest = "SELECT number FROM booking_bookings ORDER BY number DESC LIMIT :many"
    known = rows(db, newest, {"many": NEWEST})
    near = get_close_matches(number, [each["number"] for each in known], cutoff=NEAR)
    if near:
        raise NoSuchNumber(booking=name, near=", ".join(near))
    raise UnknownBooking(booking=name)


def find_by_number_and_code(db: Database, number: str, code: str) -> Booking:
    """What the status page shows; UnknownBooking alike for a wrong number and a wrong code."""
    sql = "SELECT * FROM booking_bookings WHERE number = :number"
    row = one(db, sql, number=tidy_number(number))
    # Also without a row a comparison is made, so that the answer takes the same time.
    fits = same_code(row["code"] if row else make_code(), code)
    if row is None or not fits:
        raise UnknownBooking(booking=number)
    return _booking(row)


def booking_for_key(db: Database, key: str, digest: str) -> Booking | None:
    """The booking made with this idempotency key; raises KeyReused if its content was another."""
    row = one(db, "SELECT * FROM booking_bookings WHERE idempotency_key = :key", key=key)
    if row is None:
        return None
    if row["request_digest"] != digest:
        raise KeyReused(number=row["number"])
    return _booking(row)


def bookings_between(
    db: Database,
    start: datetime,
    end: datetime,
    *,
    equipment_id: str | None = None,
    states: Iterable[State] | None = None,
) -> list[Booking]:
    """Bookings whose slot shares time with [start, end), by start."""
    sql = """SELECT * FROM booking_bookings
        WHERE start_at < :end AND start_at > :start - :longest AND end_at > :start
            AND (:equipment IS NULL OR equipment_id = :equipment)
            AND state IN (SELECT value FROM json_each(:states))
        ORDER BY start_at, number"""
    params = {
        "start": to_ms(start),
        "end": to_ms(end),
        "longest": LONGEST_HOLD // timedelta(milliseconds=1),
        "equipment": equipment_id,
        "states": json.dumps(sorted(State if states is None else states)),
    }
    return [_booking(row) for row in rows(db, sql, params)]


def busy_spans(
    db: Database, equipment_id: str, start: datetime, end: datetime, *, but_not: str = ""
) -> tuple[Span, ...]:
    """What bookings hold of [start, end), buffers included; one booking may be left out."""
    sql = """SELECT busy_from, busy_until FROM booking_bookings
        WHERE equipment_id = :equipment AND state IN ('requested', 'confirmed', 'checked_in')
            AND busy_from < :end AND busy_from > :start - :longest AND busy_until > :start
            AND id <> :but_not
        ORDER BY busy_from"""
    params = {
        "equipment": equipment_id,
        "start": to_ms(start),
        "end": to_ms(end),
        "longest": LONGEST_HOLD // timedelta(milliseconds=1),
        "but_not": but_not,
    }
    return tuple(
        Span(from_ms(row["busy_from"]), from_ms(row["busy_until"])) for row in rows(db, sql, params)
    )


def checked_in_on(db: Database, equipment_id: str) -> list[Booking]:
    """The bookings whose parties are on the equipment, also past their end."""
    sql = """SELECT * FROM booking_bookings
        WHERE equipment_id = :id AND state = 'checked_in' ORDER BY start_at"""
    return [_booking(row) for row in rows(db, sql, {"id": equipment_id})]


def overdue(db: Database, now: datetime) -> list[Booking]:
    """Confirmed bookings whose party has not come in time, on equipment that was usable then."""
    sql = """SELECT * FROM booking_bookings AS b
        WHERE state = 'confirmed' AND no_show_at <= :now
            AND NOT EXISTS (
                SELECT 1 FROM booking_outages AS o
                WHERE o.equipment_id = b.equipment_id AND o.start_at < b.no_show_at
                    AND (o.end_at IS NULL OR o.end_at > b.start_at)
            )
        ORDER BY no_show_at, number"""
    return [_booking(row) for row in rows(db, sql, {"now": to_ms(now)})]


def to_remind(db: Database, now: datetime) -> list[Booking]:
    """Confirmed bookings still ahead whose reminder is due and was not sent."""
    sql = """SELECT * FROM booking_bookings
        WHERE state = 'confirmed' AND reminded_at IS NULL AND remind_at <= :now
            AND start_at > :now
        ORDER BY start_at, number"""
    return [_booking(row) for row in rows(db, sql, {"now": to_ms(now)})]


@contextmanager
def _overlap_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as fault:
        if "booking.overlap" in str(fault):
            raise SlotTaken from fault
        raise


def _booking(row: Row) -> Booking:
    return Booking(
        id=row["id"],
        number=row["number"],
        code=row["code"],
        equipment_id=row["equipment_id"],
        party_id=row["party_id"],
        contact_id=row["contact_id"],
        operator_id=row["operator_id"],
        instructor=row["instructor"],
        start=from_ms(row["start_at"]),
        end=from_ms(row["end_at"]),
        busy_from=from_ms(row["busy_from"]),
        busy_until=from_ms(row["busy_until"]),
        state=State(row["state"]),
        reason=row["reason"],
        purpose=row["purpose"],
        head_count=row["head_count"],
        language=row["language"],
        check_in_from=from_ms(row["check_in_from"]),
        no_show_at=from_ms(row["no_show_at"]),
        remind_at=from_ms(row["remind_at"]),
        late_cancel_from=from_ms(row["late_cancel_from"]),
        reminded_at=from_ms(row["reminded_at"]),
        cancelled_late=bool(row["cancelled_late"]),
        requested_at=from_ms(row["requested_at"]),
        requested_by=row["requested_by"],
        changed_at=from_ms(row["changed_at"]),
    )
