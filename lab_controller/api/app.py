"""The web application: doors put together around a lab."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from lab_controller.api import (
    bookings,
    dossiers,
    investments,
    lab,
    ledger,
    operator,
    problems,
    replay,
    sharing,
    stream,
    trials,
)
from lab_controller.bootstrap import Lab
from lab_controller.portal import door
from lab_controller.wire import Refusal

API = "/api/v1"
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "testserver"]

WHY = "Refused; `code` says why."
AS_REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
REFUSED: dict[int | str, dict[str, Any]] = {
    **{
        status: {"description": WHY, "content": AS_REFUSAL}
        for status in (400, 401, 404, 413, 422, 503, 504, 507)
    },
    409: {"description": WHY, "model": Refusal},
}
"""Every door's refusals. The shape is given once and the others point to it: FastAPI builds a
validator for each one given, 600 for all doors, when it is first asked for anything."""


def create_app(of: Lab, token: str) -> FastAPI:
    """The application of a lab; loopback only for now."""
    app = FastAPI(
        title="Machi-koba DX Lab",
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=REFUSED,
    )
    app.state.lab, app.state.token, app.state.feed = of, token, stream.Feed(of)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_HOSTS)
    problems.install(app)
    front = door.front(of.bookings, of.results, of.vendor_views, of.settings.lab, of.clock)
    door.install(app, front)  # first: a page is found without building every door of the API
    public = (lab.public, bookings.public, sharing.public)
    for router in (
        *public,
        lab.router,
        ledger.router,
        bookings.router,
        operator.router,
        trials.router,
        investments.router,
        dossiers.router,
        replay.router,
        sharing.router,
    ):
        app.include_router(router, prefix=API)
    app.include_router(stream.router, prefix=API)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, object]:
        """Whether the controller lives, has the stopper's permit and can write its records."""
        return {
            "ok": of.permit.connected and not of.recorder.failing,
            "permit": of.permit.connected,
            "records": of.recorder.failing or "ok",
        }

    return app
