"""The control port: JSON lines on 127.0.0.1, for faults, power and ground truth. Not the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

Fields = Mapping[str, object]
Op = Callable[[Fields], Awaitable[Fields]]


class ControlServer:
    """Answers one JSON object a line by the table `ops`, in order, per client.

    A failing op (ValueError, KeyError, TypeError) is answered `{"ok": false, "error": …}`.
    """

    def __init__(self, ops: Mapping[str, Op]) -> None:
        self._ops = ops
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on `port` (0: any free one) and return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and hang up on every client."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._clients):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # a client that hangs up or sends an endless line only loses its own connection
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> Fields:
        try:
            request = json.loads(line)
            name = request.pop("op")
            if name not in self._ops:
                raise ValueError(f"no op {name!r}; known: {', '.join(sorted(self._ops))}")
            return {"ok": True, **await self._ops[name](request)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}


async def ask(port: int, op: str, **fields: object) -> dict[str, object]:
    """Ask another simulator's control port once. OSError when nobody listens there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
    if not line:
        raise ConnectionResetError("the control port hung up")
    answer: dict[str, object] = json.loads(line)
    return answer
