"""When a wire comes back: what we set going is stopped, a storm is told, a plug is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import cast

import pytest

from equipment_drivers.contract import CommandContext, DeviceConfig, StopOutcome, StopReport
from equipment_drivers.errors import ConnectFailed, DriverError, LinkLost
from equipment_drivers.lifecycle import Limits
from equipment_drivers.model import DeviceMessage, Link, LinkChanged, Operation
from equipment_drivers.storms import Storm
from tests.equipment_drivers.driver_bench import DriverBench
from tests.equipment_drivers.fakes import FakeClock, FakeDeviceOptions, FakeDriver, FakeOptions

GO = CommandContext("c1", 1)
AT_ONCE = Limits(attempt_s=1.0, backoff_first_s=0.0, backoff_max_s=0.0, close_s=0.2)
NEVER = replace(AT_ONCE, backoff_first_s=1e6, backoff_max_s=1e6)


class Moving(FakeDriver):
    """Machines whose operation after a read-back is `found`."""

    found = Operation.IDLE
    resists = False

    @property
    def rested(self) -> list[str]:
        return [call.split()[1] for call in self.calls if call.startswith("safe_state ")]

    async def resync(self) -> None:
        self.calls.append("resync")
        rests = self.stopped or (self.rested and not self.resists)
        for device in self.devices:
            self.report(device, Operation.IDLE if rests else self.found)

    async def safe_state(self, device: str) -> StopReport:
        report = await super().safe_state(device)
        return replace(report, outcome=StopOutcome.FAILED) if self.resists else report


class PluggedOptions(FakeOptions):
    path: Path

    def plug(self) -> Path | None:
        return self.path


class Wire(DriverBench):
    patience_s = 5.0

    def __init__(self, limits: Limits = AT_ONCE, options: FakeOptions | None = None) -> None:
        super().__init__(
            "c",
            Moving,
            options or FakeOptions(),
            [DeviceConfig(id, "", FakeDeviceOptions()) for id in ("a", "b")],
            clock=FakeClock(),
            rng=Random(1),
            limits=limits,
        )
        self.driver = cast(Moving, self.connection.driver)
        self.life = asyncio.create_task(self.connection.run())

    def ups(self) -> int:
        return sum(link.carries_commands for link in self.links)

    async def lose_and_regain(self) -> None:
        ups = self.ups()
        self.driver.lose(LinkLost())
        await self.until(lambda: self.ups() > ups)

    def messages(self) -> list[tuple[str, str]]:
        told = [fact for fact in self.facts if isinstance(fact, DeviceMessage)]
        return [(message.device, message.code) for message in told]


@pytest.fixture
async def wires() -> AsyncIterator[list[Wire]]:
    made: list[Wire] = []
    yield made
    for wire in made:
        await wire.connection.stop()
        await wire.life


@pytest.fixture
async def wire(wires: list[Wire]) -> Wire:
    wires.append(Wire())
    await wires[0].until(lambda: wires[0].connection.link is Link.ONLINE)
    return wires[0]


async def set_going(wire: Wire) -> None:
    await wire.connection.execute("a", "move", {"x": 1.0}, GO)
    wire.driver.report("a", Operation.BUSY)
    wire.driver.found = Operation.BUSY


async def test_what_we_set_going_is_stopped_first(wire: Wire) -> None:
    await set_going(wire)
    await wire.lose_and_regain()
    assert wire.driver.rested == ["a"]
    assert ("a", "driver.stopped_after_loss") in wire.messages()
    up = max(n for n, fact in enumerate(wire.facts) if isinstance(fact, LinkChanged))
    told = next(n for n, fact in enumerate(wire.facts) if isinstance(fact, DeviceMessage))
    assert told < up
    assert wire.connection.operation("a") is Operation.IDLE


async def test_what_does_not_come_to_rest_is_stopped_the_hard_way(wire: Wire) -> None:
    await set_going(wire)
    wire.driver.resists = True
    await wire.lose_and_regain()
    assert wire.driver.rested == wire.driver.stopped == ["a"]
    assert wire.connection.operation("a") is Operation.IDLE


async def test_it_is_stopped_once_not_at_every_return(wire: Wire) -> None:
    await set_going(wire)
    await wire.lose_and_regain()
    wire.driver.calls.clear()
    await wire.lose_and_regain()
    assert wire.driver.rested == []


async def test_it_is_stopped_also_when_the_first_attempts_fail(wire: Wire) -> None:
    await set_going(wire)
    wire.driver.connect_faults = [ConnectFailed(), ConnectFailed()]
    await wire.lose_and_regain()
    assert wire.driver.rested == ["a"]


async def test_a_command_in_flight_counts_as_set_going(wire: Wire) -> None:
    wire.driver.gate.clear()
    task = asyncio.create_task(wire.connection.execute("a", "run_job", {}, GO))
    for _ in range(5):
        await asyncio.sleep(0)
    assert "run_job" in wire.driver.started
    wire.driver.found = Operation.BUSY
    await wire.lose_and_regain()
    with suppress(DriverError):
        await task
    assert wire.driver.rested == ["a"]


async def test_what_others_set_going_is_left_alone(wire: Wire) -> None:
    wire.driver.report("a", Operation.BUSY)
    wire.driver.found = Operation.BUSY
    await wire.lose_and_regain()
    assert wire.driver.rested == []


async def test_what_came_to_rest_before_the_loss_is_nobodys_affair(wire: Wire) -> None:
    await set_going(wire)
    wire.driver.report("a", Operation.IDLE)
    wire.driver.report("a", Operation.BUSY)  # somebody at the machine
    await wire.lose_and_regain()
    assert wire.driver.rested == []


async def test_a_storm_is_told_once_and_the_link_is_degraded(wire: Wire) -> None:
    for _ in range(8):
        await wire.lose_and_regain()
    told = [device for device, code in wire.messages() if code == "driver.link_storm"]
    assert told == ["a", "b"]
    assert wire.connection.link is Link.DEGRADED


async def test_in_a_storm_no_wait_is_short(wires: list[Wire]) -> None:
    limits = replace(AT_ONCE, backoff_max_s=30.0, storm_drops=1)
    wires.append(Wire(limits))
    wire = wires[0]
    await wire.until(lambda: wire.connection.link is Link.ONLINE)
    await wire.lose_and_regain()
    assert wire.connection._pause_after(LinkLost(), 0) == 0.0
    wire.driver.lose(LinkLost())
    await wire.until(lambda: wire.connection.link is Link.BACKOFF)
    pauses = [wire.connection._pause_after(LinkLost(), 0) or 0.0 for _ in range(100)]
    assert min(pauses) >= 30.0
    assert max(pauses) <= 45.0


async def test_in_a_storm_a_machine_just_switched_on_is_tried_until_it_has_booted(
    wires: list[Wire],
) -> None:
    limits = replace(AT_ONCE, backoff_max_s=1e6, storm_drops=0)
    wires.append(Wire(limits))
    wire = wires[0]
    await wire.until(lambda: wire.connection.link is Link.ONLINE)
    for _ in range(2):  # and again after each drop
        wire.driver.connect_faults = [ConnectFailed() for _ in range(5)]
        wire.driver.lose(LinkLost())
        await wire.until(lambda: wire.connection.link is Link.BACKOFF)
        assert (wire.connection._pause_after(LinkLost(), 0) or 0.0) >= 1e6
        wire.connection.reconnect_now()
        await wire.until(lambda: wire.connection.link is Link.DEGRADED)


async def test_after_the_storm_the_link_is_well_again(wires: list[Wire]) -> None:
    wires.append(Wire(replace(AT_ONCE, storm_drops=0, storm_s=0.05)))
    wire = wires[0]
    await wire.until(lambda: wire.connection.link is Link.ONLINE)
    await wire.lose_and_regain()
    await wire.until(lambda: wire.connection.link is Link.ONLINE)


def test_a_storm_begins_and_ends() -> None:
    storm = Storm(drops=2, within_s=10.0)
    assert [storm.dropped(at) for at in (0.0, 1.0, 2.0, 3.0)] == [False, False, True, False]
    assert storm.ends_in(3.0) == 8.0
    assert storm.ends_in(11.0) == 0.0
    assert [storm.dropped(at) for at in (20.0, 21.0, 22.0)] == [False, False, True]


async def test_a_plug_that_is_back_is_tried_at_once(wires: list[Wire], tmp_path: Path) -> None:
    plug = tmp_path / "by-id-usb"
    plug.touch()
    wires.append(Wire(NEVER, PluggedOptions(path=plug)))
    wire = wires[0]
    await wire.until(lambda: wire.connection.link is Link.ONLINE)
    plug.unlink()
    wire.driver.lose(LinkLost())
    await wire.until(lambda: wire.connection.link is Link.BACKOFF)
    plug.touch()
    await wire.until(lambda: wire.connection.link is Link.ONLINE)
