"""What a factory released of its trial, for the vendor who has the link."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lab_controller.portal import pages
from lab_controller.portal.pages import front_of, words_of
from lab_controller.release_words import sections

HEADERS = {**pages.HEADERS, "Cache-Control": pages.PRIVATE, "X-Robots-Tag": "noindex"}

router = APIRouter(include_in_schema=False)


@router.get("/vendor/{token}")
async def released(request: Request, token: str) -> Response:
    """The released fields; each look is written down."""
    view = await front_of(request).releases.view(token)
    return pages.page(
        request,
        "released.html",
        cache_control=pages.PRIVATE,
        token=token,
        simulated=view.simulated,
        sections=sections(view, words_of(request).language),
    )


@router.get("/vendor/{token}/photo/{number}")
async def photo(request: Request, token: str, number: int) -> Response:
    """A released picture, without what its camera wrote beside it."""
    found, copy = await front_of(request).releases.photo(token, number)
    return Response(copy, media_type=found.file.media_type, headers=HEADERS)
