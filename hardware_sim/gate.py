"""A TCP gate before a server: holds a public port where everything wrong with a wire can happen.

Which faults there are, and how a simulator uses them: `hardware_sim.wire_faults`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from hardware_sim.clock import SimClock
from hardware_sim.faults import Faults
from hardware_sim.wire_faults import bites, changed

CHUNK = 65536
FLOOD_PERIOD_S = 0.01
FLOOD_BATCH = CHUNK  # bytes at a time, however long the repeated message is
JUNK = b"\xff\x00?!\r\n"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST


@dataclass(slots=True)
class _Lane:
    """One way of one connection."""

    way: str
    sink: asyncio.StreamWriter
    last: bytes = b""
    waiting: bytes = b""  # the chunk that lets the next one go first
    silent: bool = False  # after half a frame


class Gate:
    """Relays 127.0.0.1:`port` (0: any free one) to the server behind it, through `faults`.

    The port is taken from the beginning to `release`, so that nobody else gets it while closed.
    """

    def __init__(self, port: int = 0, faults: Faults | None = None) -> None:
        self._faults = faults or Faults({}, SimClock.begin(), 0)
        self._faults.followers.append(self.apply)
        self._home = _take(port)
        self._elsewhere: socket.socket | None = None
        self._listening = self._home
        self._behind = 0
        self._server: asyncio.Server | None = None
        self._switching = asyncio.Lock()
        self._change = asyncio.Event()
        self._frozen = False
        self._relays: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where the wire is reached now; another one while `renumber` is on."""
        return int(self._listening.getsockname()[1])

    async def open(self, behind: int) -> None:
        """Listen, unless a fault forbids it, and relay to port `behind`."""
        self._behind = behind
        await self.apply()

    async def close(self) -> None:
        """Close the port and cut every connection; connecting is refused then."""
        self._behind = 0
        await self.apply()

    def release(self) -> None:
        """Give the port back."""
        for holder in (self._home, self._elsewhere):
            if holder is not None:
                holder.close()

    def freeze(self, frozen: bool) -> None:
        """Hold everything in both directions, connections stay up."""
        self._frozen = frozen
        self._wake()

    async def apply(self) -> None:
        """Bring the port and what is held up to the faults of now; repeating changes nothing."""
        self._wake()
        async with self._switching:
            get = self._faults.get
            gone = get("unplug") is not None
            place = self._place(get("renumber") is not None)
            shut = gone or not self._behind or get("refuse") is not None
            if self._server and (shut or place is not self._listening):
                await self._shut(reset=gone)
            self._listening = place
            if not shut and self._server is None:
                self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _place(self, elsewhere: bool) -> socket.socket:
        if not elsewhere:
            return self._home
        if self._elsewhere is None:
            self._elsewhere = _take(0)
        return self._elsewhere

    async def _shut(self, *, reset: bool) -> None:
        assert self._server is not None
        server, self._server = self._server, None
        server.close()
        if reset:
            for client in list(self._clients):
                _reset(client)
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
        await server.wait_closed()

    def _wake(self) -> None:
        """Everybody who waits for a fault to begin or end looks again."""
        before, self._change = self._change, asyncio.Event()
        before.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._relays.add(relay)
        self._clients.add(writer)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner: asyncio.StreamWriter | None = None
        try:
            await self._while_held("request")
            back, inner = await asyncio.open_connection("127.0.0.1", self._behind)
            replies = _Lane("reply", writer)
            await _first_of(
                self._pump(reader, _Lane("request", inner), writer),
                self._pump(back, replies, writer),
                self._flood(replies),
            )
        except OSError:
            pass  # the server behind is gone: the client sees a closed connection
        finally:
            self._clients.discard(writer)
            for end in (writer, inner):
                if end is not None:
                    end.close()

    async def _pump(
        self, source: asyncio.StreamReader, lane: _Lane, client: asyncio.StreamWriter
    ) -> None:
        while chunk := await source.read(CHUNK):
            lane.last = chunk
            await self._wait_as_faults_say(lane)
            chunk = changed(
                self._faults, lane.way, self._reordered(self._halved(chunk, lane), lane)
            )
            if chunk and (cut := bites(self._faults, "reset_mid_frame", lane.way)):
                lane.sink.write(chunk[: int(cut["bytes"]) or len(chunk) // 2])
                _reset(client)
                return
            await self._write(chunk, lane)

    async def _wait_as_faults_say(self, lane: _Lane) -> None:
        if slow := bites(self._faults, "slow", lane.way):
            await self._pause("slow", slow["seconds"])
        if jitter := bites(self._faults, "jitter", lane.way):
            await self._pause("jitter", jitter["seconds"] * self._faults.source().random())
        await self._while_held(lane.way)

    async def _while_held(self, way: str) -> None:
        get = self._faults.get
        while self._frozen or get("hang") or (way == "request" and get("late_execution")):
            await self._change.wait()

    async def _pause(self, fault: str, seconds: float) -> None:
        """Wait so long, or until the fault is over."""
        try:
            async with asyncio.timeout(seconds):
                while self._faults.get(fault):
                    await self._change.wait()
        except TimeoutError:
            pass  # it waited as long as the fault says

    def _halved(self, chunk: bytes, lane: _Lane) -> bytes:
        lane.silent = lane.silent and self._faults.get("half_frame") is not None
        if lane.silent:
            return b""
        if bites(self._faults, "half_frame", lane.way):
            lane.silent = True
            return chunk[: len(chunk) // 2]
        return chunk

    def _reordered(self, chunk: bytes, lane: _Lane) -> bytes:
        waiting, lane.waiting = lane.waiting, b""
        if waiting:
            on = self._faults.get("out_of_order") is not None
            return chunk + waiting if on else waiting + chunk
        if chunk and bites(self._faults, "out_of_order", lane.way):
            lane.waiting = chunk
            return b""
        return chunk

    async def _write(self, chunk: bytes, lane: _Lane) -> None:
        drip = bites(self._faults, "slow_drip", lane.way) if chunk else None
        step = 1 if drip else max(1, len(chunk))
        for start in range(0, len(chunk), step):
            if drip and start:
                await self._pause("slow_drip", drip["seconds"])
            lane.sink.write(chunk[start : start + step])
            await lane.sink.drain()

    async def _flood(self, lane: _Lane) -> None:
        while True:
            flood = self._faults.get("flood")
            if flood is None:
                await self._change.wait()
                continue
            one = (flood["text"] + "\n").encode() if flood["text"] else lane.last or JUNK
            count = min(int(flood["rate"] * FLOOD_PERIOD_S), FLOOD_BATCH // len(one))
            lane.sink.write(one * max(1, count))
            await lane.sink.drain()
            await asyncio.sleep(FLOOD_PERIOD_S)


def _take(port: int) -> socket.socket:
    """Bind without listening: the port is ours, and connecting is refused."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    return holder


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection by RST; what was written before is still sent."""
    if (connection := writer.get_extra_info("socket")) and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run until the first of them ends, then end the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
