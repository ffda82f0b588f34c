"""The hub driver against the simulated hub, with a simulated machine really powered by its plug."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from equipment_drivers.contract import CommandContext, DeviceConfig, StopOutcome
from equipment_drivers.devices.home_assistant import HomeAssistantHub
from equipment_drivers.devices.home_assistant_options import HubDeviceOptions, HubOptions
from equipment_drivers.errors import OutcomeUnknown
from equipment_drivers.model import Link, Operation, Quality, Reading
from lab_controller.clock import LabClock
from tests.equipment_drivers.driver_bench import DriverBench
from tests.sims.sim import Sim, running

GO = CommandContext("c1", 1)
PLUG = HubDeviceOptions(
    kind="plug", power_entity="sensor.robot1_power", energy_entity="sensor.robot1_energy"
)
ROOM = HubDeviceOptions.model_validate(
    {
        "kind": "sensors",
        "signals": {
            "room_temperature": "sensor.lab_temperature",
            "room_humidity": "sensor.lab_humidity",
            "vibration": "sensor.lab_vibration",
            "door": "binary_sensor.lab_door",
            "light_curtain": "binary_sensor.lab_light_curtain",
        },
    }
)


class Desk(DriverBench):
    """A connection to the hub, and what it told."""

    def __init__(self, hub: Sim, machine: Sim, clock: LabClock, token_file: Path) -> None:
        self.hub, self.machine = hub, machine
        token_file.write_text("sim-token")
        super().__init__(
            "hub",
            HomeAssistantHub,
            HubOptions(
                url=hub.endpoint, token_file=token_file, timeout_s=1.0, poll_s=0.05, confirm_s=0.5
            ),
            [DeviceConfig("plug", "switch.robot1", PLUG), DeviceConfig("room", "", ROOM)],
            clock=clock,
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = LabClock.beginning(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), 20.0)
    async with (
        running("opcua_cobot", tmp_path, id="robot1", clock=str(clock)) as machine,
        running(
            "home_assistant_hub", tmp_path, "--room", "lab",
            "--plug", f"robot1=127.0.0.1:{machine.control_port}", id="hub", clock=str(clock),
        ) as hub,
    ):  # fmt: skip
        desk = Desk(hub, machine, clock, tmp_path / "token")
        async with desk.living(Link.ONLINE):
            yield desk


async def test_values_and_switching_reach_the_machine(desk: Desk) -> None:
    signals = {fact.signal for fact in desk.facts if isinstance(fact, Reading)}
    assert signals == set(PLUG.signals) | set(ROOM.signals) | {"on", "power", "energy"}
    await desk.until(lambda: desk.last("power").value not in (None, 0.0))
    await desk.connection.execute("plug", "turn_off", {}, GO)
    assert desk.connection.operation("plug") is Operation.IDLE
    assert (await desk.machine.ask("status"))["power"] is False
    await desk.connection.execute("plug", "turn_on", {}, GO)
    assert (await desk.machine.ask("status"))["power"] is True


async def test_the_meter_read_at_both_ends_gives_the_energy_between(desk: Desk) -> None:
    """`refresh` makes the hub read its meter now; the machine's own meter brackets each reading."""
    ends = []
    for _ in range(2):
        before = (await desk.machine.ask("status"))["energy_kwh"]
        result = await desk.connection.execute("plug", "refresh", {}, GO)
        after = (await desk.machine.ask("status"))["energy_kwh"]
        ends.append((before, float(result.values["energy"]), after))
        reports = len(desk.facts)
        await desk.until(lambda: len(desk.facts) > reports + 50)  # noqa: B023
    (least_1, energy_1, most_1), (least_2, energy_2, most_2) = ends
    assert least_2 - most_1 - 2e-6 <= energy_2 - energy_1 <= most_2 - least_1 + 2e-6


