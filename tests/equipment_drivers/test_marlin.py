"""The Marlin driver over a real pty, the firmware behind it in the test's hand."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from random import Random

import pytest
from pydantic import ValidationError

from equipment_drivers.contract import (
    CommandContext,
    DeviceConfig,
    Driver,
    NoArguments,
    StopOutcome,
)
from equipment_drivers.devices.marlin import MarlinPrinter
from equipment_drivers.devices.marlin_spec import (
    STOP_BYTES,
    MarlinOptions,
    PrinterOptions,
    device_spec,
)
from equipment_drivers.errors import BadOption, DriverError, NotSupported
from equipment_drivers.model import (
    Operation,
    Quality,
)
from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter
from tests.equipment_drivers.marlin_bench import (
    LabClock,
    Printer,
    acted,
    executed,
    failure,
    online,
    serving,
)
from tests.hardware_sim.rig import simulator

# -- what it is ---------------------------------------------------------------------------------


def test_it_is_a_driver_of_one_printer_per_connection() -> None:
    printer = Printer("/dev/nothing")
    assert isinstance(printer.driver, Driver)
    with pytest.raises(BadOption):
        MarlinPrinter("c", MarlinOptions(port="x"), [], clock=LabClock(), emit=lambda fact: None)


def test_its_commands_and_signals() -> None:
    spec = device_spec("p")
    assert list(spec.commands) == [
        "print_file", "pause", "resume", "cancel", "set_hotend", "set_bed", "home",
    ]  # fmt: skip
    assert {signal.name: signal.unit for signal in spec.signals.values()} == {
        "hotend_temp": "Cel", "hotend_target": "Cel", "bed_temp": "Cel", "bed_target": "Cel",
        "progress": "%", "lines_sent": "1", "resends": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"max_hotend_c": 301},
        {"max_bed_c": 121},
        {"x_max_mm": -1},
        {"max_hotend_c": float("nan")},
        {"colour": "red"},
    ],
)
def test_limits_can_only_be_tightened(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PrinterOptions.model_validate(options)


def test_where_it_waits_must_be_within_reach() -> None:
    assert (PrinterOptions().parking.x, PrinterOptions().parking.y) == (0.0, 220.0)
    with pytest.raises(ValueError, match="within reach"):
        PrinterOptions(park_x_mm=300.0)


@pytest.mark.parametrize("port", ["", "socket://nowhere", "rfc2217://x:1", "socket://a:b"])
def test_a_port_has_a_form(port: str) -> None:
    with pytest.raises(ValidationError):
        MarlinOptions(port=port)


def test_its_config_is_checked() -> None:
    with pytest.raises(BadOption):
        MarlinPrinter(
            "c",
            MarlinOptions(port="/dev/x"),
            [DeviceConfig("p", "", MarlinOptions(port="y"))],
            clock=LabClock(),
            emit=lambda fact: None,
        )


def test_the_stop_plan_is_the_stop_as_data() -> None:
    plan = Printer("/dev/nothing").driver.stop_plan("p")
    (step,) = plan.steps
    assert (step.kind, step.connection) == ("descriptor", "wire")
    assert bytes.fromhex(str(step.payload["write_hex"])) == STOP_BYTES
    assert STOP_BYTES.startswith(b"\nM112\n")
    assert STOP_BYTES.endswith(b"M104 S0\nM140 S0\n")


# -- coming up ----------------------------------------------------------------------------------


async def test_it_comes_up_idle_and_known_and_moves_nothing(far: PtyPrinter) -> None:
    async with online(far) as printer:
        assert printer.operations() == [Operation.IDLE]
        detail = printer.facts[-1].detail  # type: ignore[union-attr]
        assert detail["firmware"].startswith("Marlin 2.1.2")
        assert detail["uuid"] == "0000-1111"
        assert printer.driver.stop_descriptor() is not None
    assert not executed(far, "G", "M104", "M140")
    assert executed(far)[:3] == ["M110 N0", "M110 N0", "M115"]


async def test_m01_a_board_reset_by_opening_is_waited_for(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer", factor=60.0) as rig:
        printer = Printer(rig.endpoint, banner_s=5.0)
        await printer.up()
        sent = [fact["text"] for fact in rig.truth("executed")]
        assert sent[:2] == ["M110 N0", "M110 N0"]  # again for each further line of the banner
        each = [text for text, _ in groupby(sent)]
        assert each[:4] == ["M110 N0", "M115", "M155 S1", "M113 S2"]
        assert [fact["reason"] for fact in rig.truth("boot")] == ["power", "open"]
        await printer.driver.close()


async def test_m01_a_board_without_a_banner_is_spoken_to_all_the_same(far: PtyPrinter) -> None:
    async with online(far, banner_s=0.01) as printer:
        assert executed(far)[:3] == ["M110 N0", "M110 N0", "M115"]
        assert printer.operations() == [Operation.IDLE]


async def test_m01_the_idle_kill_is_set_where_it_is_wanted(far: PtyPrinter) -> None:
    async with online(far, idle_kill_s=600):
        assert "M85 S600" in executed(far)
    async with online(far):
        assert executed(far).count("M85 S600") == 1


@pytest.mark.parametrize("option", ["expected_firmware", "expected_uuid"])
async def test_another_printer_is_not_taken_for_ours(far: PtyPrinter, option: str) -> None:
    printer = Printer(far.path, **{option: "Repetier"})  # type: ignore[arg-type]
    with pytest.raises(DriverError) as caught:
        await printer.driver.connect()
    assert caught.value.code == "driver.wrong_device"
    await printer.driver.close()


async def test_nobody_at_the_other_end(far: PtyPrinter) -> None:
    far.firmware.halted = True
    printer = Printer(far.path, handshake_s=0.2)
    with pytest.raises(DriverError) as caught:
        await printer.driver.connect()
    assert caught.value.code == "driver.peer_silent"
    await printer.driver.close()


async def test_it_comes_up_in_noise() -> None:
    for seed in range(30):
        rng = Random(seed)
        end = PtyPrinter(FakeFirmware("sometimes", rng), rng, rate=0.1)
        async with online(end, settle_s=0.01) as printer:
            assert printer.operations() == [Operation.IDLE]
        end.unplug()


# -- other firmwares, other hands ---------------------------------------------------------------


async def test_m09_a_firmware_without_busy_reports_gets_more_patience(far: PtyPrinter) -> None:
    take = far.firmware.take

    def take_unknown(line: bytes) -> Iterator[str]:
        if b"M113" in line:
            yield 'echo:Unknown command: "M113 S2"'
        yield from take(line)

    far.firmware.take = take_unknown  # type: ignore[method-assign]
    async with online(far, mute_ok_timeout_s=30.0) as printer:
        assert printer.driver._session is not None
        assert printer.driver._session.link.timing.ok_s == 30.0


async def test_m20_a_firmware_that_tells_no_capabilities_is_polled(far: PtyPrinter) -> None:
    far.firmware.capabilities.clear()
    async with online(far, poll_s=0.01) as printer, serving(printer):
        before = len(printer.readings("hotend_temp"))
        await printer.until(lambda: len(printer.readings("hotend_temp")) > before + 3)
        assert not [line for line in executed(far) if line.startswith("M155")]


async def test_m20_polling_keeps_behind_what_waits(far: PtyPrinter, job: Path) -> None:
    far.firmware.capabilities.clear()
    async with online(far, poll_s=0.01) as printer, serving(printer):
        far.held = {"G28"}
        printing, beside = printer.print_file(job), printer.set_hotend(100)
        await far.until_heard(b"G28")
        polls = executed(far).count("M105")
        assert printer.driver._session is not None
        for _ in range(5):
            await printer.driver._session.lost(within_s=0.001)
        assert executed(far).count("M105") == polls
        far.release()
        await asyncio.gather(printing, beside)


@pytest.mark.parametrize(
    "name", ["Repetier_1.0.4", "Smoothieware", "Klipper", "RepRapFirmware for Duet 2"]
)
async def test_m20_another_dialect_is_unsupported_unless_allowed(
    name: str, far: PtyPrinter
) -> None:
    take = far.firmware.take

    def take_renamed(line: bytes) -> Iterator[str]:
        for reply in take(line):
            yield reply.replace("Marlin 2.1.2 (Nov 20 2026)", name)

    far.firmware.take = take_renamed  # type: ignore[method-assign]
    printer = Printer(far.path)
    with pytest.raises(DriverError) as caught:
        await printer.driver.connect()
    assert caught.value.code == "driver.unsupported_firmware"
    assert not acted(far)
    await printer.driver.close()
    async with online(far, other_firmware=True) as allowed:
        assert allowed.operations() == [Operation.IDLE]


async def test_m20_a_relative_of_marlin_is_marlin(tmp_path: Path) -> None:
    flags = ("--firmware", "Prusa-Firmware 3.13.2 based on Marlin")
    async with simulator(tmp_path, "gcode_printer", *flags, factor=60.0) as rig:
        printer = Printer(rig.endpoint)
        await printer.up()
        await printer.driver.close()


async def test_somebody_elses_print_is_shown_busy_and_never_commanded(far: PtyPrinter) -> None:
    moving = iter(range(10**6))
    take = far.firmware.take

    def take_moving(line: bytes) -> Iterator[str]:
        for reply in take(line):
            yield reply.replace("Count X:0", f"Count X:{next(moving)}")

    far.firmware.take = take_moving  # type: ignore[method-assign]
    async with online(far, poll_s=0.02) as printer:
        assert printer.operations() == [Operation.BUSY]
        assert printer.messages() == ["message.foreign_job"]
        for verb in ("home", "pause", "cancel"):
            error = await failure(printer.run(verb))
            assert error.code == "driver.not_allowed_now"
        far.firmware.take = take  # type: ignore[method-assign]
        async with serving(printer):
            await far.until_heard(b"M27")
            await printer.until(lambda: printer.operations()[-1] is Operation.IDLE)
    assert not executed(far, "G")


async def test_a_print_from_the_printers_own_card_is_somebody_elses(far: PtyPrinter) -> None:
    far.firmware.card = "SD printing byte 1200/4000"
    async with online(far) as printer:
        assert printer.operations() == [Operation.BUSY]
        assert printer.messages() == ["message.foreign_job"]


async def test_m22_a_print_started_at_the_printer_is_shown_and_left_alone(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far, poll_s=0.01, foreign_check_s=0.01) as printer, serving(printer):
        far.firmware.card = "SD printing byte 1200/4000"
        await printer.until(lambda: printer.operations()[-1] is Operation.BUSY)
        assert printer.messages() == ["message.foreign_job"]
        for task in (printer.run("home"), printer.print_file(job), printer.set_hotend(50)):
            assert (await failure(task)).params["state"] == "foreign_job"
        report = await printer.driver.safe_state("p")
        assert (report.outcome, report.detail) == (StopOutcome.FAILED, "foreign_job")
        assert acted(far) == []
        far.firmware.card = "Not SD printing"
        await printer.until(lambda: printer.operations()[-1] is Operation.IDLE)
        far.firmware.card = "SD printing byte 1300/4000"
        await printer.until(lambda: printer.operations()[-1] is Operation.BUSY)
        assert (await printer.driver.stop_now("p")).outcome is StopOutcome.CONFIRMED


# -- commands and readings ----------------------------------------------------------------------


async def test_a_target_is_set_and_read_back(far: PtyPrinter) -> None:
    async with online(far) as printer:
        result = await printer.set_hotend(205)
        assert result.values == {"hotend_target": 205.0}
        assert far.firmware.targets["T"] == 205.0
        reading = printer.readings("hotend_temp")[-1]
        assert (reading.value, reading.unit) == (226.0, "Cel")


async def test_a_target_above_the_limit_is_refused_before_a_byte(far: PtyPrinter) -> None:
    async with online(far, limits=PrinterOptions(max_hotend_c=210)) as printer:
        heard = len(far.heard)
        error = await failure(printer.set_hotend(211))
        assert error.code == "driver.bad_arguments"
        assert len(far.heard) == heard


async def test_a_target_the_printer_does_not_take_is_a_rejection(far: PtyPrinter) -> None:
    async with online(far) as printer:
        far.firmware.fixed_targets = True
        error = await failure(printer.set_hotend(205))
        assert (error.code, error.params["cause"]) == ("driver.rejected", "M104 S205: 0.0")


async def test_home_gives_the_place(far: PtyPrinter) -> None:
    async with online(far) as printer:
        result = await printer.run("home")
        assert result.values == {"x": 0.0, "y": 0.0, "z": 0.0}
        assert printer.operations() == [Operation.IDLE, Operation.BUSY, Operation.IDLE]


async def test_homing_without_an_answer_leaves_the_place_unknown_until_read_back(
    far: PtyPrinter,
) -> None:
    async with online(far) as printer:
        far.held = {"G28"}
        homing = printer.run("home")
        await far.until_heard(b"G28")
        homing.cancel()
        await asyncio.wait({homing})
        assert printer.operations()[-1] is Operation.UNKNOWN
        far.release()
        await printer.driver.resync()
        assert printer.operations()[-1] is Operation.IDLE


async def test_what_does_not_fit_is_refused(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        heard = len(far.heard)
        assert (await failure(printer.run("pause"))).code == "driver.not_allowed_now"
        assert (await failure(printer.run("resume"))).code == "driver.not_allowed_now"
        assert (await failure(printer.run("set_bed"))).code == "driver.bad_arguments"
        assert (await failure(printer.run("dance"))).code == "driver.not_supported"
        with pytest.raises(NotSupported):
            await printer.driver.execute("q", "home", NoArguments(), CommandContext("c", 1))
        printer.may_act = False
        assert (await failure(printer.run("home"))).code == "driver.stopped"
        assert (await failure(printer.set_hotend(50))).code == "driver.stopped"
        assert len(far.heard) == heard
    assert (await failure(printer.run("home"))).code == "driver.link_lost"


@pytest.mark.parametrize(
    ("line", "hotend"),
    [
        (" T:nan /0.00 B:21.00 /0.00 @:0 B@:0", math.nan),
        (" T:-15.00 /0.00 B:21.00 /0.00 @:0 B@:0", math.nan),
        (" T:25.0 /0.0 B:21.0 /0.0 T0:25.0 /0.0 T1:99.0 /0.0 @:9 B@:3 @0:9 @1:0", 25.0),
        (" T0:26.0 /0.0 T1:99.0 /0.0 B:21.0 /0.0 @:127 B@:0", 26.0),
    ],
)
async def test_m21_sensors_absent_and_other_extruders(
    line: str, hotend: float, far: PtyPrinter
) -> None:
    async with online(far) as printer:
        before = len(printer.readings("hotend_temp"))
        far.say(line)
        await printer.until(lambda: len(printer.readings("hotend_temp")) > before)
        reading = printer.readings("hotend_temp")[-1]
        if math.isnan(hotend):
            assert (reading.value, reading.quality) == (None, Quality.BAD)
        else:
            assert (reading.value, reading.quality) == (hotend, Quality.GOOD)


async def test_a_jump_no_heater_makes_is_uncertain_and_a_broken_sensor_bad(
    far: PtyPrinter,
) -> None:
    async with online(far) as printer:
        for shown in ("21.00", "21.50", "121.50", "21.60", "-15.00"):
            far.say(f" T:{shown} /0.00 B:21.00 /0.00 @:0 B@:0")
        await printer.run("home")
        worth = [reading.quality for reading in printer.readings("hotend_temp")][-5:]
        assert worth == [
            Quality.GOOD, Quality.GOOD, Quality.UNCERTAIN, Quality.UNCERTAIN, Quality.BAD,
        ]  # fmt: skip
        assert printer.readings("hotend_temp")[-1].value is None


# -- leaving ------------------------------------------------------------------------------------


async def test_a_hundred_lives_leave_no_task_and_no_descriptor(far: PtyPrinter) -> None:
    async with online(far, settle_s=0.001, banner_s=0.001):
        pass
    tasks, before = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        async with online(far, settle_s=0.001, banner_s=0.001):
            pass
    assert (len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))) == (tasks, before)


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_closing_while_connecting_ends_both(far: PtyPrinter, turns: int) -> None:
    printer = Printer(far.path)
    connecting = asyncio.create_task(printer.driver.connect())
    for _ in range(turns):
        await asyncio.sleep(0)
    await printer.driver.close()
    await printer.driver.close()
    await asyncio.wait({connecting}, timeout=5)
    assert connecting.done()
    assert connecting.exception() is None or isinstance(connecting.exception(), DriverError)
    await printer.driver.close()
