"""The UR driver on the simulated arm, as a connection that tells what it heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from equipment_drivers.contract import CommandContext, CommandResult, DeviceConfig
from equipment_drivers.devices.ur import UniversalRobot
from equipment_drivers.devices.ur_options import UrArmOptions, UrOptions
from equipment_drivers.model import DeviceMessage, DeviceState, Link, Operation, Quality, Safety
from tests.equipment_drivers.driver_bench import DriverBench
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


def signal(name: str, quality: Quality = Quality.GOOD) -> Callable[[Any], bool]:
    """Picks the readings of one signal."""
    return lambda one: one.signal == name and one.quality is quality


class Lease:
    """A right to act that the test can take away."""

    def __init__(self) -> None:
        self.valid = True
        self.context = CommandContext("c1", 1, may_act=lambda: self.valid)


class Desk(DriverBench):
    """A connection to one arm, and what it told."""

    def __init__(self, sim: Sim, arm: Mapping[str, Any], **more: Any) -> None:
        self.sim = sim
        device = DeviceConfig("ur1", "", UrArmOptions.model_validate({"sample_s": 0.05, **arm}))
        super().__init__(
            "wire",
            UniversalRobot,
            options(sim.endpoint, **more),
            [device],
            clock=FakeClock(),
        )
        driver = self.connection.driver
        assert isinstance(driver, UniversalRobot)
        self.driver = driver

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

    async def message(self, code: str) -> DeviceMessage:
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
        async with table.living(link):
            yield table
