"""Files sent to the lab: from staff alone, and no more of one than is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from lab_controller.api.auth import staff
from lab_controller.bootstrap import Lab
from lab_controller.jobfiles import FileTooLarge

MIB = 2**20
FORM_BYTES = 64 * 1024
"""What a form may hold beside its file: borders, names, small fields."""


def upload_route(most_mb: Callable[[Lab], int]) -> type[APIRoute]:
    """A kind of route that asks for the token and counts bytes while a form comes in.

    FastAPI reads a form whole, onto the disk, before it asks what the route depends on. Of staff
    the rest of a file that is too large is taken and thrown away: cut off, a client would not
    hear why. Raises TokenMissing, TokenWrong or FileTooLarge.
    """

    class UploadRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def bounded(request: Request) -> Response:
                await staff(request)
                most = most_mb(request.app.state.lab)
                try:
                    return await handle(Request(request.scope, _counted(request, most)))
                except HTTPException as fault:  # how FastAPI says any fault in a form
                    if isinstance(fault.__cause__, FileTooLarge):
                        raise fault.__cause__ from None
                    raise

            return bounded

    return UploadRoute


def _counted(request: Request, most_mb: int) -> Callable[[], Awaitable[Message]]:
    left = most_mb * MIB + FORM_BYTES

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left >= 0:
            return message
        while message.get("more_body", False):
            message = await request.receive()
        raise FileTooLarge(limit=most_mb)

    return receive
