"""The portal on the web application: its routes, and errors answered as pages."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from booking.errors import BookingError, Unknown
from lab_controller.errors import LabError
from lab_controller.portal import asking, browsing, following, pages
from lab_controller.portal.forms import ForeignForm, FormTooLarge
from lab_controller.portal.pages import Front, words_of
from lab_controller.portal.tickets import TicketOver

log = logging.getLogger(__name__)

NOT_PAGES = frozenset({"api", "calendar", "healthz", "metrics"})
STATUS: dict[type[Exception], int] = {
    Unknown: 404,
    TicketOver: 410,
    ForeignForm: 403,
    FormTooLarge: 413,
}
OTHERWISE = 400

Answer = Callable[[Request, Any], Awaitable[Response]]

static = APIRouter(include_in_schema=False)


@static.get("/static/{name}")
async def static_file(name: str) -> Response:
    """Style sheet and icon."""
    if name not in pages.STATIC:
        raise HTTPException(404)
    return pages.static_answer(name)


def install(app: FastAPI, front: Front) -> None:
    """Serve the pages; on their paths errors become pages, elsewhere they stay what they were."""
    app.state.front = front
    for router in (browsing.router, asking.router, following.router, static):
        app.include_router(router)
    for kind, elsewhere in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _by_path(elsewhere))


def is_page(path: str) -> bool:
    """Whether a person reads what this path answers."""
    return path.split("/")[1] not in NOT_PAGES


def _by_path(elsewhere: Answer) -> Answer:
    async def answer(request: Request, error: Exception) -> Response:
        if is_page(request.url.path):
            return error_page(request, error)
        return await elsewhere(request, error)

    return answer


def error_page(request: Request, error: Exception) -> Response:
    """What happened and what to do, in the reader's language."""
    if isinstance(error, TicketOver):
        return following.lookup(request, problems=[_as_problem(error)], status=410)
    status, sentence = _explained(request, error)
    return pages.page(
        request, "error.html", status=status, cache_control=pages.PRIVATE, sentence=sentence
    )
