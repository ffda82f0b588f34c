"""The Modbus driver against the simulated presses, over TCP and over a pty."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from equipment_drivers.contract import DeviceConfig, StopOutcome
from equipment_drivers.devices.modbus import ModbusUnit
from equipment_drivers.devices.modbus_options import ModbusDeviceOptions, ModbusOptions
from equipment_drivers.errors import (
    BadArguments,
    BadOption,
    Faulted,
    NotSupported,
    OutcomeUnknown,
    Rejected,
)
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from tests.equipment_drivers.fakes import FakeClock
from tests.equipment_drivers.modbus_rig import Desk, desk, press
from tests.sims.sim import running

WIRES = pytest.mark.parametrize("wire", ["tcp", "rtu"])


def two() -> list[DeviceConfig]:
    return [DeviceConfig("press1", "1", press()), DeviceConfig("press2", "2", press())]


@WIRES
async def test_everything_is_read_with_its_unit(wire: str, tmp_path: Path) -> None:
    async with desk(tmp_path, wire) as table:
        oil = await table.reading("oil")
        assert (oil.value, oil.unit, oil.quality) == (22.0, "Cel", Quality.GOOD)
        assert (await table.reading("dwell")).value == 500
        assert table.connection.operation("press1") is Operation.IDLE


@WIRES
async def test_b01_a_write_goes_out_once_and_is_read_back(wire: str, tmp_path: Path) -> None:
    async with desk(tmp_path, wire) as table:
        answer = await table.send("set_dwell", value=70_000)
        assert answer.values == {"dwell": 70_000}
        assert table.written() == [("holding", 3, [1, 4464])]
        await table.send("set_run", value=True)
        await table.until(lambda: table.connection.operation("press1") is Operation.BUSY)


@WIRES
async def test_b01_a_write_without_answer_is_unknown_and_never_repeated(
    wire: str, tmp_path: Path
) -> None:
    async with desk(tmp_path, wire) as table:
        await table.sim.ask("fault", name="mute")
        with pytest.raises(OutcomeUnknown):
            await table.send("set_run", value=True)
        await table.link(Link.BACKOFF)
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)
        await table.until(lambda: table.connection.operation("press1") is Operation.BUSY)
        assert table.written() == [("coil", 0, [1])]


async def test_b01_a_write_that_does_not_show_is_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="stuck_output")
        with pytest.raises(OutcomeUnknown) as caught:
            await table.send("set_run", value=True)
        assert "run is not 1" in caught.value.params["cause"]
        assert len(table.written()) == 1
        assert table.connection.link is Link.ONLINE


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1, Rejected),
        (2, Rejected),
        (3, Rejected),
        (4, Faulted),
        (6, Rejected),
        (11, OutcomeUnknown),
    ],
)
async def test_b01_exception_codes_of_a_write(
    code: int, error: type[Exception], tmp_path: Path
) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="exception", code=code, writes=1)
        with pytest.raises(error) as caught:
            await table.send("set_run", value=True)
        assert f"{code}: " in str(caught.value)
        assert table.written() == []
        assert table.connection.link is Link.ONLINE


async def test_b01_an_acknowledged_write_is_done_when_it_shows(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="exception", code=5, writes=1)
        await table.sim.ask("run", on=True)
        assert (await table.send("set_run", value=True)).values == {"run": 1.0}
        with pytest.raises(OutcomeUnknown):
            await table.send("set_run", value=False)


async def test_b01_a_busy_unit_is_asked_again_when_reading(tmp_path: Path) -> None:
    async with desk(tmp_path, busy_retries=2) as table:
        await table.sim.ask("fault", name="exception", code=6, times=2)
        answer = await table.send("refresh")
        assert answer.values["oil"] == 22.0
        assert table.connection.link is Link.ONLINE


async def test_b01_a_unit_that_stays_busy_counts_as_silent(tmp_path: Path) -> None:
    async with desk(tmp_path, busy_retries=1) as table:
        await table.sim.ask("fault", name="exception", code=6)
        await table.link(Link.BACKOFF)


async def test_b01_registers_it_does_not_have_are_told_once(tmp_path: Path) -> None:
    wrong = {"name": "strange", "table": "input", "address": 99}
    signals = [*press().model_dump()["signals"], wrong]
    devices = [DeviceConfig("press1", "1", press(signals=signals))]
    async with desk(tmp_path, devices=devices) as table:
        strange = await table.reading("strange")
        assert (strange.value, strange.quality) == (None, Quality.BAD)
        assert (await table.reading("oil")).quality is Quality.GOOD
        await table.reading("strange")
        told = [one for one in table.facts if isinstance(one, DeviceMessage)]
        assert [one.text for one in told] == ["input 99, 2: illegal data address"]


@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        ("tcp", "wrong_unit"),
        ("tcp", "wrong_transaction"),
        ("tcp", "truncate"),
        ("tcp", "duplicate_reply"),
        ("tcp", "out_of_order"),
        ("rtu", "wrong_unit"),
        ("rtu", "bad_checksum"),
        ("rtu", "truncate"),
    ],
)
async def test_b02_a_frame_that_is_no_answer_loses_the_link_and_moves_nothing(
    wire: str, fault: str, tmp_path: Path
) -> None:
    async with desk(tmp_path, wire) as table:
        await table.sim.ask("fault", name=fault)
        await table.link(Link.BACKOFF)
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)
        assert table.written() == []
        bad = [one for one in table.facts if isinstance(one, Reading) and one.signal == "oil"]
        assert {one.value for one in bad} <= {22.0, None}


async def test_b03_another_machine_is_not_taken_for_ours(tmp_path: Path) -> None:
    async with running("modbus_plc", tmp_path, "--fault", "wrong_device") as sim:
        table = Desk(sim, [DeviceConfig("press1", "1", press())])
        async with table.living(Link.IDENTITY_ERROR):
            pass
        changed = [one for one in table.facts if isinstance(one, LinkChanged)]
        causes = [one.params["cause"] for one in changed if one.link is Link.IDENTITY_ERROR]
        assert causes == ["holding 0 is 19892.0, not 19787"]


@pytest.mark.parametrize(("code", "link"), [(2, Link.IDENTITY_ERROR), (4, Link.BACKOFF)])
async def test_b03_a_unit_in_trouble_is_no_other_machine(
    code: int, link: Link, tmp_path: Path
) -> None:
    async with (
        running("modbus_plc", tmp_path, "--fault", f"exception:code={code}") as sim,
        Desk(sim, [DeviceConfig("press1", "1", press())]).living(link),
    ):
        pass


async def test_b03_the_low_word_may_come_first(tmp_path: Path) -> None:
    signals = [
        {**one, "word_order": "little" if one["type"] in ("uint32", "float32") else "big"}
        for one in press().model_dump()["signals"]
    ]
    devices = [DeviceConfig("press1", "1", press(signals=signals))]
    async with desk(tmp_path, "tcp", "--low-word-first", devices=devices) as table:
        before = (await table.reading("good")).value
        await table.sim.ask("finish_part")
        now = await table.next(
            Reading, lambda one: one.signal in ("good", "scrap") and one.value == 1
        )
        assert (before, now.quality) == (0, Quality.GOOD)


async def test_b03_a_wide_value_is_never_torn(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="torn")
        seen = {(await table.reading("good")).value for _ in range(20)}
        assert seen == {65535, 65536}


@WIRES
async def test_b04_silence_loses_the_link_and_nothing_is_kept_as_live(
    wire: str, tmp_path: Path
) -> None:
    async with desk(tmp_path, wire) as table:
        await table.sim.ask("fault", name="hang")
        lost = await table.next(LinkChanged, lambda one: one.link is Link.BACKOFF)
        assert lost.code == "driver.peer_silent"
        assert table.connection.operation("press1") is Operation.UNKNOWN
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)


async def test_b04_one_silent_unit_of_a_bus_leaves_the_others_alone(tmp_path: Path) -> None:
    async with desk(tmp_path, "rtu", "--units", "2", devices=two()) as table:
        await table.sim.ask("fault", name="away", unit=2)
        gone = await table.next(DeviceState, lambda one: one.device == "press2")
        assert (gone.operation, gone.safety) == (Operation.UNKNOWN, Safety.UNKNOWN)
        assert (await table.reading("oil", "press2")).quality is Quality.BAD
        assert (await table.reading("oil", "press1")).quality is Quality.GOOD
        await table.send("set_run", value=True)
        await table.sim.ask("clear")
        back = await table.next(DeviceState, lambda one: one.device == "press2")
        assert back.operation is Operation.IDLE
        assert not [one for one in table.facts if isinstance(one, LinkChanged)][3:]


async def test_b04_commands_and_polls_share_the_bus(tmp_path: Path) -> None:
    async with desk(tmp_path, "rtu", "--units", "2", devices=two(), poll_s=0.001) as table:
        for value in range(10):
            await asyncio.gather(
                table.send("set_dwell", "press1", value=value),
                table.send("set_dwell", "press2", value=value),
            )
        assert len(table.written()) == 20
        assert table.connection.link is Link.ONLINE


async def test_b05_a_coil_is_set_to_a_level_and_stays(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("set_run", value=True)
        await table.send("set_run", value=True)
        assert (await table.reading("run")).value == 1
        assert table.written() == [("coil", 0, [1]), ("coil", 0, [1])]
        verbs = table.connection.driver.device_spec("press1").commands
        assert set(verbs) == {"refresh", "set_run", "set_dwell"}
        with pytest.raises(NotSupported):
            await table.send("pulse_run", value=True)


def test_b05_an_output_cannot_be_configured_to_pulse() -> None:
    outputs = [{"name": "run", "address": 0, "safe": 0, "pulse_s": 0.5}]
    with pytest.raises(ValidationError, match="pulse_s"):
        ModbusDeviceOptions.model_validate({"outputs": outputs})


async def test_every_part_is_told_with_its_verdict_and_cycle_time(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.reading("good")
        for _ in range(3):
            await table.sim.ask("finish_part")
        parts: list[CycleFinished] = []
        while len(parts) < 3:
            await table.reading("good")
            parts = [one for one in table.facts if isinstance(one, CycleFinished)]
        unit = (await table.sim.ask("status"))["units"]["1"]
        verdicts = [one.verdict for one in parts]
        assert (verdicts.count("good"), verdicts.count("scrap")) == (unit["good"], unit["scrap"])
        assert {one.duration_s for one in parts if one.verdict == "good"} <= {20.0}


async def test_a_guard_that_opens_is_told_as_safety(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("guard", closed=False)
        state = await table.next(DeviceState, lambda one: one.safety is not Safety.NORMAL)
        assert (state.safety, state.operation) == (Safety.SAFEGUARD_STOP, Operation.PAUSED)


async def test_a_value_that_is_none_or_not_plausible_is_bad(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="bad_value")
        for signal in ("pressure", "oil"):
            bad = await table.next(
                Reading, lambda one, name=signal: one.signal == name and one.value is None
            )
            assert bad.quality is Quality.BAD


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("set_dwell", {"value": 100_001}),
        ("set_dwell", {"value": -1}),
        ("set_dwell", {"value": "nan"}),
        ("set_run", {"value": 2}),
        ("set_run", {}),
    ],
)
async def test_what_is_out_of_bounds_never_reaches_the_wire(
    verb: str, args: dict[str, Any], tmp_path: Path
) -> None:
    async with desk(tmp_path) as table:
        with pytest.raises(BadArguments):
            await table.send(verb, **args)
        assert table.written() == []


@WIRES
async def test_safe_state_and_stop_set_every_output_back(wire: str, tmp_path: Path) -> None:
    async with desk(tmp_path, wire) as table:
        await table.send("set_run", value=True)
        report = await table.connection.driver.safe_state("press1")
        assert report.outcome is StopOutcome.CONFIRMED
        assert table.written()[1:] == [("coil", 0, [0]), ("holding", 3, [0, 0])]
        await table.send("set_run", value=True)
        report = await table.connection.driver.stop_now("press1")
        assert report.outcome is StopOutcome.CONFIRMED
        assert (await table.sim.ask("status"))["units"]["1"]["run"] is False


async def test_safe_state_says_when_it_was_not_believed(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("set_run", value=True)
        await table.sim.ask("fault", name="stuck_output")
        report = await table.connection.driver.safe_state("press1")
        assert report.outcome is StopOutcome.SENT
        await table.sim.ask("fault", name="exception", code=4, writes=1)
        report = await table.connection.driver.safe_state("press1")
        assert report.outcome is StopOutcome.FAILED


async def test_the_stop_plan_stops_the_press_by_its_bytes_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("set_run", value=True)
        (step,) = table.connection.driver.stop_plan("press1").steps
        assert (step.kind, table.connection.driver.stop_descriptor()) == ("socket", None)
        plan = step.payload
        reader, writer = await asyncio.open_connection(str(plan["host"]), int(str(plan["port"])))
        writer.write(bytes.fromhex(str(plan["keep_hex"])))
        assert (await reader.readexactly(10))[:2] == b"\xff\xff"
        writer.write(bytes.fromhex(str(plan["write_hex"])))
        answer = await reader.readexactly(12)
        writer.close()
        assert re.search(str(plan["expect"]).encode(), answer)
        assert (await table.sim.ask("status"))["units"]["1"]["run"] is False


async def test_the_stop_plan_of_a_bus_is_one_frame_for_its_descriptor(tmp_path: Path) -> None:
    async with desk(tmp_path, "rtu") as table:
        (step,) = table.connection.driver.stop_plan("press1").steps
        assert step.kind == "descriptor"
        assert table.connection.driver.stop_descriptor() is not None
        assert bytes.fromhex(str(step.payload["write_hex"])).hex() == "010500000000cdca"


@WIRES
async def test_an_unplugged_wire_comes_back_and_nothing_starts_again(
    wire: str, tmp_path: Path
) -> None:
    async with desk(tmp_path, wire) as table:
        await table.send("set_run", value=True)
        await table.sim.ask("fault", name="unplug")
        await table.link(Link.BACKOFF)
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)
        assert table.written() == [("coil", 0, [1])]


def unit(address: str, transport: str = "tcp", *more: DeviceConfig) -> ModbusUnit:
    wire = {"host": "plc"} if transport == "tcp" else {"serial_port": "/dev/plc"}
    options = ModbusOptions.model_validate({"transport": transport, **wire})
    devices = [DeviceConfig("press1", address, press()), *more]
    return ModbusUnit("wire", options, devices, clock=FakeClock(), emit=lambda fact: None)


@pytest.mark.parametrize(
    ("address", "transport"),
    [("", "tcp"), ("256", "tcp"), ("0", "rtu"), ("248", "rtu"), ("x", "tcp")],
)
def test_an_address_that_is_no_unit_is_a_bad_option(address: str, transport: str) -> None:
    with pytest.raises(BadOption):
        unit(address, transport)


def test_two_devices_cannot_set_the_outputs_of_one_unit() -> None:
    with pytest.raises(BadOption):
        unit("1", "tcp", DeviceConfig("press2", "1", press()))


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"signals": [], "outputs": []}, "neither"),
        ({"outputs": [{"name": "oil", "address": 1, "safe": 0}]}, "twice"),
        ({"state": {"signal": "nothing", "map": {}}}, "nothing"),
        ({"kind": "sensor"}, "sensor"),
        ({"outputs": [{"name": "run", "address": 0, "safe": 2}]}, "safe"),
        ({"outputs": [{"name": "run", "address": 0, "safe": 0, "stop": False}]}, "one message"),
        ({"outputs": [{"name": "run", "address": 0, "type": "uint16", "safe": 0}]}, "table coil"),
        ({"signals": [{"name": "last", "address": 65535, "type": "uint32"}]}, "last address"),
    ],
)
def test_options_that_do_not_fit_are_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        press(**given)


def test_a_moving_machine_and_a_sensor_say_so() -> None:
    driver = unit("1", "tcp", DeviceConfig("gauge", "2", press(kind="sensor", outputs=[])))
    assert driver.device_spec("gauge").moves is False
    assert driver.stop_plan("gauge").steps == ()
    moving = ModbusUnit(
        "wire",
        ModbusOptions(transport="tcp", host="plc"),
        [DeviceConfig("press1", "1", press(moves=True))],
        clock=FakeClock(),
        emit=lambda fact: None,
    )
    assert moving.device_spec("press1").moves is True
