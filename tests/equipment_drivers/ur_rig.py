"""The UR driver on the simulated arm, as a connection that tells what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from equipment_drivers.contract import CommandContext, CommandResult, DeviceConfig
from equipment_drivers.devices.ur import UniversalRobot
from equipment_drivers.devices.ur_options import UrArmOptions, UrOptions
from equipment_drivers.lifecycle import Connection, Limits
from equipment_drivers.model import DeviceMessage, DeviceState, Fact, Link, Operation, Safety
from tests.equipment_drivers.fakes import FakeClock
from tests.hardware_sim.waiting import until
from tests.sims.sim import Sim, running

GO = CommandContext("c1", 1)
CALM = ("--watchdog-hz", "0.5")
"""A watchdog that does not mind a machine busy with other tests."""


def options(endpoint: str, **more: Any) -> UrOptions:
    """Short times; `endpoint` is HOST:DASHBOARD:RTDE."""
    host, dashboard, rtde = endpoint.split(":")
    given: dict[str, Any] = {
        "host": host, "dashboard_port": dashboard, "rtde_port": rtde, "hz": 25,
        "silent_frames": 50, "timeout_s": 5, "look_s": 0.2, "rtde_retry_s": 0.1,
        "start_s": 5, "stop_s": 5, "probe_s": 1, "greeting_s": 5,
    }  # fmt: skip
    return UrOptions.model_validate(given | more)


class Desk:
    """A connection to one arm, and what it told."""

    def __init__(self, sim: Sim, arm: Mapping[str, Any], **more: Any) -> None:
        self.sim = sim
        self.facts: list[Fact] = []
        self._news = asyncio.Event()
        device = DeviceConfig("ur1", "", UrArmOptions.model_validate({"sample_s": 0.05, **arm}))
        self.connection = Connection(
            "wire",
            UniversalRobot,
            options(sim.endpoint, **more),
            [device],
            clock=FakeClock(),
            emit=self._hear,
            limits=Limits(backoff_first_s=0.05, backoff_max_s=0.05),
        )
        driver = self.connection.driver
        assert isinstance(driver, UniversalRobot)
        self.driver = driver

    def _hear(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def link(self, *links: Link) -> None:
        await self.until(lambda: self.connection.link in links)

    async def next(self, kind: type[Fact], holds: Callable[[Any], bool] = lambda one: True) -> Any:
        """The first fact of a kind from now on for which it holds."""
        before = len(self.facts)

        def found() -> list[Fact]:
            return [one for one in self.facts[before:] if isinstance(one, kind) and holds(one)]

        await self.until(lambda: bool(found()))
        return found()[0]

    @property
    def state(self) -> DeviceState:
        return [one for one in self.facts if isinstance(one, DeviceState)][-1]

    async def is_(self, operation: Operation, safety: Safety | None = None) -> None:
        """Wait for a state."""
        await self.until(
            lambda: self.state.operation is operation and safety in (None, self.state.safety)
        )

    def messages(self, code: str) -> list[DeviceMessage]:
        return [one for one in self.facts if isinstance(one, DeviceMessage) and one.code == code]

    async def told(self, code: str) -> DeviceMessage:
        await self.until(lambda: bool(self.messages(code)))
        return self.messages(code)[-1]

    async def send(self, verb: str, context: CommandContext = GO, **args: Any) -> CommandResult:
        return await self.connection.execute("ur1", verb, args, context)

    def done(self) -> list[str]:
        """What the arm was really told, by its own log, in order."""
        told = ("load", "play", "pause", "stop", "power_on", "power_off", "brake_release",
                "unlock", "speed")  # fmt: skip
        return [one["what"] for one in self.sim.lines() if one["what"] in told]

    async def truly(self, key: str, value: object) -> None:
        """Wait until the simulator itself says so."""
        await until(lambda: self.sim.ask("status"), lambda status: status[key] == value)


@asynccontextmanager
async def desk(
    folder: Path,
    *flags: str,
    arm: Mapping[str, Any] | None = None,
    link: Link = Link.ONLINE,
    faults: tuple[str, ...] = (),
    **more: Any,
) -> AsyncIterator[Desk]:
    """A desk whose link has got where it is expected; the connection is ended at the end."""
    raised = [part for fault in faults for part in ("--fault", fault)]
    loaded = () if "--load" in flags else ("--load", "pick_and_place.urp")
    async with running("ur_robot", folder, *CALM, *loaded, *flags, *raised) as sim:
        table = Desk(sim, arm or {}, **more)
        living = asyncio.create_task(table.connection.run())
        try:
            await table.link(link)
            yield table
        finally:
            await table.connection.stop()
            await living
