"""A TCP gate before a server: holds a public port that can freeze, slow down, refuse or close.

A frozen gate keeps what arrives and delivers it when it thaws, as a hung device does.
"""

from __future__ import annotations

import asyncio
import socket

CHUNK = 65536


class Gate:
    """Relays 127.0.0.1:`port` (0: any free one) to the server behind it.

    The port is taken from the beginning to `release`, so that nobody else gets it while closed.
    """

    def __init__(self, port: int = 0) -> None:
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", port))
        self.port = int(self._holder.getsockname()[1])
        self._behind = 0
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._relays: set[asyncio.Task[None]] = set()

    async def open(self, behind: int) -> None:
        """Listen, and relay to port `behind`."""
        self._behind = behind
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Close the port and cut every connection; connecting is refused then."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
        await server.wait_closed()

    def release(self) -> None:
        """Give the port back."""
        self._holder.close()

    def freeze(self, frozen: bool) -> None:
        """Hold everything in both directions, connections stay up."""
        if frozen:
            self._flows.clear()
        else:
            self._flows.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner: asyncio.StreamWriter | None = None
        try:
            await self._flows.wait()
            back, inner = await asyncio.open_connection("127.0.0.1", self._behind)
            ways = [
                asyncio.ensure_future(self._pump(reader, inner)),
                asyncio.ensure_future(self._pump(back, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # the server behind is gone: the client sees a closed connection
        finally:
            for end in (writer, inner):
                if end is not None:
                    end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(CHUNK):
            await self._flows.wait()
            sink.write(chunk)
            await sink.drain()
