"""Reads from the tables what the rules need to know about one wish."""

from __future__ import annotations

from datetime import datetime, timedelta

from booking.calendar import LabCalendar
from booking.facts import LONGEST, Facts
from booking.model import BookingRequest
from booking.slots import Occupied, bookable_window
from booking.store import bookings, catalogue, directory
from booking.store.rows import Database

# What may reach into a span from outside: the longest slot and a buffer of one day on each side.
REACH = LONGEST + timedelta(days=2)


def facts_about(
    db: Database,
    request: BookingRequest,
    calendar: LabCalendar,
    now: datetime,
    *,
    but_not: str = "",
) -> Facts:
    """All that is known around the wish; the booking `but_not` does not stand in its own way."""
    operator = directory.find_person(db, request.operator_id) if request.operator_id else None
    facts = Facts(
        now=now,
        calendar=calendar,
        equipment=catalogue.find_equipment(db, request.equipment_id),
        party=directory.find_party(db, request.party_id) if request.party_id else None,
        operator=operator,
        qualifications=tuple(directory.qualifications_of(db, operator.id)) if operator else (),
    )
    if facts.equipment is None or not facts.is_plausible(request):
        return facts
    window = bookable_window(facts.equipment.policy, now)
    start = min(now, request.start) - REACH
    end = max(window.end, request.end) + REACH
    return facts.with_occupied(occupied(db, request.equipment_id, start, end, but_not=but_not))


def occupied(
    db: Database, equipment_id: str, start: datetime, end: datetime, *, but_not: str = ""
) -> Occupied:
    """What bookings and outages take of one piece of equipment in [start, end)."""
    return Occupied(
        bookings.busy_spans(db, equipment_id, start, end, but_not=but_not),
        tuple(catalogue.outages_between(db, start, end, equipment_id)),
    )
