"""The portal on the web application: its routes, and errors answered as pages."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from booking.errors import BookingError, Problem, Unknown
from lab_controller.clock import LabClock
from lab_controller.config import Lab
from lab_controller.errors import LabError
from lab_controller.portal import asking, browsing, following, pages, released, results, sharing
from lab_controller.portal.forms import ForeignForm, FormTooLarge
from lab_controller.portal.pages import Front, words_of
from lab_controller.portal.tickets import TicketOver, Tickets
from lab_controller.portal.words import Words
from lab_controller.services.bookings import Bookings
from lab_controller.services.results import NoSuchResult, Results
from lab_controller.services.vendor_views import LinkOver, VendorViews

log = logging.getLogger(__name__)

NOT_PAGES = frozenset({"api", "calendar", "healthz", "metrics"})
# What a person can do something about; the first that fits. Anything else is our mistake.
STATUS: tuple[tuple[type[BookingError | LabError], int], ...] = (
    (Unknown, 404),
    (LinkOver, 404),
    (NoSuchResult, 404),
    (BookingError, 400),
    (ForeignForm, 403),
    (FormTooLarge, 413),
)

Answer = Callable[[Request, Any], Response | Awaitable[Response]]

static = APIRouter(include_in_schema=False)


@static.get("/static/{name}")
async def static_file(name: str) -> Response:
    """Style sheet and icon."""
    if name not in pages.STATIC:
        raise HTTPException(404)
    return pages.static_answer(name)


def front(
    bookings: Bookings, results: Results, releases: VendorViews, lab: Lab, clock: LabClock
) -> Front:
    """What the pages may reach."""
    return Front(bookings, results, releases, lab, clock, Tickets(clock.monotonic))


def install(app: FastAPI, front: Front) -> None:
    """Serve the pages; on their paths errors become pages, elsewhere they stay what they were."""
    app.state.front = front
    for pages_of in (browsing, asking, following, results, sharing, released):
        app.include_router(pages_of.router)
    app.include_router(static)
    for kind, elsewhere in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _by_path(elsewhere))


def is_page(path: str) -> bool:
    """Whether a person reads what this path answers."""
    return path.split("/")[1] not in NOT_PAGES


def _by_path(elsewhere: Answer) -> Answer:
    async def answer(request: Request, error: Exception) -> Response:
        if is_page(request.url.path):
            return error_page(request, error)
        answered = elsewhere(request, error)
        return await answered if isinstance(answered, Awaitable) else answered

    return answer


def error_page(request: Request, error: Exception) -> Response:
    """What happened and what to do, in the reader's language."""
    if isinstance(error, TicketOver):
        return following.lookup(request, problems=[Problem(error.code)], status=410)
    status, sentence = _explained(words_of(request), request.url.path, error)
    return pages.page(
        request, "error.html", status=status, cache_control=pages.PRIVATE, sentence=sentence
    )


def _explained(words: Words, path: str, error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        code = "portal.not_found" if error.status_code in (404, 405) else "portal.trouble"
        return error.status_code, words.text(code)
    for kind, status in STATUS:
        if isinstance(error, kind):
            return status, words.text(error.code, **error.params)
    reference = uuid.uuid4().hex[:8]
    log.error("internal fault %s at %s", reference, path, exc_info=error)
    return 500, words.text("lab.internal", reference=reference)
