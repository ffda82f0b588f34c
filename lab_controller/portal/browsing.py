"""Looking around: what there is, and when it is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from booking.errors import UnknownEquipment
from booking.model import Equipment
from lab_controller.portal import pages
from lab_controller.portal.pages import Front, front_of
from lab_controller.portal.week import cell_minutes, stretches

LOOK_AHEAD_DAYS = 14
WEEK = timedelta(days=7)

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Card:
    """One machine of the list and the first slot it has."""

    equipment: Equipment
    next_free: datetime | None


@router.get("/")
async def catalogue(request: Request) -> Response:
    """Everything that can be booked."""
    front = front_of(request)
    cards = [Card(one, await first_free(front, one)) for one in await front.bookings.equipment()]
    return pages.page(request, "catalogue.html", cards=cards)


@router.get("/equipment/{id}")
async def equipment(request: Request, id: str, week: str = "") -> Response:
    """One machine and a week of its time."""
    front = front_of(request)
    one = await offered(front, id)
    today = front.bookings.calendar.day_of(front.clock.now())
    first = max(today, _day(week) or today)
    minutes = cell_minutes(one.policy)
    grid = await front.bookings.week(one.id, first, cell_minutes=minutes)
    last = today + timedelta(days=one.policy.horizon_days)
    return pages.page(
        request,
        "equipment.html",
        equipment=one,
        days=[(column, list(stretches(column))) for column in grid.days],
        any_free=bool(grid.free),
        first=first,
        last=first + WEEK - timedelta(days=1),
        earlier=max(today, first - WEEK) if first > today else None,
        later=first + WEEK if first + WEEK <= last else None,
        horizon=last,
    )


async def offered(front: Front, id: str) -> Equipment:
    """A machine that can still be booked. Raises UnknownEquipment."""
    found = await front.bookings.equipment_one(id)
    if found.retired:
        raise UnknownEquipment(id=id)
    return found


async def first_free(front: Front, one: Equipment) -> datetime | None:
    """The start of the first free cell of the coming days."""
    grid = await front.bookings.week(
        one.id,
        front.bookings.calendar.day_of(front.clock.now()),
        day_count=LOOK_AHEAD_DAYS,
        cell_minutes=cell_minutes(one.policy),
    )
    return grid.free[0].start if grid.free else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
