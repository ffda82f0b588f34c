"""Equipment, parties and bookings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from fastapi import APIRouter, Depends

from booking.model import BookingRequest, NewParty, Override
from booking.slots import CellState
from lab_controller.api import shapes
from lab_controller.api.auth import staff
from lab_controller.api.lab import Issuer, Language, ThisLab
from lab_controller.api.windows import BadWindow, demand_stretch
from lab_controller.bootstrap import Lab
from lab_controller.services.bookings import BookedWith, Certificate
from lab_controller.wire import (
    BookingRequestShape,
    BookingShape,
    Decision,
    EquipmentShape,
    PartyShape,
    PersonRequest,
    PersonShape,
    QualificationRequest,
    SlotShape,
)

public = APIRouter()
router = APIRouter(dependencies=[Depends(staff)])


class Step(StrEnum):
    """What staff can do to a booking."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    CANCEL = "cancel"
    CHECK_IN = "check-in"
    ARM = "arm"
    DISARM = "disarm"
    CHECK_OUT = "check-out"
    NAME_OPERATOR = "operator"


@public.get("/equipment")
async def equipment(lab: ThisLab, language: Language) -> list[EquipmentShape]:
    """What can be booked."""
    return [shapes.equipment(lab, one, language) for one in await lab.bookings.equipment()]


@public.get("/equipment/{equipment}/slots")
async def slots(equipment: str, start: datetime, end: datetime, lab: ThisLab) -> list[SlotShape]:
    """The cells of the days from `start` to `end`, at most 31 days."""
    if start.tzinfo is None or end.tzinfo is None or not start < end <= start + timedelta(days=31):
        raise BadWindow
    first = start.astimezone(lab.settings.zone).date()
    days = (end.astimezone(lab.settings.zone).date() - first).days + 1
    grid = await lab.bookings.week(equipment, first, day_count=days)
    cells = [cell for day in grid.days for cell in day.cells]
    return [
        SlotShape(start=cell.start, end=cell.end, free=cell.state is CellState.FREE)
        for cell in cells
    ]


@router.get("/parties")
async def parties(lab: ThisLab) -> list[PartyShape]:
    """Known organisations."""
    return [shapes.party(one) for one in await lab.bookings.parties()]


@router.get("/parties/{party}/people")
async def people(party: str, lab: ThisLab) -> list[PersonShape]:
    """The people of a party."""
    return [shapes.person(one, held) for one, held in await lab.bookings.people(party)]


@router.post("/parties/{party}/people")
async def add_person(party: str, wanted: PersonRequest, lab: ThisLab, by: Issuer) -> PersonShape:
    """Register a person of a party."""
    return shapes.person(await lab.bookings.add_person(party, wanted.name, wanted.kana, by=by), [])


@router.post("/people/{person}/qualifications")
async def add_qualification(
    person: str, wanted: QualificationRequest, lab: ThisLab, by: Issuer
) -> PersonShape:
    """Write down a certificate shown at the desk."""
    held = await lab.bookings.add_qualification(person, Certificate(**wanted.model_dump()), by=by)
    return shapes.person(await lab.bookings.person(person), held)


@router.get("/bookings")
async def between(
    start: datetime, end: datetime, lab: ThisLab, language: Language
) -> list[BookingShape]:
    """Bookings that touch a stretch of time."""
    demand_stretch(start, end)
    return [await _shape(lab, one, language) for one in await lab.bookings.between(start, end)]


@router.get("/bookings/{booking}")
async def one(booking: str, lab: ThisLab, language: Language) -> BookingShape:
    """One booking."""
    return await _shape(lab, await lab.bookings.one(booking), language)


@router.post("/bookings")
async def request(
    wanted: BookingRequestShape, lab: ThisLab, language: Language, by: Issuer
) -> BookingShape:
    """Ask for a slot, for a known party or for a new one."""
    booked = await lab.bookings.request(
        wish(wanted, language), by=by, override=_override(wanted.override_reason)
    )
    return await _shape(lab, booked, language)


@router.post("/bookings/{booking}/{step}")
async def take_step(
    booking: str, step: Step, decision: Decision, lab: ThisLab, language: Language, by: Issuer
) -> BookingShape:
    """Take one step of a booking's life; the booking by its id or number."""
    named = (await lab.bookings.one(booking)).booking.id
    booked = await STEPS[step](lab, named, decision, by)
    return await _shape(lab, booked, language)


def wish(wanted: BookingRequestShape, language: str) -> BookingRequest:
    """A request in the booking room's words."""
    new = NewParty(wanted.company, wanted.contact, wanted.phone, wanted.email, wanted.company_kana)
    return BookingRequest(
        equipment_id=wanted.equipment,
        start=wanted.start,
        end=wanted.end,
        idempotency_key=wanted.idempotency_key,
        party_id=wanted.party,
        new_party=None if wanted.party else new,
        purpose=wanted.purpose,
        head_count=wanted.head_count,
        operator_id=wanted.operator,
        language=language,
    )


def _override(reason: str | None, instructor: str = "") -> Override | None:
    return Override(reason, instructor) if reason else None


async def _arm(lab: Lab, booking: str, _: Decision, by: str) -> BookedWith:
    await lab.arming.arm(booking, by=by)
    return await lab.bookings.one(booking)


async def _disarm(lab: Lab, booking: str, _: Decision, by: str) -> BookedWith:
    await lab.arming.disarm(booking, by=by)
    return await lab.bookings.one(booking)


async def _check_out(lab: Lab, booking: str, _: Decision, by: str) -> BookedWith:
    if lab.leases.held_by(booking) is not None:
        await lab.arming.disarm(booking, by=by, reason="checked_out")
    return await lab.bookings.check_out(booking, by=by)


STEPS: Mapping[Step, Callable[[Lab, str, Decision, str], Awaitable[BookedWith]]] = {
    Step.CONFIRM: lambda lab, booking, decision, by: lab.bookings.confirm(
        booking, by=by, override=_override(decision.override_reason, decision.operator or "")
    ),
    Step.DECLINE: lambda lab, booking, decision, by: lab.bookings.decline(
        booking, by=by, reason=decision.reason
    ),
    Step.CANCEL: lambda lab, booking, decision, by: lab.bookings.cancel(
        booking, by=by, reason=decision.reason
    ),
    Step.CHECK_IN: lambda lab, booking, decision, by: lab.bookings.check_in(
        booking,
        by=by,
        head_count=decision.head_count,
        override=_override(decision.override_reason),
    ),
    Step.ARM: _arm,
    Step.DISARM: _disarm,
    Step.CHECK_OUT: _check_out,
    Step.NAME_OPERATOR: lambda lab, booking, decision, by: lab.bookings.name_operator(
        booking, decision.operator, by=by
    ),
}


async def _shape(lab: Lab, booked: BookedWith, language: str) -> BookingShape:
    trials = await lab.trials.trials(booked.booking.id)
    return shapes.booking(lab, booked, trials[0].id if trials else None, language)
