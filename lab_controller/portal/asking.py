"""Asking for a slot: the form, everything that is wrong with it at once, and the receipt."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from booking.errors import BookingRefused, KeyReused, Problem
from booking.model import Equipment
from lab_controller.portal import pages, wish
from lab_controller.portal.browsing import first_free, offered
from lab_controller.portal.forms import same_origin, typed
from lab_controller.portal.pages import front_of, words_of
from lab_controller.portal.week import usual_minutes
from lab_controller.portal.wish import FIELDS, Wish

BY = "portal"

router = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])


@router.get("/equipment/{id}/request")
async def form(request: Request, id: str, start: str = "", end: str = "") -> Response:
    """An empty form, with the chosen slot in it or else the next free one."""
    front = front_of(request)
    equipment = await offered(front, id)
    calendar = front.bookings.calendar
    begins = wish.parse_wall_time(calendar, start) or await first_free(front, equipment)
    length = timedelta(minutes=usual_minutes(equipment.policy))
    given = wish.times_of(calendar, begins, length) if begins else {}
    ends = wish.parse_wall_time(calendar, end)
    if begins and ends and ends > begins:
        given = wish.times_of(calendar, begins, ends - begins)
    return _form(request, equipment, given)


@router.post("/equipment/{id}/request")
async def send(request: Request, id: str) -> Response:
    """Make the booking, or show the form again with every problem."""
    front, words = front_of(request), words_of(request)
    equipment, given = await offered(front, id), await typed(request)
    calendar = front.bookings.calendar
    if "again" in given:
        return _form(request, equipment, given)
    if start := wish.parse_wall_time(calendar, given.get("use", "")):
        old = wish.read(given, id, calendar, words.language).request
        given |= wish.times_of(calendar, start, old.end - old.start)
        asked = wish.read(given, id, calendar, words.language)
        left = asked.all_problems(await front.bookings.check(asked.request))
        return _form(request, equipment, given, asked, left, moved=True)
    asked = wish.read(given, id, calendar, words.language)
    if asked.unreadable:
        found = await front.bookings.check(asked.request)
        return _form(request, equipment, given, asked, asked.all_problems(found))
    try:
        booked = await front.bookings.request(asked.request, by=BY)
    except BookingRefused as refused:
        return _form(request, equipment, given, asked, refused.problems)
    except KeyReused as reused:
        del given["key"]
        already = Problem("portal.sent_before", reused.params)
        return _form(request, equipment, given, asked, [already])
    return pages.see_other(request, f"/received/{front.tickets.give(booked.booking.id)}")


@router.get("/received/{ticket}")
async def received(request: Request, ticket: str) -> Response:
    """Number and printed code, and what to do next."""
    front = front_of(request)
    booked = await front.bookings.one(front.tickets.booking(ticket))
    return pages.page(request, "received.html", cache_control=pages.PRIVATE, booked=booked)


def _form(
    request: Request,
    equipment: Equipment,
    given: Mapping[str, str],
    asked: Wish | None = None,
    problems: Sequence[Problem] = (),
    *,
    moved: bool = False,
) -> Response:
    front, words = front_of(request), words_of(request)
    better = next((one.next_start for one in problems if one.next_start), None)
    values = {"head_count": "1", **{name: given[name] for name in FIELDS if name in given}}
    suggestion = None
    if better and asked:
        length = asked.request.end - asked.request.start
        suggestion = (
            words.wall_time(better),
            words.slot(better, better + length),
        )
    return pages.page(
        request,
        "request.html",
        status=422 if problems else 200,
        cache_control=pages.PRIVATE,
        equipment=equipment,
        typed={name: values.get(name, "") for name in FIELDS},
        key=_key(given, problems),
        choices=wish.choices(equipment, words, front.clock.now(), values),
        problems=[
            (one.field if one.field in FIELDS else "", words.problem(one))
            for one in sorted(problems, key=_place)
        ],
        suggestion=suggestion,
        moved=moved,
    )


def _place(problem: Problem) -> int:
    """Where on the page its field stands; what has no field comes first."""
    return FIELDS.index(problem.field) if problem.field in FIELDS else -1


def _key(given: Mapping[str, str], problems: Sequence[Problem]) -> str:
    """The form's key for as long as it is good: sent twice, it makes one booking."""
    bad = any(one.field == "idempotency_key" for one in problems)
    fresh = secrets.token_urlsafe(18)
    return fresh if bad else given.get("key") or fresh
