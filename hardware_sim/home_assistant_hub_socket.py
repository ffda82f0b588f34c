"""The hub's WebSocket API: authentication, numbered commands, subscriptions, ping and pong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from hardware_sim.faults import Faults
from hardware_sim.home_assistant_hub_services import (
    BadServiceCall,
    Services,
    UnknownService,
    catalogue,
)
from hardware_sim.home_assistant_hub_states import Json, States, context_json, new_context

AUTH_WITHIN_S = 10.0
NO_PONG = 1008


class _Refusal(Exception):
    """A command is answered by an error with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Sockets:
    """All WebSocket connections of the hub."""

    def __init__(
        self, states: States, services: Services, faults: Faults, token: str, facts: Json
    ) -> None:
        self.states = states
        self.services = services
        self._faults = faults
        self._token = token
        self.facts = facts
        self._open: set[_Connection] = set()

    async def serve(self, socket: WebSocket) -> None:
        """One connection from its greeting to its end."""
        await socket.accept()
        version = self.facts["version"]
        try:
            await socket.send_json({"type": "auth_required", "ha_version": version})
            async with asyncio.timeout(AUTH_WITHIN_S):
                first = await socket.receive_json()
            if not self._may(first):
                text = "Invalid access token or password"
                await socket.send_json({"type": "auth_invalid", "message": text})
                await socket.close()
                return
            await socket.send_json({"type": "auth_ok", "ha_version": version})
            await self._talk(socket)
        except (WebSocketDisconnect, TimeoutError, ValueError, KeyError):
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(NO_PONG)

    async def close_all(self) -> None:
        """End every connection, as revoking a token does."""
        for connection in list(self._open):
            await connection.end()

    def _may(self, first: object) -> bool:
        if not isinstance(first, dict) or self._faults.get("auth_revoked") is not None:
            return False
        return first.get("type") == "auth" and first.get("access_token") == self._token

    async def _talk(self, socket: WebSocket) -> None:
        connection = _Connection(socket, self)
        self._open.add(connection)
        self.states.listeners.add(connection.on_event)
        try:
            await connection.run()
        finally:
            self.states.listeners.discard(connection.on_event)
            self._open.discard(connection)


class _Connection:
    """One authenticated client. Everything goes out through one queue, in order."""

    def __init__(self, socket: WebSocket, hub: Sockets) -> None:
        self._socket = socket
        self._hub = hub
        self._out: asyncio.Queue[Json] = asyncio.Queue()
        self._last_id = 0
        self._subscriptions: dict[int, str | None] = {}
        self._commands: dict[str, Callable[[Json], Awaitable[object]]] = {
            "get_states": self._get_states,
            "get_config": self._get_config,
            "get_services": self._get_services,
            "subscribe_events": self._subscribe,
            "unsubscribe_events": self._unsubscribe,
            "call_service": self._call_service,
            "supported_features": self._accept,
        }

    async def run(self) -> None:
        """Read commands until the client hangs up."""
        writer = asyncio.get_running_loop().create_task(self._write())
        try:
            while True:
                message = json.loads(await self._socket.receive_text())
                for one in message if isinstance(message, list) else [message]:
                    await self._command(one)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def end(self) -> None:
        """Close from this side."""
        with suppress(RuntimeError):
            await self._socket.close()

    def on_event(self, event: Json) -> None:
        """Push an event to every subscription it belongs to."""
        for number, wanted in self._subscriptions.items():
            if wanted in (None, event["event_type"]):
                self._out.put_nowait({"id": number, "type": "event", "event": event})

    async def _write(self) -> None:
        while True:
            await self._socket.send_json(await self._out.get())

    async def _command(self, message: Any) -> None:
        number = message.get("id") if isinstance(message, dict) else None
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(number, int) or not isinstance(kind, str):
            self._answer(_Refusal("invalid_format", "Message incorrectly formatted."), number)
            return
        if number <= self._last_id:
            self._answer(_Refusal("id_reuse", "Identifier values have to increase."), number)
            return
        self._last_id = number
        if kind == "ping":
            self._out.put_nowait({"id": number, "type": "pong"})
            return
        try:
            if kind not in self._commands:
                raise _Refusal("unknown_command", "Unknown command.")
            result = await self._commands[kind](message)
        except _Refusal as refusal:
            self._answer(refusal, number)
            return
        self._out.put_nowait({"id": number, "type": "result", "success": True, "result": result})

    def _answer(self, refusal: _Refusal, number: int | None) -> None:
        error = {"code": refusal.code, "message": refusal.message}
        answer = {"id": number, "type": "result", "success": False, "error": error}
        self._out.put_nowait(answer)

    async def _accept(self, _: Json) -> None:
        return None

    async def _get_states(self, _: Json) -> object:
        return self._hub.states.all()

    async def _get_config(self, _: Json) -> object:
        return self._hub.facts

    async def _get_services(self, _: Json) -> object:
        return {entry["domain"]: entry["services"] for entry in catalogue()}

    async def _subscribe(self, message: Json) -> None:
        self._subscriptions[message["id"]] = message.get("event_type")

    async def _unsubscribe(self, message: Json) -> None:
        if message.get("subscription") not in self._subscriptions:
            raise _Refusal("not_found", "Subscription not found.")
        del self._subscriptions[message["subscription"]]

    async def _call_service(self, message: Json) -> object:
        fields = {**(message.get("service_data") or {}), **(message.get("target") or {})}
        domain, name = str(message.get("domain")), str(message.get("service"))
        try:
            changed = await self._hub.services.call(domain, name, fields, "websocket")
        except UnknownService as error:
            raise _Refusal("not_found", f"Service {error} not found.") from error
        except BadServiceCall as error:
            raise _Refusal("invalid_format", str(error)) from error
        context = changed[0]["context"] if changed else context_json(new_context())
        return {"context": context, "response": None}
