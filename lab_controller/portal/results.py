"""After the visit: a trial's papers, made when asked for, and its files; held by the ticket."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from lab_controller.portal import pages
from lab_controller.portal.following import booking_page, held
from lab_controller.portal.forms import same_origin
from lab_controller.portal.pages import front_of, words_of
from lab_controller.services.results import PapersNotMade

# A browser's own PDF reader does not open under the policy of our pages.
HEADERS = {
    **{name: each for name, each in pages.HEADERS.items() if name != "Content-Security-Policy"},
    "Cache-Control": pages.PRIVATE,
    "X-Robots-Tag": "noindex",
}
OPENED = ".pdf"

router = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])


@router.post("/status/{ticket}/trials/{trial}/papers")
async def make(request: Request, ticket: str, trial: str) -> Response:
    """Make what is wanting of the papers; then the booking's page shows them."""
    booked, language = await held(request, ticket), words_of(request).language
    try:
        made = await front_of(request).results.make(booked.booking.id, trial, language)
    except PapersNotMade as failed:
        return await booking_page(request, ticket, booked, failed, status=503)
    return pages.see_other(request, f"/status/{ticket}", at=made.trial.id)


@router.get("/status/{ticket}/trials/{trial}/files/{name}")
async def file(request: Request, ticket: str, trial: str, name: str) -> Response:
    """One file: a PDF to be read at once, anything else to be kept."""
    booked, language = await held(request, ticket), words_of(request).language
    path = await front_of(request).results.file(booked.booking.id, trial, name, language)
    return FileResponse(
        path,
        filename=f"{trial}-{path.name}",
        content_disposition_type="inline" if path.suffix == OPENED else "attachment",
        headers=HEADERS,
    )
