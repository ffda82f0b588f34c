"""The hub driver over real HTTP against a scriptable hub: values, switching, faults, stopping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from equipment_drivers.contract import (
    Arguments,
    CommandContext,
    DeviceConfig,
    NoArguments,
    StopOutcome,
)
from equipment_drivers.devices.home_assistant import Absent, HomeAssistantHub
from equipment_drivers.devices.home_assistant_hints import Hints
from equipment_drivers.devices.home_assistant_options import (
    HubDeviceOptions,
    HubOptions,
    Secret,
)
from equipment_drivers.devices.home_assistant_wire import HubWire
from equipment_drivers.errors import (
    AuthRejected,
    BadOption,
    ConnectFailed,
    DriverError,
    LinkLost,
    NotSupported,
    OutcomeUnknown,
    PeerSilent,
    ProtocolFault,
    Stopped,
)
from equipment_drivers.lifecycle import Connection, Limits
from equipment_drivers.model import (
    DeviceMessage,
    DeviceState,
    Fact,
    Link,
    Operation,
    Quality,
    Reading,
    Safety,
)
from tests.equipment_drivers.fake_hub import VERSION, FakeHub
from tests.equipment_drivers.fakes import FakeClock

GO = CommandContext("c1", 1)
PLUG = {
    "kind": "plug",
    "power_entity": "sensor.printer1_power",
    "energy_entity": "sensor.printer1_energy",
}
ROOM = {
    "kind": "sensors",
    "signals": {"room_temperature": "sensor.lab_temperature", "door": "binary_sensor.lab_door"},
}


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    hub = FakeHub()
    hub.put("switch.printer1", "off")
    hub.put("sensor.printer1_power", "0.4", "W")
    hub.put("sensor.printer1_energy", "12.5", "kWh")
    hub.put("sensor.lab_temperature", "70", "°F")
    hub.put("binary_sensor.lab_door", "on")
    await hub.start()
    yield hub
    await hub.stop()


class Desk:
    """The driver with two devices and the facts it told."""

    def __init__(self, hub: FakeHub, token_file: Path, **options: Any) -> None:
        self.facts: list[Fact] = []
        token_file.write_text(hub.token)
        timing = {"timeout_s": 0.3, "poll_s": 0.01, "confirm_s": 0.2}
        self.options = HubOptions(url=hub.url, token_file=token_file, **(timing | options))
        self.devices = [
            DeviceConfig("plug", "switch.printer1", HubDeviceOptions.model_validate(PLUG)),
            DeviceConfig("room", "", HubDeviceOptions.model_validate(ROOM)),
        ]
        self.driver = HomeAssistantHub(
            "hub", self.options, self.devices, clock=FakeClock(), emit=self.facts.append
        )

    async def open(self) -> HomeAssistantHub:
        await self.driver.connect()
        await self.driver.resync()
        return self.driver

    def readings(self, signal: str) -> list[Reading]:
        return [f for f in self.facts if isinstance(f, Reading) and f.signal == signal]

    def states(self, device: str) -> list[Operation]:
        return [
            f.operation for f in self.facts if isinstance(f, DeviceState) and f.device == device
        ]


@pytest.fixture
async def desk(hub: FakeHub, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(hub, tmp_path / "token")
    yield desk
    await desk.driver.close()
    await desk.driver.close()


async def test_h04_resync_tells_everything_in_promised_units(desk: Desk) -> None:
    await desk.open()
    told = {f.signal: (f.value, f.unit, f.quality) for f in desk.facts if isinstance(f, Reading)}
    assert told == {
        "on": (0.0, "1", Quality.GOOD),
        "power": (0.4, "W", Quality.GOOD),
        "energy": (12.5, "kW.h", Quality.GOOD),
        "room_temperature": (pytest.approx(21.111, abs=0.001), "Cel", Quality.GOOD),
        "door": (1.0, "1", Quality.GOOD),
    }
    assert desk.states("plug") == [Operation.IDLE]
    assert desk.states("room") == [Operation.READY]
    assert {f.safety for f in desk.facts if isinstance(f, DeviceState)} == {Safety.NONE}
    for device in ("plug", "room"):
        spec = desk.driver.device_spec(device)
        for reading in (f for f in desk.facts if isinstance(f, Reading) and f.device == device):
            assert spec.signals[reading.signal].unit == reading.unit


async def test_h09_a_value_is_told_only_when_the_hub_heard_it_anew(
    desk: Desk, hub: FakeHub
) -> None:
    driver = await desk.open()
    await driver._poll()
    hub.put("sensor.printer1_power", "0.4", "W")
    await driver._poll()
    assert len(desk.readings("power")) == 2
    assert desk.readings("power")[0].source != desk.readings("power")[1].source
    assert len(desk.readings("room_temperature")) == 1
    assert len(desk.readings("door")) == 3
    await driver.resync()
    assert len(desk.readings("room_temperature")) == 2


async def test_h03_unavailable_and_unknown_are_no_numbers(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    hub.put("switch.printer1", "unavailable")
    hub.put("sensor.printer1_power", "unknown", "W")
    hub.put("sensor.lab_temperature", "21,5", "°C")
    await driver._poll()
    assert desk.states("plug")[-1] is Operation.UNKNOWN
    assert (desk.readings("on")[-1].value, desk.readings("on")[-1].quality) == (None, Quality.BAD)
    assert desk.readings("power")[-1].quality is Quality.UNCERTAIN
    assert desk.readings("power")[-1].value is None
    comma = desk.readings("room_temperature")[-1]
    assert (comma.value, comma.quality) == (None, Quality.BAD)


async def test_h04_a_unit_of_another_dimension_is_bad(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    hub.put("sensor.printer1_power", "230", "V")
    await driver._poll()
    told = desk.readings("power")[-1]
    assert (told.value, told.quality, told.unit) == (None, Quality.BAD, "W")


async def test_h02_an_entity_that_never_was_is_told_once_and_alone(
    desk: Desk, hub: FakeHub
) -> None:
    del hub.entities["sensor.lab_temperature"]
    driver = await desk.open()
    await driver._poll()
    assert desk.readings("room_temperature")[-1].quality is Quality.BAD
    assert desk.readings("door")[-1].quality is Quality.GOOD
    messages = [f for f in desk.facts if isinstance(f, DeviceMessage)]
    assert [(m.device, m.text) for m in messages] == [("room", "sensor.lab_temperature")]


def test_h12_an_entity_that_was_there_gets_time_to_come_back() -> None:
    absent = Absent(30.0)
    assert not absent.is_news("a", True, 0.0)
    assert not absent.is_news("a", False, 100.0)
    assert not absent.is_news("a", False, 129.9)
    assert not absent.is_news("a", True, 129.95)
    assert not absent.is_news("a", False, 130.0)
    assert absent.is_news("a", False, 160.0)
    assert not absent.is_news("a", False, 161.0)
    assert absent.is_news("never", False, 0.0)


async def test_h07_listening_ends_also_where_the_library_swallows_it() -> None:
    begun = asyncio.Event()

    async def deaf() -> AsyncGenerator[str, None]:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        yield "switch.a"

    hints = Hints(deaf, frozenset(), retry_s=3600.0)
    await begun.wait()
    async with asyncio.timeout(5):
        await hints.close()
        await hints.close()


async def test_h08_no_service_outside_the_list_reaches_the_hub(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    for domain, service in (("lock", "unlock"), ("switch", "toggle"), ("homeassistant", "stop")):
        with pytest.raises(NotSupported):
            await driver._open_wire().call(domain, service, ["switch.printer1"])
    assert hub.calls() == []


async def test_h08_switching_is_confirmed_by_state(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    await driver.execute("plug", "turn_on", NoArguments(), GO)
    assert desk.states("plug") == [Operation.IDLE, Operation.READY]
    assert desk.readings("on")[-1].value == 1.0
    assert hub.calls() == [("/api/services/switch/turn_on", {"entity_id": ["switch.printer1"]})]


async def test_h10_an_older_answer_does_not_undo_a_switch(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    before = dict(hub.entities["switch.printer1"])
    await driver.execute("plug", "turn_on", NoArguments(), GO)
    hub.entities["switch.printer1"] = before
    await driver._poll()
    assert desk.states("plug")[-1] is Operation.READY


async def test_h08_a_deaf_switch_is_an_unknown_outcome(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    hub.mode = "deaf"
    with pytest.raises(OutcomeUnknown):
        await driver.execute("plug", "turn_on", NoArguments(), GO)
    assert len(hub.calls()) == 1


async def test_a_stopped_command_sends_nothing(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    with pytest.raises(Stopped):
        await driver.execute(
            "plug", "turn_on", NoArguments(), CommandContext("c", 1, may_act=lambda: False)
        )
    with pytest.raises(NotSupported):
        await driver.execute("room", "turn_on", Arguments(), GO)
    assert hub.calls() == []


async def test_refresh_makes_the_hub_read_its_meters(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    hub.put("sensor.printer1_energy", "12.6", "kWh")
    result = await driver.execute("plug", "refresh", NoArguments(), GO)
    assert result.values == {"on": 0.0, "power": 0.4, "energy": 12.6}
    assert hub.calls()[0][0] == "/api/services/homeassistant/update_entity"
    assert desk.readings("energy")[-1].value == 12.6


@pytest.mark.parametrize(
    ("mode", "fault"),
    [
        ("html", ProtocolFault),
        ("error", ProtocolFault),
        ("list", ProtocolFault),
        ("mute", PeerSilent),
        ("drop", LinkLost),
    ],
)
async def test_h05_a_misbehaving_hub_is_a_wire_fault(
    desk: Desk, hub: FakeHub, mode: str, fault: type[DriverError]
) -> None:
    driver = await desk.open()
    hub.mode = mode
    async with asyncio.timeout(2):
        with pytest.raises(fault):
            await driver.serve()


async def test_x02_a_request_cancelled_anywhere_leaves_no_socket(desk: Desk, hub: FakeHub) -> None:
    """Twice, as a stop does it, at every step of the loop, while another request is under way."""
    for steps in count():
        wire = HubWire(desk.options, Secret(hub.token))
        await wire.config()
        beside, request = asyncio.create_task(wire.config()), asyncio.create_task(wire.states())
        for _ in range(steps):
            await asyncio.sleep(0)
        over = request.done()
        for _ in range(2):
            request.cancel()
            await asyncio.sleep(0)
        await asyncio.wait({beside, request})
        assert (await beside) == (await wire.config()) == {"state": "RUNNING", "version": VERSION}
        await wire.close()
        async with asyncio.timeout(5):
            await hub.left()
        if over:
            break


async def test_h06_nobody_there_and_not_yet_started(desk: Desk, hub: FakeHub) -> None:
    hub.phase = "STARTING"
    with pytest.raises(ConnectFailed):
        await desk.driver.connect()
    await hub.stop()
    await desk.driver.close()
    with pytest.raises(ConnectFailed):
        await desk.driver.connect()


async def test_h11_a_wrong_token_is_terminal_and_never_shown(
    desk: Desk, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, hub.token = hub.token, "another"
    with pytest.raises(AuthRejected) as rejected:
        await desk.driver.connect()
    assert secret not in repr(rejected.value) + repr(desk.driver.stop_plan("plug")) + caplog.text
    assert secret not in repr(desk.options)


async def test_wrong_addresses_and_tokens_are_options(hub: FakeHub, tmp_path: Path) -> None:
    desk = Desk(hub, tmp_path / "token")
    desk.options.token_file.unlink()  # type: ignore[union-attr]
    with pytest.raises(BadOption):
        await desk.driver.connect()
    light = DeviceConfig("light", "light.hall", HubDeviceOptions.model_validate(PLUG))
    with pytest.raises(BadOption):
        HomeAssistantHub("hub", desk.options, [light], clock=FakeClock(), emit=desk.facts.append)


async def test_stop_and_safe_state(desk: Desk, hub: FakeHub) -> None:
    driver = await desk.open()
    hub.put("switch.printer1", "on")
    assert (await driver.stop_now("plug")).outcome is StopOutcome.CONFIRMED
    assert hub.entities["switch.printer1"]["state"] == "off"
    assert (await driver.safe_state("room")).outcome is StopOutcome.CONFIRMED
    hub.put("switch.printer1", "on")
    hub.mode = "deaf"
    assert (await driver.safe_state("plug")).outcome is StopOutcome.SENT
    hub.mode = "error"
    assert (await driver.stop_now("plug")).outcome is StopOutcome.FAILED
    await driver.close()
    assert (await driver.stop_now("plug")).outcome is StopOutcome.FAILED


async def test_the_stop_plan_is_data_that_works_by_itself(desk: Desk, hub: FakeHub) -> None:
    plan = desk.driver.stop_plan("plug")
    (step,) = plan.steps
    assert step.kind == "http"
    assert step.payload["url"] == f"{hub.url}/api/services/switch/turn_off"
    assert step.payload["headers"]["Authorization"] == f"Bearer {hub.token}"  # type: ignore[index]
    assert step.payload["confirm"] == {
        "url": f"{hub.url}/api/states/switch.printer1",
        "key": "state",
        "equals": "off",
    }
    assert desk.driver.stop_plan("room").steps == ()


async def test_h01_h05_the_whole_life_on_a_connection(hub: FakeHub, tmp_path: Path) -> None:
    desk = Desk(hub, tmp_path / "token")
    news = asyncio.Event()

    def hear(fact: Fact) -> None:
        desk.facts.append(fact)
        news.set()

    connection = Connection(
        "hub",
        HomeAssistantHub,
        desk.options,
        desk.devices,
        clock=FakeClock(),
        emit=hear,
        limits=Limits(backoff_first_s=0.01, backoff_max_s=0.01),
    )

    async def until(link: Link) -> None:
        async with asyncio.timeout(5):
            while connection.link is not link:
                news.clear()
                await news.wait()

    life = asyncio.create_task(connection.run())
    await until(Link.ONLINE)
    await connection.execute("plug", "turn_on", {}, GO)
    hub.mode = "mute"
    await until(Link.BACKOFF)
    assert desk.states("plug")[-1] is Operation.UNKNOWN
    hub.mode = ""
    await until(Link.ONLINE)
    assert desk.states("plug")[-1] is Operation.READY
    hub.token = "changed"
    await until(Link.AUTH_ERROR)
    await connection.stop()
    await life
