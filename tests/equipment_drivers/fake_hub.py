"""A scriptable Home Assistant REST end over real HTTP, as its API pages describe it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

VERSION = "2026.11.0"
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 502: "Bad Gateway"}


class FakeHub:
    """Entities in a dictionary; `mode` makes it misbehave: html, error, mute, drop, list, deaf."""

    def __init__(self, token: str = "t0ken-secret") -> None:
        self.token = token
        self.mode = ""
        self.phase = "RUNNING"
        self.requests: list[tuple[str, str, Any]] = []
        self.entities: dict[str, dict[str, Any]] = {}
        self._now = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self.left()

    async def left(self) -> None:
        """Until every client has hung up."""
        await asyncio.gather(*self._serving)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, entity: str, state: str, unit: str = "") -> None:
        """Report an entity's state, a second later than the last report."""
        self._now += timedelta(seconds=1)
        attributes = {"unit_of_measurement": unit} if unit else {}
        self.entities[entity] = {
            "entity_id": entity,
            "state": state,
            "attributes": attributes,
            "last_changed": self._now.isoformat(),
            "last_updated": self._now.isoformat(),
            "last_reported": self._now.isoformat(),
            "context": {"id": "1", "parent_id": None, "user_id": None},
        }

    def calls(self) -> list[tuple[str, Any]]:
        """The services called so far with their data."""
        return [(path, body) for method, path, body in self.requests if method == "POST"]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split("\r\n")[0].split(" ")
                fields = dict(
                    line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line
                )
                raw = await reader.readexactly(int(fields.get("content-length", 0)))
                body = json.loads(raw) if raw else None
                self.requests.append((method, path, body))
                if self.mode == "mute":
                    continue
                if self.mode == "drop":
                    break
                authorized = fields.get("authorization") == f"bearer {self.token}"
                writer.write(self._answer(method, path, body, authorized))
                await writer.drain()
        self._writers.discard(writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def _answer(self, method: str, path: str, body: Any, authorized: bool) -> bytes:
        if self.mode == "html":
            return packed(200, "<html>Please log in</html>", "text/html")
        if self.mode == "error":
            return packed(502, "upstream", "text/plain")
        if not authorized:
            return packed(401, "401: Unauthorized", "text/plain")
        status, answer = self._api(method, path.removeprefix("/api/"), body)
        return packed(status, json.dumps(answer), "application/json")

    def _api(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "config":
            return 200, {"state": self.phase, "version": VERSION}
        if path == "states":
            return 200, {} if self.mode == "list" else list(self.entities.values())
        if path.startswith("states/"):
            entity = self.entities.get(path.removeprefix("states/"))
            return (200, entity) if entity else (404, {"message": "Entity not found."})
        if method == "POST" and path.startswith("services/"):
            return 200, self._service(path, body)
        return 404, {"message": "Not found"}

    def _service(self, path: str, body: Any) -> list[dict[str, Any]]:
        _, domain, service = path.split("/")
        known = [entity for entity in body["entity_id"] if entity in self.entities]
        if self.mode == "deaf" or domain != "switch":
            return []
        for entity in known:
            self.put(entity, service.removeprefix("turn_"))
        return [self.entities[entity] for entity in known]


def packed(status: int, text: str, content_type: str) -> bytes:
    """One HTTP/1.1 answer on a connection that stays open."""
    body = text.encode()
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
