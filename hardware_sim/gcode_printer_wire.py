"""The printer's wire: a pseudo-terminal with a stable link, or one TCP client at a time.

Not simulated, for a pty has none of it: baud rate, framing errors, modem lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

OPEN_POLL_S = 0.02
READ_SIZE = 65_536
UNSENT_LIMIT = 262_144


class Wire(Protocol):
    """One serial-like wire; `on_open` is called when a host opens it, `on_bytes` with its bytes."""

    async def plug(self) -> str:
        """Make the wire reachable and return its endpoint."""
        ...

    async def unplug(self) -> None:
        """Take it away, hanging up on the host; may be called twice."""
        ...

    async def replug(self) -> str:
        """Take it away and give it back under another name or number; returns the endpoint."""
        ...

    async def occupy(self, taken: bool) -> None:
        """Somebody else gets hold of it, hanging up on the host, or lets go of it."""
        ...

    def write(self, data: bytes) -> None:
        """Send, or lose the bytes when nobody has the wire open."""
        ...

    @property
    def endpoint(self) -> str:
        """Where a host finds it."""
        ...

    @property
    def open(self) -> bool:
        """Whether a host has it open."""
        ...


class PtyWire:
    """A pty whose slave is reached by a symbolic link. An open edge is a host opening the slave.

    No slave descriptor is kept, so that reading the master tells whether a host is there (EIO:
    nobody). While closed the master is polled, for a hung-up pty keeps its descriptor readable.
    """

    def __init__(
        self, link: Path, on_open: Callable[[], None], on_bytes: Callable[[bytes], None]
    ) -> None:
        self._link = link
        self._on_open = on_open
        self._on_bytes = on_bytes
        self._master = -1
        self._open = False
        self._poll: asyncio.TimerHandle | None = None
        self._unsent = bytearray()
        self._owner = -1

    @property
    def endpoint(self) -> str:
        return str(self._link)

    @property
    def open(self) -> bool:
        return self._open

    async def plug(self) -> str:
        if self._master < 0:
            self._master, slave = os.openpty()
            tty.setraw(slave)
            path = os.ttyname(slave)
            os.close(slave)
            os.set_blocking(self._master, False)
            self._relink(path)
            self._look_for_host()
        return self.endpoint

    async def replug(self) -> str:
        """Another terminal behind the same link, as a port found by its id is another tty."""
        await self.unplug()
        spare = os.openpty()  # so that the number just given back is not given again
        await self.plug()
        for descriptor in spare:
            os.close(descriptor)
        return self.endpoint

    async def occupy(self, taken: bool) -> None:
        if self._owner >= 0:
            os.close(self._owner)
            self._owner = -1
        if taken:
            await self.replug()
            self._owner = os.open(self._link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)

    async def unplug(self) -> None:
        if self._master < 0:
            return
        if self._owner >= 0:
            os.close(self._owner)
            self._owner = -1
        self._link.unlink(missing_ok=True)
        self._closed()
        if self._poll:
            self._poll.cancel()
        os.close(self._master)
        self._master = -1

    def write(self, data: bytes) -> None:
        if not self._open:
            return
        if self._unsent:
            if len(self._unsent) < UNSENT_LIMIT:
                self._unsent += data
            return
        sent = self._send(data)
        if sent < len(data):
            self._unsent += data[sent:]
            asyncio.get_running_loop().add_writer(self._master, self._flush)

    def _relink(self, path: str) -> None:
        self._link.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._link.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(path)
        fresh.replace(self._link)

    def _look_for_host(self) -> None:
        data = self._read()
        if data is None:
            loop = asyncio.get_running_loop()
            self._poll = loop.call_later(OPEN_POLL_S, self._look_for_host)
            return
        self._open = True
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._on_open()
        if data:
            self._on_bytes(data)

    def _readable(self) -> None:
        data = self._read()
        if data is None:
            self._closed()
            self._look_for_host()
        elif data:
            self._on_bytes(data)

    def _read(self) -> bytes | None:
        """Bytes, empty when there are none now, None when no host is there."""
        try:
            return os.read(self._master, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return None

    def _closed(self) -> None:
        self._open = False
        self._unsent.clear()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)

    def _send(self, data: bytes) -> int:
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0

    def _flush(self) -> None:
        del self._unsent[: self._send(bytes(self._unsent))]
        if not self._unsent:
            asyncio.get_running_loop().remove_writer(self._master)


class TcpWire:
    """A raw TCP port, as a serial-to-network adapter gives; a second client is hung up on."""

    def __init__(
        self, port: int, on_open: Callable[[], None], on_bytes: Callable[[bytes], None]
    ) -> None:
        self._port = port
        self._on_open = on_open
        self._on_bytes = on_bytes
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._taken = False

    @property
    def endpoint(self) -> str:
        return f"socket://127.0.0.1:{self._port}"

    @property
    def open(self) -> bool:
        return self._client is not None

    async def plug(self) -> str:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]
        return self.endpoint

    async def replug(self) -> str:
        """Another port."""
        await self.unplug()
        self._port = 0
        return await self.plug()

    async def occupy(self, taken: bool) -> None:
        """The adapter serves one client, and that is another one now."""
        self._taken = taken
        if taken and self._client:
            self._client.close()

    async def unplug(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        if self._client:
            self._client.close()
        await server.wait_closed()

    def write(self, data: bytes) -> None:
        client = self._client
        if client and client.transport.get_write_buffer_size() < UNSENT_LIMIT:
            client.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None or self._taken:
            writer.close()
            return
        self._client = writer
        self._on_open()
        try:
            while data := await reader.read(READ_SIZE):
                self._on_bytes(data)
        except ConnectionError:
            pass
        finally:
            self._client = None
            with contextlib.suppress(ConnectionError):
                writer.close()


class DelayLine:
    """Passes bytes on in order, each after its own delay in real seconds."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._late: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, data: bytes, seconds: float) -> None:
        """Pass on after `seconds`, at once when 0 and nothing is on its way."""
        if not seconds and not self._late:
            self._write(data)
            return
        self._late.append((asyncio.get_running_loop().time() + seconds, data))
        if self._timer is None:
            self._release()

    def clear(self) -> None:
        """Lose what is on its way."""
        self._late.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def hurry(self) -> None:
        """Pass on now what waits."""
        self._late = deque((0.0, data) for _, data in self._late)
        if self._timer:
            self._timer.cancel()
            self._release()

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._late and self._late[0][0] <= loop.time():
            self._write(self._late.popleft()[1])
        if self._late:
            self._timer = loop.call_at(self._late[0][0], self._release)
