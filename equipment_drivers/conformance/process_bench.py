"""A bench whose peer is a program of yours: the base for benches of drivers from outside."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equipment_drivers.conformance.bench import FAULTS, Deed, Raised

START_S = 30.0
NOT_HERE = "this bench has no means to raise it"


class ProcessBench:
    """Starts `argv`, kills it, freezes it, starts it again on the same port.

    The program listens on the port it is given (0: any free one), prints that port as its first
    line, and appends a line to the file `deeds` for every actuating request it carries out.
    """

    id = ""
    driver = ""
    device = ""
    read: Deed | None = None
    act: Deed | None = None
    job: Deed | None = None
    faults: Mapping[str, Raised | str] = {
        **dict.fromkeys(FAULTS, NOT_HERE),
        "hang": Raised("freeze"),
        "unplug": Raised("vanish"),
    }

    def __init__(self) -> None:
        self.port = 0
        self.deeds = Path()
        self._process: asyncio.subprocess.Process | None = None

    def argv(self) -> Sequence[str]:
        """The peer's command line, with `self.port` and `self.deeds`."""
        raise NotImplementedError

    def connection_options(self) -> Mapping[str, object]:
        raise NotImplementedError

    def devices(self) -> Sequence[Mapping[str, Any]]:
        return [{"id": self.device}]

    async def open(self, folder: Path, seed: int) -> None:
        self.deeds = folder / "deeds"
        await self._start()

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.argv(), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            self.port = int(await self._process.stdout.readline())

    async def close(self) -> None:
        """End the peer; the pipe to it is read to its end, so that nothing of it is left."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()

    async def prepare(self) -> None:
        """A dead peer is started again; one that lives goes on."""
        if self._process is None:
            await self._start()
        await self.clear_faults()

    async def raise_fault(self, fault: str) -> None:
        raised = self.faults[fault]
        assert isinstance(raised, Raised), f"{fault}: {raised}"
        await (self.vanish() if raised.name == "vanish" else self.freeze(True))

    async def clear_faults(self) -> None:
        if self._process is None:
            await self._start()
        await self.freeze(False)

    async def witness(self) -> int:
        """Lines in the peer's own list of deeds."""
        return await asyncio.to_thread(_lines, self.deeds)

    async def vanish(self) -> None:
        await self.close()

    async def freeze(self, frozen: bool) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0
