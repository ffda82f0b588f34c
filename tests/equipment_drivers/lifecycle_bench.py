"""A connection with a fake driver in the test's hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import cast

from equipment_drivers.contract import CommandContext, DeviceConfig
from equipment_drivers.lifecycle import Limits
from equipment_drivers.model import DeviceState, Link
from tests.equipment_drivers.driver_bench import DriverBench
from tests.equipment_drivers.fakes import FakeClock, FakeDeviceOptions, FakeDriver, FakeOptions

FAST = Limits(attempt_s=0.2, backoff_first_s=0.0, backoff_max_s=0.0, close_s=0.2)
STUCK = replace(FAST, backoff_first_s=1e6, backoff_max_s=1e6)
GO = CommandContext("c1", 1)


class Bench(DriverBench):
    """A connection with a fake driver, the facts it told, and a way to await one of them."""

    patience_s = 5.0

    def __init__(self, limits: Limits = FAST, options: FakeOptions | None = None) -> None:
        self.order: list[str] = []
        super().__init__(
            "c",
            FakeDriver,
            options or FakeOptions(),
            [DeviceConfig(id, "", FakeDeviceOptions()) for id in ("a", "b")],
            clock=FakeClock(),
            before_close=self.before_close,
            on_online=self.on_online,
            rng=Random(1),
            limits=limits,
        )
        self.driver = cast(FakeDriver, self.connection.driver)
        self.life: asyncio.Task[None] | None = None

    async def before_close(self) -> None:
        self.order.append(f"before_close:{'close' in self.driver.calls}")

    async def on_online(self) -> None:
        self.order.append(f"on_online:{self.connection.link}")

    def start(self) -> None:
        self.life = asyncio.create_task(self.connection.run())

    async def online(self) -> None:
        self.start()
        await self.until(lambda: self.connection.link is Link.ONLINE)

    def last_state(self, device: str) -> DeviceState:
        states = [f for f in self.facts if isinstance(f, DeviceState) and f.device == device]
        return states[-1]
