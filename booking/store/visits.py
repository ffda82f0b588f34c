"""Visits: who was here, how many, from when to when (the row the ward counts)."""

from __future__ import annotations

from datetime import datetime

from booking.model import Booking, Visit
from booking.store import audit
from booking.store.rows import Database, Row, from_ms, new_id, one, rows, to_ms


def open_visit(db: Database, booking: Booking, head_count: int, now: datetime, by: str) -> Visit:
    """A party has come in."""
    visit = Visit(
        new_id(), booking.id, booking.party_id, booking.equipment_id, head_count, arrived=now
    )
    db.table("booking_visits").insert(
        {
            "id": visit.id,
            "booking_id": visit.booking_id,
            "party_id": visit.party_id,
            "equipment_id": visit.equipment_id,
            "head_count": head_count,
            "arrived_at": to_ms(now),
            "left_at": None,
        }
    )
    audit.note(db, now, by, "arrive", "visit", visit.id, became=str(head_count))
    return visit


def close_visit(db: Database, booking_id: str, now: datetime, by: str) -> Visit:
    """The party has left; a clock that went back cannot make it leave before it came."""
    visit = _visit(
        rows(db, "SELECT * FROM booking_visits WHERE booking_id = :id", {"id": booking_id})[0]
    )
    left = max(now, visit.arrived)
    db.table("booking_visits").update(visit.id, {"left_at": to_ms(left)})
    audit.note(db, now, by, "leave", "visit", visit.id)
    return Visit(
        visit.id,
        visit.booking_id,
        visit.party_id,
        visit.equipment_id,
        visit.head_count,
        visit.arrived,
        left,
    )


def visit_of(db: Database, booking_id: str) -> Visit | None:
    """The visit of a booking, if its party has come."""
    row = one(db, "SELECT * FROM booking_visits WHERE booking_id = :id", id=booking_id)
    return None if row is None else _visit(row)


def present(db: Database) -> list[Visit]:
    """The visits that have not ended."""
    sql = "SELECT * FROM booking_visits WHERE left_at IS NULL ORDER BY arrived_at"
    return [_visit(row) for row in rows(db, sql)]


def _visit(row: Row) -> Visit:
    return Visit(
        id=row["id"],
        booking_id=row["booking_id"],
        party_id=row["party_id"],
        equipment_id=row["equipment_id"],
        head_count=row["head_count"],
        arrived=from_ms(row["arrived_at"]),
        left=from_ms(row["left_at"]),
    )
