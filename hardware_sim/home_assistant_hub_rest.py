"""The hub's REST API as Home Assistant speaks it, with the faults of an HTTP server."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hardware_sim.faults import Faults
from hardware_sim.home_assistant_hub_services import (
    BadServiceCall,
    Services,
    UnknownService,
    catalogue,
)
from hardware_sim.home_assistant_hub_socket import Sockets
from hardware_sim.home_assistant_hub_states import Json, States

VERSION = "2026.11.1"
COMPONENTS = ["api", "homeassistant", "sensor", "binary_sensor", "switch", "websocket_api"]
PROXY_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


def config(location: str) -> Json:
    """What `GET /api/config` and `get_config` answer."""
    return {
        "allowlist_external_dirs": [],
        "allowlist_external_urls": [],
        "components": COMPONENTS,
        "config_dir": "/config",
        "config_source": "storage",
        "country": "JP",
        "currency": "JPY",
        "elevation": 5,
        "external_url": None,
        "internal_url": None,
        "language": "ja",
        "latitude": 35.56,
        "location_name": location,
        "longitude": 139.72,
        "radius": 100,
        "recovery_mode": False,
        "safe_mode": False,
        "state": "RUNNING",
        "time_zone": "Asia/Tokyo",
        "unit_system": {
            "length": "km",
            "accumulated_precipitation": "mm",
            "area": "m²",
            "mass": "g",
            "pressure": "Pa",
            "temperature": "°C",
            "volume": "L",
            "wind_speed": "m/s",
        },
        "version": VERSION,
        "whitelist_external_dirs": [],
    }


class Rest:
    """The routes below /api."""

    def __init__(self, states: States, services: Services, location: str) -> None:
        self._states = states
        self._services = services
        self._location = location

    async def root(self, _: Request) -> Response:
        """GET /api/"""
        return JSONResponse({"message": "API running."})

    async def config(self, _: Request) -> Response:
        """GET /api/config"""
        return JSONResponse(config(self._location))

    async def states(self, _: Request) -> Response:
        """GET /api/states"""
        return JSONResponse(self._states.all())

    async def state(self, request: Request) -> Response:
        """GET /api/states/<entity>"""
        shown = self._states.get(request.path_params["entity"])
        if shown is None:
            return _message("Entity not found.", HTTPStatus.NOT_FOUND)
        return JSONResponse(shown.as_json())

    async def services(self, _: Request) -> Response:
        """GET /api/services"""
        return JSONResponse(catalogue())

    async def call(self, request: Request) -> Response:
        """POST /api/services/<domain>/<service>"""
        body = await request.body()
        try:
            fields = json.loads(body) if body else {}
        except ValueError:
            return _message("Data should be valid JSON.", HTTPStatus.BAD_REQUEST)
        if not isinstance(fields, dict):
            return _message("Data should be a JSON object.", HTTPStatus.BAD_REQUEST)
        domain, name = request.path_params["domain"], request.path_params["service"]
        if "return_response" in request.query_params:
            text = "Service does not support responses. Remove return_response from request."
            return _message(text, HTTPStatus.BAD_REQUEST)
        try:
            return JSONResponse(await self._services.call(domain, name, fields, "rest"))
        except (UnknownService, BadServiceCall) as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST) from error


def application(rest: Rest, sockets: Sockets, faults: Faults, token: str) -> ASGIApp:
    """The whole app: routes, then the token, then the faults outermost."""
    routes = [
        Route("/api/", rest.root),
        Route("/api/config", rest.config),
        Route("/api/states", rest.states),
        Route("/api/states/{entity}", rest.state),
        Route("/api/services", rest.services),
        Route("/api/services/{domain}/{service}", rest.call, methods=["POST"]),
        WebSocketRoute("/api/websocket", sockets.serve),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _plain})
    return _Front(app, faults, token)


class _Front:
    """Token and faults, for requests only: a WebSocket authenticates by its first message."""

    def __init__(self, app: ASGIApp, faults: Faults, token: str) -> None:
        self._app = app
        self._faults = faults
        self._header = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._before(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    async def _before(self, scope: Scope) -> Response | None:
        if failing := self._faults.strikes("server_error"):
            text = "500 Internal Server Error\n\nServer got itself in trouble"
            return PlainTextResponse(text, int(failing["status"]))
        if page := self._faults.strikes("html"):
            phrase = f"{int(page['status'])} {HTTPStatus(int(page['status'])).phrase}"
            return HTMLResponse(PROXY_PAGE.format(phrase), int(page["status"]))
        given = dict(scope["headers"]).get(b"authorization")
        if given != self._header or self._faults.get("auth_revoked") is not None:
            return PlainTextResponse("401: Unauthorized", HTTPStatus.UNAUTHORIZED)
        return None


async def _plain(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse(f"{status}: {HTTPStatus(status).phrase}", status)


def _message(text: str, status: HTTPStatus) -> Response:
    content: dict[str, Any] = {"message": text}
    return JSONResponse(content, status)
