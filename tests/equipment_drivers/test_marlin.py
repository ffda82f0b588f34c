"""The Marlin driver over a real pty, the firmware behind it in the test's hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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
    COLD_BYTES,
    STOP_BYTES,
    MarlinOptions,
    PrinterOptions,
    device_spec,
)
from equipment_drivers.errors import BadOption, DriverError, NotSupported
from equipment_drivers.model import (
    CycleFinished,
    JobProgress,
    Link,
    LinkChanged,
    Operation,
    Quality,
)
from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter
from tests.equipment_drivers.marlin_bench import LabClock, Printer

JOB = ["G28", "M104 S200", "M109 S200", *(f"G1 X{n} E{n}" for n in range(40)), "M104 S0"]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "jig.gcode"
    path.write_text("; a jig\n" + "\n".join(JOB) + "\n", encoding="utf-8")
    return path


@pytest.fixture
async def far() -> AsyncIterator[PtyPrinter]:
    end = PtyPrinter(FakeFirmware("always", Random(1)))
    yield end
    end.unplug()


@asynccontextmanager
async def online(far: PtyPrinter, **options: object) -> AsyncIterator[Printer]:
    printer = Printer(far.path, **options)  # type: ignore[arg-type]
    try:
        await printer.up()
        yield printer
    finally:
        await printer.driver.close()


def executed(far: PtyPrinter, *starts: str) -> list[str]:
    return [
        command
        for number, command in far.firmware.executed
        if number is not None and command.startswith(starts or "")
    ]


async def failure(task: asyncio.Task[object] | asyncio.Task[object]) -> DriverError:
    with pytest.raises(DriverError) as caught:
        async with asyncio.timeout(10):
            await task
    return caught.value


# -- what it is -----------------------------------------------------------------------------


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


@pytest.mark.parametrize("port", ["", "socket://nowhere", "rfc2217://x:1", "socket://a:b"])
def test_a_port_has_a_form(port: str) -> None:
    with pytest.raises(ValidationError):
        MarlinOptions(port=port)


def test_the_stop_plan_is_the_stop_as_data() -> None:
    plan = Printer("/dev/nothing").driver.stop_plan("p")
    (step,) = plan.steps
    assert (step.kind, step.connection) == ("descriptor", "wire")
    assert bytes.fromhex(str(step.payload["write_hex"])) == STOP_BYTES
    assert STOP_BYTES.startswith(b"\nM112\n")
    assert STOP_BYTES.endswith(b"M104 S0\nM140 S0\n")


# -- coming up ------------------------------------------------------------------------------


async def test_it_comes_up_idle_and_known_and_moves_nothing(far: PtyPrinter) -> None:
    async with online(far) as printer:
        assert printer.operations() == [Operation.IDLE]
        detail = printer.facts[-1].detail  # type: ignore[union-attr]
        assert detail["firmware"].startswith("Marlin 2.1.2")
        assert detail["uuid"] == "0000-1111"
        assert printer.driver.stop_descriptor() is not None
    assert not executed(far, "G", "M104", "M140")
    assert executed(far)[:3] == ["M110 N0", "M110 N0", "M115"]


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
        serving = asyncio.create_task(printer.driver.serve())
        await far.until_heard(b"M27")
        await printer.until(lambda: printer.operations()[-1] is Operation.IDLE)
        serving.cancel()
        await asyncio.wait({serving})
    assert not executed(far, "G")


async def test_a_print_from_the_printers_own_card_is_somebody_elses(far: PtyPrinter) -> None:
    far.firmware.card = "SD printing byte 1200/4000"
    async with online(far) as printer:
        assert printer.operations() == [Operation.BUSY]
        assert printer.messages() == ["message.foreign_job"]


async def test_temperatures_are_polled_where_they_do_not_come_by_themselves(
    far: PtyPrinter,
) -> None:
    far.firmware.capabilities["AUTOREPORT_TEMP"] = 0
    async with online(far, poll_s=0.02) as printer:
        before = len(printer.readings("hotend_temp"))
        serving = asyncio.create_task(printer.driver.serve())
        await printer.until(lambda: len(printer.readings("hotend_temp")) >= before + 3)
        serving.cancel()
        await asyncio.wait({serving})
    assert not executed(far, "M155")


# -- commands -------------------------------------------------------------------------------


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


# -- printing -------------------------------------------------------------------------------


async def test_a_file_is_printed_line_by_line(far: PtyPrinter, job: Path) -> None:
    async with online(far, factor=60.0) as printer:
        result = await printer.print_file(job)
        done = executed(far)
        first = done.index("G28")
        assert done[first : first + len(JOB) + 1] == [*JOB, "M400"]
        assert printer.journal == JOB
        assert result.values == {"lines_sent": len(JOB), "resends": 0}
        assert printer.operations() == [Operation.IDLE, Operation.BUSY, Operation.IDLE]
        (cycle,) = printer.told(CycleFinished)
        assert cycle.duration_s > 0
        progress = printer.told(JobProgress)[-1]
        assert (progress.command_id, progress.fraction) == ("command-1", 1.0)
        assert progress.counts == {
            "lines_sent": len(JOB), "resends": 0, "lines_total": len(JOB),
        }  # fmt: skip
        assert printer.readings("progress")[-1].value == 100.0


@pytest.mark.parametrize("mode", ["always", "never", "sometimes"])
async def test_a_file_is_printed_in_noise(mode: str, job: Path) -> None:
    for seed in range(3):
        rng = Random(seed)
        end = PtyPrinter(FakeFirmware(mode, rng), rng, rate=0.1)  # type: ignore[arg-type]
        async with online(end) as printer:
            result = await printer.print_file(job)
            ours = [line for line in executed(end) if line in JOB]
            assert ours == JOB
            assert result.values["lines_sent"] == len(JOB)
        end.unplug()


async def test_a_file_with_a_forbidden_line_is_refused_whole(
    far: PtyPrinter, tmp_path: Path
) -> None:
    path = tmp_path / "bad.gcode"
    path.write_text("G28\nM112\nG1 X999\n", encoding="utf-8")
    async with online(far) as printer:
        heard = len(far.heard)
        error = await failure(printer.print_file(path))
        assert error.code == "gcode.refused"
        assert error.params["count"] == "2"
        assert error.params["line"] == "2"
        missing = await failure(printer.print_file(tmp_path / "none.gcode"))
        assert missing.code == "driver.bad_arguments"
        assert len(far.heard) == heard
        assert printer.operations() == [Operation.IDLE]


async def test_a_file_too_large_is_refused(far: PtyPrinter, job: Path) -> None:
    async with online(far, limits=PrinterOptions(max_job_bytes=10)) as printer:
        assert (await failure(printer.print_file(job))).code == "driver.bad_arguments"


async def test_pause_and_resume_act_on_the_running_print(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        pausing = printer.run("pause")
        await asyncio.sleep(0)
        far.release()
        await pausing
        assert printer.operations()[-1] is Operation.PAUSED
        held = executed(far)
        assert held[held.index("G1 X5 E5") + 1] == "M400"
        await printer.run("resume")
        await printing
        assert [line for line in executed(far, "G1") if " E" in line] == [
            line for line in JOB if line.startswith("G1")
        ]
        assert printer.operations()[-1] is Operation.IDLE


async def test_two_prints_at_once_are_refused(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G28"}
        both = {printer.print_file(job), printer.print_file(job)}
        await far.until_heard(b"G28")
        refused, printing = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert (await failure(refused.pop())).code == "driver.not_allowed_now"
        far.release()
        await printing.pop()
        assert executed(far, "G28") == ["G28"]


async def test_cancel_ends_the_print_cold(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        cancelling = printer.run("cancel")
        await asyncio.sleep(0)
        far.release()
        await cancelling
        error = await failure(printing)
        assert (error.code, error.params["cause"]) == ("driver.stopped", "cancelled")
        assert [line for line in executed(far, "G1") if " E" in line][-1] == "G1 X5 E5"
        assert far.firmware.targets == {"T": 0.0, "B": 0.0}
        assert printer.operations()[-3:] == [Operation.BUSY, Operation.STOPPING, Operation.IDLE]
        assert not printer.told(CycleFinished)


async def test_a_fallen_permit_ends_the_print_before_the_next_line(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        far.held = {"G1 X7 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X7 ")
        printer.may_act = False
        far.release()
        assert (await failure(printing)).code == "driver.stopped"
        assert executed(far, "G1")[-1] == "G1 X7 E7"
        assert far.firmware.targets["T"] == 0.0


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 70])
async def test_a_print_cancelled_at_any_moment_ends_cold(
    far: PtyPrinter, job: Path, turns: int
) -> None:
    async with online(far) as printer:
        printing = printer.print_file(job)
        for _ in range(turns):
            await asyncio.sleep(0)
        sent_before = len(printer.journal)
        printing.cancel()
        await asyncio.wait({printing})
        assert printing.cancelled()
        assert far.firmware.targets == {"T": 0.0, "B": 0.0}
        assert len(printer.journal) <= sent_before + 1
        assert printer.operations()[-1] is Operation.IDLE


async def test_a_cancelled_print_that_waits_for_heat_is_cooled_past_the_queue(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        far.held = {"M109"}
        printing = printer.print_file(job)
        await far.until_heard(b"M109")
        printing.cancel()
        await asyncio.wait({printing})
        for line in COLD_BYTES.split():
            await far.until_heard(line)
        assert far.heard[-1] == b"M107"


async def test_a_wait_for_heat_is_broken_where_the_firmware_listens(
    far: PtyPrinter, job: Path
) -> None:
    far.firmware.capabilities["EMERGENCY_PARSER"] = 1
    async with online(far) as printer:
        far.held = {"M109"}
        printing = printer.print_file(job)
        await far.until_heard(b"M109")
        cancelling = printer.run("cancel")
        await far.until_heard(b"M108")
        far.release()
        await cancelling
        assert (await failure(printing)).code == "driver.stopped"
        assert far.firmware.targets["T"] == 0.0


async def test_a_panel_pauses_and_cancels(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        far.say("//action:cancel")
        far.release()
        assert (await failure(printing)).code == "driver.stopped"


async def test_a_person_wanted_at_the_printer_is_told_once(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        for line in ("paused for user", "paused for user", "processing"):
            far.say(f"echo:busy: {line}")
        far.release()
        await printing
        assert printer.messages() == ["message.person_wanted"]
        assert Operation.PAUSED in printer.operations()


# -- losing it ------------------------------------------------------------------------------


async def test_unplugging_ends_the_wire_and_the_print(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing, serving = printer.print_file(job), asyncio.create_task(printer.driver.serve())
        await far.until_heard(b"G1 X5 ")
        far.unplug()
        assert (await failure(serving)).code == "driver.link_lost"
        assert (await failure(printing)).code == "driver.link_lost"
        assert printer.driver.stop_descriptor() is None


async def test_silence_ends_the_wire(far: PtyPrinter) -> None:
    async with online(far, max_silence_s=0.1) as printer:
        far.firmware.halted = True
        error = await failure(asyncio.create_task(printer.driver.serve()))
        assert error.code == "driver.peer_silent"


async def test_a_restart_in_the_middle_fails_the_print_and_ends_the_wire(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing, serving = printer.print_file(job), asyncio.create_task(printer.driver.serve())
        await far.until_heard(b"G1 X5 ")
        far.say("start")
        assert (await failure(printing)).params["cause"] == "restarted"
        assert (await failure(serving)).params["cause"] == "restarted"


async def test_a_printer_that_halts_by_itself_is_in_fault(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        far.say("Error:Thermal Runaway, system stopped! Heater_ID: 0")
        error = await failure(printing)
        assert error.code == "driver.faulted"
        assert "Thermal" in error.params["cause"]
        assert printer.operations()[-1] is Operation.FAULT
        assert printer.messages() == ["message.thermal_fault"]
        assert (await failure(printer.run("home"))).code == "driver.not_allowed_now"


async def test_a_noisy_line_is_called_degraded_and_well_again(job: Path) -> None:
    rng = Random(4)
    end = PtyPrinter(FakeFirmware("always", rng), rng)
    async with online(end, poll_s=0.01, noisy_ratio=0.02) as printer:
        serving = asyncio.create_task(printer.driver.serve())
        for rate in (0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0):
            end.rate = rate
            await printer.print_file(job)
        async with asyncio.timeout(5):
            while len(printer.told(LinkChanged)) < 2:
                await printer.run("home")
        changes = [(change.link, change.code) for change in printer.told(LinkChanged)]
        assert changes == [(Link.DEGRADED, "driver.noisy_line"), (Link.ONLINE, "")]
        serving.cancel()
        await asyncio.wait({serving})
    end.unplug()


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


# -- stopping -------------------------------------------------------------------------------


async def test_stop_passes_everything_and_is_confirmed(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        stopping = asyncio.create_task(printer.driver.stop_now("p"))
        await far.until_heard(b"M112")
        far.release()
        report = await stopping
        assert report.outcome is StopOutcome.CONFIRMED
        assert far.firmware.executed[-1] == (None, "M112")
        assert (await failure(printing)).code == "driver.stopped"
        assert printer.operations()[-1] is Operation.FAULT


async def test_stop_without_an_answer_is_sent_and_still_a_fault(far: PtyPrinter) -> None:
    async with online(far, stop_confirm_s=0.05) as printer:
        far.firmware.halted = True
        assert (await printer.driver.stop_now("p")).outcome is StopOutcome.SENT
        await far.until_heard(b"M140 S0")
        assert b"\n".join(far.heard).endswith(STOP_BYTES.rstrip())
        assert printer.operations()[-1] is Operation.FAULT


async def test_stop_without_a_wire_has_failed(far: PtyPrinter) -> None:
    printer = Printer(far.path)
    assert (await printer.driver.stop_now("p")).outcome is StopOutcome.FAILED
    assert (await printer.driver.safe_state("p")).outcome is StopOutcome.FAILED
    async with online(far) as printer:
        far.unplug()
        await asyncio.sleep(0)
        assert (await printer.driver.stop_now("p")).outcome is StopOutcome.FAILED


async def test_the_safe_state_is_cold_and_read_back(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        await printer.set_hotend(200)
        assert (await printer.driver.safe_state("p")).outcome is StopOutcome.CONFIRMED
        assert far.firmware.targets == {"T": 0.0, "B": 0.0}
        assert executed(far, "M107") == ["M107"]


async def test_the_safe_state_ends_a_print(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        making_safe = asyncio.create_task(printer.driver.safe_state("p"))
        await asyncio.sleep(0)
        far.release()
        assert (await making_safe).outcome is StopOutcome.CONFIRMED
        assert (await failure(printing)).code == "driver.stopped"


async def test_a_printer_that_does_not_answer_is_cooled_past_the_queue(far: PtyPrinter) -> None:
    async with online(far, cool_s=0.05) as printer:
        far.firmware.halted = True
        assert (await printer.driver.safe_state("p")).outcome is StopOutcome.SENT
        await far.until_heard(b"M107")


# -- leaving --------------------------------------------------------------------------------


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


def test_its_config_is_checked() -> None:
    with pytest.raises(BadOption):
        MarlinPrinter(
            "c",
            MarlinOptions(port="/dev/x"),
            [DeviceConfig("p", "", MarlinOptions(port="y"))],
            clock=LabClock(),
            emit=lambda fact: None,
        )
