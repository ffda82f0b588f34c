"""A live connection on a bench: what it told, and waiting until something is so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from equipment_drivers.conformance.bench import Bench, Deed
from equipment_drivers.contract import (
    CommandContext,
    CommandResult,
    CommandSpec,
    DeviceConfig,
    Driver,
)
from equipment_drivers.errors import NotAllowedNow, WireFault
from equipment_drivers.lifecycle import Connection, Limits
from equipment_drivers.model import DeviceState, Fact, Link, LinkChanged, Operation, Reading

F = TypeVar("F", bound=Fact)
LIMITS = Limits(attempt_s=10.0, backoff_first_s=0.02, backoff_max_s=0.1, occupied_s=0.05)
PATIENCE_S = 20.0
"""For what has no bound of its own."""
MARGIN_S = 2.0
"""For a busy machine, on top of every bound a driver declares."""
PAUSE_S = 0.01
GO = CommandContext("conformance", 1)
MAY_NOT = CommandContext("conformance", 1, may_act=lambda: False)
NO_LEASE = CommandContext("conformance", None, may_act=lambda: False)


class WallClock:
    """The system's clocks; `jump` moves the time of day and nothing else."""

    def __init__(self) -> None:
        self.jump = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.jump

    def monotonic(self) -> float:
        return time.monotonic()


class Wire:
    """One connection to the bench's peer; `consume` sees each fact before it is kept."""

    def __init__(self, bench: Bench, driver: type[Driver]) -> None:
        self.bench, self.device = bench, bench.device
        self.clock = WallClock()
        self.facts: list[Fact] = []
        self.consume: Callable[[Fact], None] = lambda fact: None
        self._news = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        spec = driver.spec
        devices = [
            DeviceConfig(
                str(one["id"]),
                str(one.get("address", "")),
                spec.device_options.model_validate(one.get("options", {})),
            )
            for one in bench.devices()
        ]
        self.connection = Connection(
            "wire",
            driver,
            spec.connection_options.model_validate(bench.connection_options()),
            devices,
            clock=self.clock,
            emit=self._hear,
            limits=LIMITS,
        )
        self.driver = self.connection.driver

    def _hear(self, fact: Fact) -> None:
        self.consume(fact)
        self.facts.append(fact)
        self._news.set()

    # -- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the connection live."""
        self._life = asyncio.create_task(self.connection.run(), name="life of the wire")

    async def online(self) -> None:
        """Start, and wait for the link."""
        self.start()
        await self.until(lambda: self.link.carries_commands)

    async def stop(self) -> None:
        """End it; may be called twice."""
        await self.connection.stop()
        if self._life is not None:
            await self._life

    async def until(self, holds: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait for facts until it holds; an AssertionError tells where it stood instead."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            last = self.facts[-1] if self.facts else "nothing"
            raise AssertionError(f"not within {seconds:g} s; {self.link}, last: {last}") from None

    # -- what it is -------------------------------------------------------------------------

    @property
    def link(self) -> Link:
        return self.connection.link

    @property
    def operation(self) -> Operation:
        return self.connection.operation(self.device)

    @property
    def silence_s(self) -> float:
        """How long it may take until a silent peer is seen: the driver's word, and our margin."""
        return self.driver.max_silence_s + 0.5 + MARGIN_S

    def told(self, kind: type[F], since: int = 0) -> list[F]:
        """Facts of one kind, from the one numbered `since` on."""
        return [fact for fact in self.facts[since:] if isinstance(fact, kind)]

    def links(self, since: int = 0) -> list[Link]:
        return [change.link for change in self.told(LinkChanged, since)]

    def readings(self, since: int = 0) -> list[Reading]:
        return self.told(Reading, since)

    def states(self, since: int = 0) -> list[DeviceState]:
        return self.told(DeviceState, since)

    def command(self, verb: str) -> CommandSpec:
        """The spec of one verb of the bench's device."""
        return self.driver.device_spec(self.device).commands[verb]

    # -- what it does -----------------------------------------------------------------------

    async def do(self, deed: Deed, context: CommandContext = GO) -> CommandResult:
        """One command, as the controller sends it."""
        return await self.connection.execute(self.device, deed.verb, deed.args, context)

    def doing(self, deed: Deed, context: CommandContext = GO) -> asyncio.Task[CommandResult]:
        """The same as a task."""
        return asyncio.create_task(self.do(deed, context), name=deed.verb)

    async def settled(self) -> int:
        """The witness after two read-backs: what still waited somewhere has shown itself.

        A link that the driver had to end (its line was out of step) comes back first.
        """
        read_back = 0
        while read_back < 2:
            await self.until(lambda: self.link.carries_commands)
            with suppress(WireFault, NotAllowedNow):
                await self.connection.resync()
                read_back += 1
                continue
            await asyncio.sleep(PAUSE_S)  # the driver's own task has yet to see that it is lost
        return await self.bench.witness()


def needs_a_peer(wire: Wire) -> None:
    """Skip where there is no peer that could die or fall silent."""
    why = wire.bench.faults["hang"]
    if isinstance(why, str):
        pytest.skip(why)
