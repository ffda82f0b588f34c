"""Stop by HTTP/1.1 on a warm connection of our own: used at least every few seconds, else it dies.

A stop takes the idle connection and writes at once; where none is idle, or the warm one turns out
to be dead, a fresh one is opened within the same deadline.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from dataclasses import dataclass, field
from functools import cache

from lab_controller.stopper.calls import HttpCall
from lab_controller.stopper.means.turns import Turns
from lab_controller.stopper.verdict import CONFIRMED, SENT, Outcome, Verdict, failed

KEEP_WARM_S = 2.5
TOUCH_TIMEOUT_S = 2.0
POLL_S = 0.05
LONGEST_BODY = 1 << 20

FAULTS = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)


@cache
def certificates() -> ssl.SSLContext:
    """Whom to believe, read once: reading takes longer than a stop may."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `keep`: the connection may be used again."""

    status: int
    body: bytes
    keep: bool


@dataclass(slots=True)
class Wire:
    """One open connection to the server of a call."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    usable: bool = field(default=True)

    @classmethod
    async def open(cls, call: HttpCall) -> Wire:
        """Connect. Raises OSError."""
        context = certificates() if call.secure else None
        return cls(*await asyncio.open_connection(call.host, call.port, ssl=context))

    def put(self, request: bytes) -> None:
        """Hand the request to the kernel, as far as it takes it, without waiting."""
        self.usable = False
        self.writer.write(request)

    async def answer(self) -> Answer:
        """The answer to the one request that is out. Raises one of FAULTS."""
        found = await read_answer(self.reader)
        self.usable = found.keep
        return found

    def close(self) -> None:
        """Drop it, whatever state it is in."""
        self.usable = False
        self.writer.transport.abort()


def request_bytes(call: HttpCall, method: str, target: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    host = f"[{call.host}]" if ":" in call.host else call.host
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}:{call.port}"]
    own = {"host", "content-length", "connection"}
    lines += [f"{name}: {value}" for name, value in call.headers if name.lower() not in own]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one answer: by length, chunked, or up to the end of the connection."""
    status, headers = await _head(reader)
    while 100 <= status < 200:
        status, headers = await _head(reader)
    keep = headers.get("connection", "").lower() != "close"
    if status in (204, 304):
        return Answer(status, b"", keep)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Answer(status, await _chunks(reader), keep)
    if "content-length" in headers:
        length = int(headers["content-length"])
        if not 0 <= length <= LONGEST_BODY:
            raise ValueError(f"content-length {length}")
        return Answer(status, await reader.readexactly(length), keep)
    return Answer(status, await reader.read(LONGEST_BODY), False)


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = text.split("\r\n")
    protocol, _, words = first.partition(" ")
    if not protocol.startswith("HTTP/1."):
        raise ValueError("not an HTTP/1 answer")
    pairs = (line.partition(":") for line in rest if ":" in line)
    return int(words[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if len(body) + size > LONGEST_BODY:
            raise ValueError("body too long")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)


class WarmHttp:
    """The kept-alive connection of one call."""

    def __init__(self, call: HttpCall, turns: Turns) -> None:
        self.call = call
        self._turns = turns
        self._idle: Wire | None = None
        self._refused = False
        target = call.confirm.target if call.confirm else "/"
        self._touch_request = request_bytes(call, "GET", target, b"")
        self._task = asyncio.create_task(self._keep())

    @property
    def ready(self) -> bool:
        """Whether a stop would find a connection that worked the last time."""
        return self._idle is not None and not self._refused

    def take(self) -> Wire | None:
        """The idle connection, now the caller's, if there is a live one."""
        wire, self._idle = self._idle, None
        if wire is not None and (wire.reader.at_eof() or wire.writer.transport.is_closing()):
            wire.close()
            return None
        return wire

    def give_back(self, wire: Wire) -> None:
        """Keep a connection for the next use, or close it."""
        if self._idle is None and wire.usable and not self._task.done():
            self._idle = wire
        else:
            wire.close()

    async def close(self) -> None:
        """End the keeping and the connection."""
        self._task.cancel()
        await asyncio.wait([self._task])
        wire = self.take()
        if wire is not None:
            wire.close()

    async def _keep(self) -> None:
        while True:
            if self._idle is None:
                await self._turns.come()  # a stop that comes now opens a connection of its own
            await self._touch()
            await asyncio.sleep(KEEP_WARM_S * random.uniform(0.8, 1.0))  # staggered

    async def _touch(self) -> None:
        wire = self.take()
        try:
            async with asyncio.timeout(TOUCH_TIMEOUT_S):
                if wire is None:
                    wire = await Wire.open(self.call)
                wire.put(self._touch_request)
                answer = await wire.answer()
        except FAULTS:
            self._refused = True
        else:
            self._refused = self.call.confirm is not None and answer.status >= 400
        finally:
            if wire is not None:
                self.give_back(wire)


class HttpAttempt:
    """One stop request and the reading back of the state."""

    def __init__(self, home: WarmHttp, deadline_s: float) -> None:
        self._home = home
        self._call = home.call
        self._patience_s = deadline_s / 2
        self._request = request_bytes(
            self._call, self._call.method, self._call.target, self._call.body
        )
        self._sent = False
        self._accepted = False
        self._last = ""
        self._wire = home.take()
        if self._wire is not None:
            self._wire.put(self._request)
            self._sent = True

    async def proof(self) -> Verdict:
        """The server's answer, then the state it reports."""
        try:
            answer = await self._first_answer()
            if answer.status >= 300:
                return failed("rejected", f"HTTP {answer.status}")
            self._accepted = True
            return await self._confirmation()
        except FAULTS as fault:
            self._last = str(fault) or type(fault).__name__
            return self.at_deadline()
        finally:
            if self._wire is not None:
                self._home.give_back(self._wire)

    def at_deadline(self) -> Verdict:
        """How far it came."""
        if self._accepted:
            return Verdict(Outcome.SENT, "not_confirmed", self._last)
        if self._sent:
            return Verdict(Outcome.SENT, "no_reply", self._last)
        return failed("unreachable", self._last)

    async def _first_answer(self) -> Answer:
        if self._wire is not None:
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await self._wire.answer()
                if answer.status != 408:  # that one was about the idle time before
                    return answer
            except FAULTS:
                pass  # closed or black-holed while it was idle
            self._drop()
        return await self._exchange(self._request)

    async def _exchange(self, request: bytes) -> Answer:
        if self._wire is None or not self._wire.usable:
            self._drop()
            self._wire = await Wire.open(self._call)
        self._wire.put(request)
        self._sent = True
        return await self._wire.answer()

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _confirmation(self) -> Verdict:
        confirm = self._call.confirm
        if confirm is None:
            return SENT
        request = request_bytes(self._call, "GET", confirm.target, b"")
        while True:
            try:
                answer = await self._exchange(request)
            except FAULTS as fault:
                self._last = str(fault) or type(fault).__name__
            else:
                value = _value(answer.body, confirm.key)
                if answer.status < 300 and value == confirm.equals:
                    return CONFIRMED
                self._last = f"HTTP {answer.status}, {confirm.key}={value!r}"
            await asyncio.sleep(POLL_S)


def _value(body: bytes, key: str) -> object:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found.get(key) if isinstance(found, dict) else None
