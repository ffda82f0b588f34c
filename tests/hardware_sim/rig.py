"""A simulator as a separate process, and a plain host at the other end of its wire."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardware_sim.clock import SimClock
from hardware_sim.control import ask

PATIENCE_S = 20.0


@dataclass
class Rig:
    """One running simulator."""

    name: str
    dir: Path
    process: asyncio.subprocess.Process
    control: int
    endpoint: str

    async def ask(self, op: str, **fields: object) -> dict[str, Any]:
        """Ask the control port; the answer must be ok."""
        answer = await ask(self.control, op, **fields)
        assert answer["ok"], answer
        return answer

    def truth(self, what: str) -> list[dict[str, Any]]:
        """The truth records of one kind so far."""
        text = (self.dir / "truth" / f"{self.name}.jsonl").read_text("utf-8")
        return [fact for line in text.splitlines() if (fact := json.loads(line))["what"] == what]

    def executed(self) -> list[str]:
        """The texts of the numbered lines that were executed."""
        return [fact["text"] for fact in self.truth("executed") if fact["numbered"]]

    async def end(self) -> int:
        """SIGTERM, then the exit code."""
        self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def simulator(
    directory: Path, kind: str, *options: str, factor: float = 200.0, seed: int = 7
) -> AsyncIterator[Rig]:
    """Start one simulator and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"hardware_sim.{kind}", "--id", "sim", "--dir", str(directory)),
        *("--clock", str(SimClock.begin(factor=factor)), "--seed", str(seed), *options),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    async with asyncio.timeout(PATIENCE_S):
        ready = json.loads(await process.stdout.readline())
    rig = Rig("sim", directory, process, ready["control"], ready["endpoint"])
    try:
        yield rig
    finally:
        if process.returncode is None:
            await rig.end()
        # The transport is closed by hand: on 3.11 it is otherwise left to the garbage collector.
        process._transport.close()  # type: ignore[attr-defined]


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
