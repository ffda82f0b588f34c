"""Following a booking: its state by number and printed code, its results, and taking it back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from booking.errors import BookingError, NotAllowed, Problem, UnknownBooking
from booking.states import State, Verb, allowed_verbs
from lab_controller.errors import LabError
from lab_controller.portal import pages
from lab_controller.portal.forms import same_origin, typed
from lab_controller.portal.pages import front_of, words_of
from lab_controller.portal.words import Words
from lab_controller.result_words import share_line
from lab_controller.services.bookings import BookedWith
from lab_controller.services.results import Result

log = logging.getLogger(__name__)

BY = "portal"
ASKED_FOR = ("number", "code")


class ResultsUnreadable(LabError):
    """The records of a booking's trials cannot be read now."""

    code = "portal.results_unreadable"


router = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])


@router.get("/status")
async def ask(request: Request) -> Response:
    """Number and code are asked for."""
    return lookup(request)


@router.post("/status")
async def find(request: Request) -> Response:
    """The booking, or one answer for any wrong pair."""
    front, given = front_of(request), await typed(request)
    wanted = {name: given.get(name, "").strip() for name in ASKED_FOR}
    empty = [
        Problem("booking.missing", {"field": name}, field=name)
        for name, value in wanted.items()
        if not value
    ]
    if empty:
        return lookup(request, wanted, empty, 422)
    try:
        booked = await front.bookings.by_printed_code(wanted["number"], wanted["code"])
    except UnknownBooking as unknown:
        return lookup(request, wanted, [Problem(unknown.code)], 404)
    return pages.see_other(request, f"/status/{front.tickets.give(booked.booking.id)}")


@router.get("/status/{ticket}")
async def show(request: Request, ticket: str) -> Response:
    """The booking as the public sees it."""
    return await booking_page(request, ticket, await held(request, ticket))


@router.get("/status/{ticket}/cancel")
async def ask_to_cancel(request: Request, ticket: str) -> Response:
    """Asked once more before anything is given back."""
    booked = await held(request, ticket)
    if not _may_cancel(booked):
        return pages.see_other(request, f"/status/{ticket}")
    return pages.page(
        request, "cancel.html", cache_control=pages.PRIVATE, booked=booked, ticket=ticket
    )


@router.post("/status/{ticket}/cancel")
async def cancel(request: Request, ticket: str) -> Response:
    """Give the slot back; a booking that cannot be cancelled any more says why."""
    front, booked = front_of(request), await held(request, ticket)
    if booked.booking.state is State.CANCELLED:
        return pages.see_other(request, f"/status/{ticket}")
    own = Words(booked.booking.language, front.bookings.calendar)
    try:
        reason = own.text("portal.cancelled_by_holder")
        await front.bookings.cancel(booked.booking.id, by=BY, reason=reason)
    except NotAllowed as refused:
        return await booking_page(request, ticket, await held(request, ticket), refused)
    return pages.see_other(request, f"/status/{ticket}")


def lookup(
    request: Request,
    given: dict[str, str] | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response:
    """The page that asks for number and code."""
    words = words_of(request)
    return pages.page(
        request,
        "lookup.html",
        status=status,
        cache_control=pages.PRIVATE,
        typed=given or dict.fromkeys(ASKED_FOR, ""),
        problems=[(one.field, words.problem(one)) for one in problems],
    )


async def held(request: Request, ticket: str) -> BookedWith:
    """The booking a ticket was given for. Raises TicketOver."""
    front = front_of(request)
    return await front.bookings.one(front.tickets.booking(ticket))


async def booking_page(
    request: Request,
    ticket: str,
    booked: BookedWith,
    refused: BookingError | LabError | None = None,
    status: int = 409,
) -> Response:
    """The booking with its results; what was refused stands above it, answered with `status`."""
    words = words_of(request)
    results: list[Result] = []
    try:
        results = await front_of(request).results.of(booked.booking.id, words.language)
    except LabError as fault:  # a booking can be read and taken back without its results
        log.warning("results of booking %s: %s", booked.booking.number, fault)
        refused = refused or ResultsUnreadable()
        status = 200 if isinstance(refused, ResultsUnreadable) else status
    return pages.page(
        request,
        "booking.html",
        status=status if refused else 200,
        cache_control=pages.PRIVATE,
        booked=booked,
        ticket=ticket,
        reason=_reason(words, booked),
        trouble=words.text(refused.code, **refused.params) if refused else "",
        may_cancel=_may_cancel(booked),
        results=results,
        share_line=lambda share: share_line(share, words.language),
    )


def _may_cancel(booked: BookedWith) -> bool:
    return Verb.CANCEL in allowed_verbs(booked.booking.state)


def _reason(words: Words, booked: BookedWith) -> str:
    if booked.booking.state is State.NO_SHOW:
        return words.text("portal.reason_no_show")
    return booked.booking.reason