async def test_stopping_takes_the_power(desk: Desk) -> None:
    report = await desk.connection.driver.stop_now("plug")
    assert report.outcome is StopOutcome.CONFIRMED
    assert (await desk.machine.ask("status"))["power"] is False


async def test_faults_of_the_hub(desk: Desk) -> None:
    await desk.hub.ask("fault", name="unavailable", entity="sensor.lab_temperature")
    await desk.until(lambda: desk.last("room_temperature").quality is Quality.BAD)
    await desk.hub.ask("fault", name="stuck_switch", entity="switch.robot1")
    with pytest.raises(OutcomeUnknown):
        await desk.connection.execute("plug", "turn_off", {}, GO)
    assert (await desk.machine.ask("status"))["power"] is True
    for name in ("server_error", "html", "refuse", "hang"):
        await desk.hub.ask("fault", name=name)
        await desk.link(Link.BACKOFF)
        assert desk.connection.operation("plug") is Operation.UNKNOWN
        await desk.hub.ask("clear")
        await desk.link(Link.ONLINE)
    await desk.hub.ask("fault", name="auth_revoked")
    await desk.link(Link.AUTH_ERROR)


async def test_h09_a_value_the_hub_stops_hearing_grows_old(desk: Desk) -> None:
    """The hub answers, but it is frozen: what it last heard is not told again as new."""
    desk.hub.freeze()
    await desk.link(Link.BACKOFF)
    told = desk.last("room_temperature")
    desk.hub.thaw()
    await desk.link(Link.ONLINE)
    await desk.until(lambda: desk.last("room_temperature").source != told.source)
    source = desk.last("room_temperature").source
    assert source is not None
    assert source > (told.source or source)


class Listening(DriverBench):
    """A driver whose polls are an hour apart: whatever it learns sooner, a hint told it."""

    def __init__(self, hub: Sim, clock: LabClock, token_file: Path, **more: float) -> None:
        token_file.write_text("sim-token")
        super().__init__(
            "hub",
            HomeAssistantHub,
            HubOptions.model_validate(
                {"url": hub.endpoint, "token_file": token_file, "poll_s": 3600.0, "timeout_s": 2.0}
                | {"hint_pause_s": 0.01, "hint_retry_s": 0.05}
                | more
            ),
            [DeviceConfig("room", "", ROOM)],
            clock=clock,
        )

    def door(self) -> list[float | None]:
        return [reading.value for reading in self.readings("door")]


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[tuple[Sim, LabClock]]:
    clock = LabClock.beginning(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), 1.0)
    async with running(
        "home_assistant_hub", tmp_path, "--room", "lab", "--interval", "3600",
        id="hub", clock=str(clock),
    ) as hub:  # fmt: skip
        yield hub, clock


async def test_h10_hints_bring_a_change_between_two_polls(
    hub: tuple[Sim, LabClock], tmp_path: Path
) -> None:
    sim, clock = hub
    async with Listening(sim, clock, tmp_path / "token").living() as listening:
        await listening.until(lambda: len(listening.door()) >= 2)  # resync, then once it listens
        polls = len(listening.door())
        for _ in range(20):
            await sim.ask("set_binary", entity="binary_sensor.lab_door", state="on")
            await sim.ask("set_binary", entity="binary_sensor.lab_door", state="off")
        await sim.ask("set_binary", entity="binary_sensor.lab_door", state="on")
        await listening.until(lambda: listening.door()[-1] == 1.0)
        assert len(listening.door()) - polls < 41  # many hints at once are one look


async def test_h07_a_lost_or_silent_websocket_is_opened_again(
    hub: tuple[Sim, LabClock], tmp_path: Path
) -> None:
    """Silent for `hint_silence_s` it counts as lost; each new one looks at everything once."""
    sim, clock = hub
    silent = Listening(sim, clock, tmp_path / "token", hint_silence_s=0.3)
    async with silent.living() as listening:
        await listening.until(lambda: len(listening.door()) >= 5)
        assert listening.connection.link is Link.ONLINE
