"""A simulator in quick lab time, and a plain host at the other end of its wire."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hardware_sim.clock import SimClock
from tests.sims.sim import Sim, running

PATIENCE_S = 20.0


@asynccontextmanager
async def simulator(
    directory: Path, kind: str, *options: str, factor: float = 200.0, seed: int = 7
) -> AsyncIterator[Sim]:
    """Start one simulator whose time runs `factor` times as fast, and end it afterwards."""
    clock = str(SimClock.begin(factor=factor))
    async with running(kind, directory, *options, clock=clock, seed=seed) as sim:
        yield sim


class Host:
    """A host on a pty or TCP wire, line by line; `line()` returns "" when the wire is gone."""

    def __init__(self, reader: asyncio.StreamReader, write: Any, close: Any) -> None:
        self._reader = reader
        self.write = write
        self.close = close

    async def line(self) -> str:
        """The next line the printer says."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return (await self._reader.readline()).decode("latin-1").rstrip("\n")
            except OSError:
                return ""

    async def until(self, start: str) -> list[str]:
        """All lines up to and with the first that begins so."""
        lines = [await self.line()]
        while not lines[-1].startswith(start):
            assert lines[-1], f"wire gone while waiting for {start!r}: {lines}"
            lines.append(await self.line())
        return lines

    async def send(self, text: str) -> list[str]:
        """Send one line as it is and read up to its `ok`."""
        self.write(text.encode("latin-1") + b"\n")
        return await self.until("ok")


@asynccontextmanager
async def host(endpoint: str, *, banner: bool = True) -> AsyncIterator[Host]:
    """Open the wire; by default read the banner too."""
    opened = await (_tcp(endpoint) if endpoint.startswith("socket:") else _pty(endpoint))
    try:
        if banner:
            await opened.until("echo:Marlin")
        yield opened
    finally:
        opened.close()


async def _tcp(endpoint: str) -> Host:
    address, port = endpoint.removeprefix("socket://").split(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    return Host(reader, writer.write, writer.close)


async def _pty(path: str) -> Host:
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return Host(reader, lambda data: os.write(descriptor, data), transport.close)


def numbered(number: int, text: str) -> str:
    """A line with number and checksum, written out from the protocol."""
    body = f"N{number} {text}"
    total = 0
    for byte in body.encode():
        total ^= byte
    return f"{body}*{total}"


def gone(path: str) -> bool:
    """Whether not even a dangling link is left there."""
    return not os.path.lexists(path)
