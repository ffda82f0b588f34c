"""The base of benches whose peer is one of our simulators, a process of its own on the real wire.

A bench states its ids, its deeds, its table of faults and four things of its own: the simulator's
`kind` and `flags`, `is_deed` (which line of the truth log is an actuating request carried out),
`rest` (what brings the powered machine to rest) and the driver's options.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

from equipment_drivers.conformance.bench import Deed, Raised
from tests.sims.sim import Sim, running


class SimBench:
    """Starts `hardware_sim.KIND`, raises its faults by the control port, asks its truth log."""

    id = ""
    driver = ""
    device = ""
    kind = ""
    read: Deed | None = None
    act: Deed | None = None
    job: Deed | None = None
    faults: Mapping[str, Raised | str] = {}
    flags: ClassVar[Sequence[str]] = ()
    has_port: ClassVar[bool] = True
    """Whether it listens on a TCP port; the same one in every life of the peer."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._sim: Sim | None = None
        self._port = "0"
        self.folder, self.seed = Path(), 0

    async def open(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.furnish()
        await self._start()

    def furnish(self) -> None:
        """Put into the folder what the driver's options name; by default nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        flags = [*self.flags, *(["--port", self._port] if self.has_port else [])]
        started = running(self.kind, self.folder, *flags, id=self.id, seed=self.seed)
        self._sim = await self._stack.enter_async_context(started)
        if self.has_port:
            self._port = str(self.address[1])

    @property
    def sim(self) -> Sim:
        """The peer of the moment."""
        assert self._sim is not None, "open it first"
        return self._sim

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, wherever the peer listens now."""
        place = self.sim.endpoint.rpartition("//")[2].partition("/")[0]
        host, _, port = place.rpartition(":")
        return host, int(port)

    def connection_options(self) -> Mapping[str, object]:
        raise NotImplementedError

    def devices(self) -> Sequence[Mapping[str, Any]]:
        return [{"id": self.device, "address": "", "options": {}}]

    async def prepare(self) -> None:
        if self.sim.process.returncode is not None:
            await self._stack.aclose()
            await self._start()
        await self.freeze(False)
        await self.clear_faults()
        await self.rest()

    async def rest(self) -> None:
        """Bring the machine to rest, whatever was done to it; by default power is enough."""
        await self.sim.ask("power", on=True)

    async def raise_fault(self, fault: str) -> None:
        raised = self.faults[fault]
        assert isinstance(raised, Raised), f"{fault}: {raised}"
        await self.sim.ask("fault", name=raised.name, **raised.params)
        await self._look_where_it_is()

    async def clear_faults(self) -> None:
        await self.sim.ask("clear")
        await self._look_where_it_is()

    async def _look_where_it_is(self) -> None:
        status = await self.sim.ask("status")
        self.sim.endpoint = status.get("endpoint", self.sim.endpoint)

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        """Whether this line of the truth log is an actuating request carried out."""
        raise NotImplementedError

    async def witness(self) -> int:
        """Deeds in the machine's own log, all its lives together."""
        text = (self.folder / "truth" / f"{self.id}.jsonl").read_text("utf-8")
        return sum(self.is_deed(json.loads(line)) for line in text.splitlines())

    async def vanish(self) -> None:
        await self.sim.kill()

    async def freeze(self, frozen: bool) -> None:
        if frozen:
            self.sim.freeze()
        else:
            self.sim.thaw()
