"""What happens at the desk: a slot is requested, answered, used and given back.

Every function works inside the transaction its caller opened and writes its audit rows there.
A refusal may come after a statement was executed: the caller rolls its savepoint back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from booking.calendar import LabCalendar
from booking.errors import BadInput, BookingRefused, NotAllowed, Problem, SlotTaken
from booking.facts import FARTHEST
from booking.form_rules import unfit_operator
from booking.hours import DAY_MINUTES
from booking.model import Booking, BookingRequest, NewParty, Override, Visit
from booking.numbers import make_code
from booking.requests import as_request, digest, drafted, tidied
from booking.rules import (
    arrival_problems,
    operator_problems,
    propose,
    still_good,
    waive,
)
from booking.slot_rules import overlap_problem
from booking.slots import WeekGrid, week_grid
from booking.states import State, Verb, next_state
from booking.store import audit, bookings, catalogue, directory, visits
from booking.store.rows import Database, new_id
from booking.store.situation import REACH, facts_about, occupied


def check(
    db: Database, request: BookingRequest, calendar: LabCalendar, now: datetime
) -> list[Problem]:
    """All problems the request would meet now; writes nothing."""
    request = tidied(request)
    return propose(request, facts_about(db, request, calendar, now))


def request_booking(
    db: Database,
    request: BookingRequest,
    calendar: LabCalendar,
    now: datetime,
    by: str,
    override: Override | None = None,
) -> Booking:
    """Make the booking, or the same one again for the same idempotency key.

    Raises BookingRefused with all problems, KeyReused for a key with other content, BadInput for
    an override without a reason.
    """
    request = tidied(request)
    content = digest(request)
    made = bookings.booking_for_key(db, request.idempotency_key, content)
    if made is not None:
        return made
    facts = facts_about(db, request, calendar, now)
    waived = _settle(propose(request, facts), override)
    equipment = catalogue.equipment_by_id(db, request.equipment_id)
    party_id, contact_id = _who_asks(db, request, now, by)
    draft = drafted(
        request,
        equipment.policy,
        booking_id=new_id(),
        number=bookings.next_number(db, calendar.day_of(now).year),
        code=make_code(),
        party_id=party_id,
        contact_id=contact_id,
        instructor=override.instructor.strip() if override else "",
        now=now,
        by=by,
    )
    try:
        bookings.add_booking(db, draft, request.idempotency_key, content)
    except SlotTaken as fault:
        raise BookingRefused([overlap_problem(request, calendar)]) from fault
    audit.note(db, now, by, "request", "booking", draft.id, became=State.REQUESTED, reason=waived)
    if equipment.policy.auto_confirm:
        return _move(db, draft, Verb.CONFIRM, now, "policy")
    return bookings.booking_by_id(db, draft.id)


def confirm(
    db: Database,
    booking_id: str,
    calendar: LabCalendar,
    now: datetime,
    by: str,
    override: Override | None = None,
) -> Booking:
    """Say yes, unless something has come in the way since; raises BookingRefused, NotAllowed."""
    booking = bookings.booking_by_id(db, booking_id)
    _demand_allowed(booking, Verb.CONFIRM)
    request = as_request(booking)
    facts = facts_about(db, request, calendar, now, but_not=booking.id)
    waived = _settle(still_good(request, facts), override)
    instructor = override.instructor.strip() if override else ""
    try:
        return _move(
            db,
            booking,
            Verb.CONFIRM,
            now,
            by,
            note=waived,
            instructor=instructor or booking.instructor,
        )
    except SlotTaken as fault:
        raise BookingRefused([overlap_problem(request, calendar)]) from fault


def decline(db: Database, booking_id: str, now: datetime, by: str, reason: str) -> Booking:
    """Say no; the reason is shown to the party. Raises BadInput without one."""
    _demand_reason(reason)
    return _move(db, bookings.booking_by_id(db, booking_id), Verb.DECLINE, now, by, reason)


def waitlist(db: Database, booking_id: str, now: datetime, by: str, reason: str = "") -> Booking:
    """Let the request wait without holding the slot."""
    return _move(db, bookings.booking_by_id(db, booking_id), Verb.WAITLIST, now, by, reason)


def cancel(db: Database, booking_id: str, now: datetime, by: str, reason: str = "") -> Booking:
    """Give the slot back; of a confirmed booking it is noted when that comes late."""
    booking = bookings.booking_by_id(db, booking_id)
    late = booking.state is State.CONFIRMED and now >= booking.late_cancel_from
    return _move(db, booking, Verb.CANCEL, now, by, reason, cancelled_late=int(late))


def name_operator(
    db: Database,
    booking_id: str,
    operator_id: str | None,
    now: datetime,
    by: str,
    instructor: str = "",
) -> Booking:
    """Say who will run the equipment, and which instructor will be present if one is needed."""
    booking = bookings.booking_by_id(db, booking_id)
    if not booking.holds_slot and booking.state is not State.WAITLISTED:
        raise NotAllowed(number=booking.number, state=booking.state, verb="name_operator")
    if operator_id is not None:
        person = directory.find_person(db, operator_id)
        _refuse(unfit_operator(operator_id, person, booking.party_id))
    return bookings.change(
        db,
        booking,
        now,
        by,
        "name_operator",
        operator_id=operator_id,
        instructor=instructor.strip(),
    )


def may_operate(
    db: Database, booking_id: str, calendar: LabCalendar, now: datetime
) -> list[Problem]:
    """Why the party may not run the equipment today; empty when somebody qualified is there."""
    booking = bookings.booking_by_id(db, booking_id)
    equipment = catalogue.equipment_by_id(db, booking.equipment_id)
    person = booking.operator_id and directory.person_by_id(db, booking.operator_id)
    held = directory.qualifications_of(db, person.id) if person else ()
    today = calendar.day_of(now)
    return operator_problems(equipment, person or None, booking.instructor, held, today)


def check_in(
    db: Database,
    booking_id: str,
    calendar: LabCalendar,
    now: datetime,
    by: str,
    head_count: int | None = None,
    override: Override | None = None,
) -> Visit:
    """The party is here: its visit begins, with as many heads as came.

    Raises BookingRefused (too early or late, another party still on the equipment, slot given
    away since), NotAllowed, BadInput.
    """
    booking = bookings.booking_by_id(db, booking_id)
    _demand_allowed(booking, Verb.CHECK_IN)
    heads = booking.head_count if head_count is None else head_count
    if heads < 1:
        raise BadInput("booking.head_count_too_small")
    here = [
        other
        for other in bookings.checked_in_on(db, booking.equipment_id)
        if other.id != booking.id
    ]
    waived = _settle(arrival_problems(booking, here, calendar, now), override)
    try:
        _move(db, booking, Verb.CHECK_IN, now, by, note=waived)
    except SlotTaken as fault:
        raise BookingRefused([overlap_problem(as_request(booking), calendar)]) from fault
    return visits.open_visit(db, booking, heads, now, by)


def check_out(db: Database, booking_id: str, now: datetime, by: str) -> Visit:
    """The party leaves: the visit ends, the booking is done, what is left of the slot is free."""
    booking = bookings.booking_by_id(db, booking_id)
    _move(db, booking, Verb.CHECK_OUT, now, by)
    return visits.close_visit(db, booking_id, now, by)


def free_week(
    db: Database,
    equipment_id: str,
    calendar: LabCalendar,
    first_day: date,
    now: datetime,
    *,
    day_count: int = 7,
    cell_minutes: int = 60,
) -> WeekGrid:
    """The grid a visitor chooses from; raises UnknownEquipment, BadInput for a far-off day."""
    equipment = catalogue.equipment_by_id(db, equipment_id)
    if abs(first_day - calendar.day_of(now)) > FARTHEST:
        raise BadInput("booking.bad_day", day=first_day)
    start = calendar.at(first_day, 0)
    end = calendar.at(first_day, day_count * DAY_MINUTES)
    busy = occupied(db, equipment_id, start - REACH, end + REACH)
    return week_grid(
        equipment,
        calendar,
        busy,
        first_day,
        now,
        day_count=day_count,
        cell_minutes=cell_minutes,
    )


def _who_asks(
    db: Database, request: BookingRequest, now: datetime, by: str
) -> tuple[str, str | None]:
    if request.new_party is None:
        return str(request.party_id), None
    visitor: NewParty = request.new_party
    phone, email = visitor.phone, visitor.email
    party = directory.add_party(
        db, name=visitor.company, kana=visitor.kana, phone=phone, email=email, now=now, by=by
    )
    contact = directory.add_person(
        db, party.id, name=visitor.contact_name, phone=phone, email=email, now=now, by=by
    )
    return party.id, contact.id


def _settle(problems: list[Problem], override: Override | None) -> str:
    """Refuse what nobody overruled; else say for the audit what was overruled and why."""
    _refuse(waive(problems, override))
    if override is None or not problems:
        return ""
    codes = " ".join(problem.code for problem in problems)
    return f"{override.reason.strip()} [{codes}]"


def _refuse(problems: Iterable[Problem]) -> None:
    if found := list(problems):
        raise BookingRefused(found)


def _demand_allowed(booking: Booking, verb: Verb) -> State:
    target = next_state(booking.state, verb)
    if target is None:
        raise NotAllowed(number=booking.number, state=booking.state, verb=verb)
    return target


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput("booking.reason_missing")


def _move(
    db: Database,
    booking: Booking,
    verb: Verb,
    now: datetime,
    by: str,
    reason: str = "",
    note: str = "",
    **columns: object,
) -> Booking:
    state = _demand_allowed(booking, verb)
    return bookings.change(
        db, booking, now, by, verb, state=state, reason=reason.strip(), note=note, **columns
    )
