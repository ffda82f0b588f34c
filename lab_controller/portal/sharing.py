"""What of a trial a vendor may see: the factory itself decides it, field by field."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from lab_controller.portal import pages
from lab_controller.portal.following import BY, held
from lab_controller.portal.forms import same_origin, typed
from lab_controller.portal.pages import front_of, words_of
from lab_controller.release_words import choices
from lab_controller.services.vendor_views import VENDOR, Standing

router = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])

NEW_LINK = "new_link"


@router.get("/status/{ticket}/trials/{trial}/vendor")
async def ask(request: Request, ticket: str, trial: str) -> Response:
    """What can be released, what is, and what that means."""
    own = await _own(request, ticket, trial)
    return _page(request, ticket, await front_of(request).releases.standing(own))


@router.post("/status/{ticket}/trials/{trial}/vendor")
async def decide(request: Request, ticket: str, trial: str) -> Response:
    """Release what is ticked and take back the rest; a new link is told in this answer only."""
    own, given = await _own(request, ticket, trial), await typed(request)
    releases, language = front_of(request).releases, words_of(request).language
    before = await releases.standing(own)
    ticked = [each.field for each in choices(before, language) if each.field in given]
    taken_back = [each.field for each in before.fields if each.field not in ticked]
    added = [each for each in ticked if each not in {one.field for one in before.fields}]
    if taken_back:
        await releases.revoke(own, taken_back, by=BY)
    after = await releases.release(own, added, by=BY, new_link=NEW_LINK in given)
    return _page(request, ticket, after, is_saved=True)


async def _own(request: Request, ticket: str, trial: str) -> str:
    """The trial's id, if it is one of the ticket's booking. Raises TicketOver, NoSuchResult."""
    booked, language = await held(request, ticket), words_of(request).language
    found = await front_of(request).results.one(booked.booking.id, trial, language)
    return found.trial.id


def _page(request: Request, ticket: str, standing: Standing, *, is_saved: bool = False) -> Response:
    looked = [each.at for each in standing.seen if each.who == VENDOR]
    return pages.page(
        request,
        "sharing.html",
        cache_control=pages.PRIVATE,
        ticket=ticket,
        trial=standing.trial,
        choices=choices(standing, words_of(request).language),
        has_link=standing.has_link,
        token=standing.token,
        looked=looked,
        is_saved=is_saved,
    )
