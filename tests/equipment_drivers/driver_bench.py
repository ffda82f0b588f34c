"""A driver on its connection, what it told, and ways to wait for more: the base of every bench."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self, TypeVar

from equipment_drivers.contract import Clock, DeviceConfig, Options
from equipment_drivers.lifecycle import Connection, Limits
from equipment_drivers.model import Fact, Link, LinkChanged, Reading

F = TypeVar("F", bound=Fact)
SOON_AGAIN = Limits(backoff_first_s=0.05, backoff_max_s=0.05)


class Told:
    """The facts a driver told, in order."""

    patience_s: ClassVar[float] = 20.0

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._news = asyncio.Event()

    def hear(self, fact: Fact) -> None:
        """Where the driver tells it."""
        self.facts.append(fact)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for facts until it holds."""
        async with asyncio.timeout(self.patience_s):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def told(self, kind: type[F]) -> list[F]:
        """Facts of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def next(self, kind: type[Fact], holds: Callable[[Any], bool] = lambda one: True) -> Any:
        """The first fact of a kind from now on for which it holds."""
        before = len(self.facts)

        def found() -> list[Fact]:
            return [one for one in self.facts[before:] if isinstance(one, kind) and holds(one)]

        await self.until(lambda: bool(found()))
        return found()[0]

    @property
    def links(self) -> list[Link]:
        """Where the link was told to have got to."""
        return [change.link for change in self.told(LinkChanged)]

    def readings(self, signal: str) -> list[Reading]:
        return [reading for reading in self.told(Reading) if reading.signal == signal]

    def last(self, signal: str) -> Reading:
        return self.readings(signal)[-1]


class DriverBench(Told):
    """A connection whose driver is tried out."""

    def __init__(
        self,
        id: str,
        kind: Any,
        options: Options,
        devices: Sequence[DeviceConfig],
        *,
        clock: Clock,
        limits: Limits = SOON_AGAIN,
        **more: Any,
    ) -> None:
        super().__init__()
        self.connection = Connection(
            id, kind, options, devices, clock=clock, emit=self.hear, limits=limits, **more
        )

    async def link(self, *links: Link) -> None:
        """Wait for one of these."""
        await self.until(lambda: self.connection.link in links)

    @asynccontextmanager
    async def living(self, *links: Link) -> AsyncIterator[Self]:
        """The connection lives, and has got to one of these links; it is ended at the end."""
        life = asyncio.create_task(self.connection.run())
        try:
            if links:
                await self.link(*links)
            yield self
        finally:
            await self.connection.stop()
            await life
