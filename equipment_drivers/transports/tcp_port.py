"""A TCP connection as bytes on the event loop, with the same doors as a serial port."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from equipment_drivers.errors import ConnectFailed, LinkLost


class TcpPort(asyncio.Protocol):
    """One connection to `host:port`. `on_bytes` gets what comes; `on_lost` once, the cause."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        on_bytes: Callable[[bytes], None],
        on_lost: Callable[[LinkLost], None],
    ) -> None:
        self.url = f"{host}:{port}"
        self._host, self._number = host, port
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] | None = None
        self._closed = False

    async def open(self) -> None:
        """Connect; the caller bounds it. Raises ConnectFailed."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self, self._host, self._number)
        except OSError as error:
            cause = errno.errorcode.get(error.errno or 0, type(error).__name__)
            raise ConnectFailed(port=self.url, cause=cause) from error

    def fileno(self) -> int | None:
        """None: whoever stops a device over TCP keeps a connection of its own."""
        return None

    def write(self, data: bytes) -> None:
        """Send. Raises LinkLost when not connected."""
        if self._transport is None or self._transport.is_closing():
            raise LinkLost(port=self.url, cause="not open")
        self._transport.write(data)

    async def close(self) -> None:
        """Close; may be called twice. Never raises."""
        self._closed = True
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._gone is not None:
            await asyncio.wait({self._gone})

    # -- the loop's callbacks ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._gone = asyncio.get_running_loop().create_future()
        if self._closed:
            transport.abort()
            return
        self._transport = transport
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if not self._closed:
            self._on_bytes(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if not self._closed:
            number = exc.errno if isinstance(exc, OSError) else 0
            cause = errno.errorcode.get(number or 0, type(exc).__name__) if exc else "hang-up"
            self._on_lost(LinkLost(port=self.url, cause=cause))
