"""A simulator out of the nursery, as a test holds it; its way of speaking is that of a process."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHARED = "MACHIKOBA_NURSERY"
"""Names the nursery of the process that started this one, which serves this one too."""


class Child:
    """A process one can hear, signal and wait for."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._reader, self._writer = reader, writer

    async def line(self) -> dict[str, Any]:
        """The next line it prints, or `{"ended": code}`."""
        said: dict[str, Any] = json.loads(await self._reader.readline())
        self.returncode = said.get("ended")
        return said

    def send_signal(self, number: signal.Signals) -> None:
        """At once; to one that has ended nothing."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """How it ended: its exit code, negative for a signal."""
        while self.returncode is None:
            await self.line()
        return self.returncode

    async def let_go(self) -> None:
        """End it if it has not ended; nothing of it is left."""
        self._writer.close()
        await self._writer.wait_closed()


async def born(module: str, *arguments: str) -> Child:
    """`python -m MODULE ARGUMENTS` in this environment and folder, forked instead of started."""
    reader, writer = await asyncio.open_unix_connection(_nursery())
    wanted = {
        "module": module,
        "arguments": arguments,
        "environ": dict(os.environ),
        "folder": os.getcwd(),
    }
    writer.write(json.dumps(wanted).encode() + b"\n")
    child = Child(0, reader, writer)
    child.pid = (await child.line())["pid"]
    return child


@cache
def _nursery() -> str:
    """The address of this process's nursery, which lives as long as this process does."""
    if shared := os.environ.get(SHARED):
        return f"\0{shared}"
    name = f"machikoba-nursery-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"\0{name}")
        door.listen(64)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.sims.nursery", str(door.fileno())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[door.fileno()],
        )
    atexit.register(process.communicate)
    os.environ[SHARED] = name
    return f"\0{name}"
