"""What ends a printer's wire, its print or both: noise, silence, restarts, faults, and the stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from equipment_drivers.contract import (
    StopOutcome,
)
from equipment_drivers.devices.marlin_lines import frame
from equipment_drivers.devices.marlin_replies import Identity, Kind, classify
from equipment_drivers.devices.marlin_session import MarlinSession
from equipment_drivers.devices.marlin_spec import (
    COLD_BYTES,
    STOP_BYTES,
    MarlinOptions,
)
from equipment_drivers.errors import DriverError
from equipment_drivers.model import (
    Link,
    LinkChanged,
    Operation,
)
from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter, run_at_once
from tests.equipment_drivers.marlin_bench import (
    JOB,
    QUESTIONS,
    Printer,
    acted,
    executed,
    failure,
    online,
    printing_until,
    serving,
)
from tests.hardware_sim.rig import simulator

# -- noise and silence --------------------------------------------------------------------------


async def test_m02_bytes_that_are_no_text_end_nothing(far: PtyPrinter) -> None:
    async with online(far) as printer:
        for data in (b"\x80\xff\x00\n", b"\r\n\n\r\n", b"x" * 4000 + b"\n", b"\xc0T:1 /0\n"):
            far.say_bytes(data)
        far.say_bytes(b"echo:in ")
        far.say_bytes(b"two pieces\r\n T:30.00 /0.00 B:20.00 /0.00\r\n")
        await printer.until(lambda: printer.readings("hotend_temp")[-1].value == 30.0)
        assert (await printer.run("home")).values == {"x": 0.0, "y": 0.0, "z": 0.0}


async def test_m10_a_storm_of_resends_ends_the_print_and_leaves_it_cold(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far, settle_s=0.001) as printer, serving(printer) as watch:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        asked = far.heard[-1].split()[0][1:].decode()
        far.firmware.take = lambda line: iter((f"Resend: {asked}", "ok"))  # type: ignore[method-assign]
        far.held.clear()
        far.drop_answers()
        far.say(f"Resend: {asked}")
        fault = await failure(printing)
        assert (fault.code, fault.params["cause"]) == ("driver.protocol", "resend_storm")
        assert (await failure(watch)).code == "driver.protocol"
        for line in COLD_BYTES.split(b"\n"):
            await far.until_heard(line)


async def test_m10_a_noisy_line_is_degraded_with_advice(far: PtyPrinter, job: Path) -> None:
    far.rng, far.rate = Random(4), 0.1
    async with online(far) as printer:
        await printer.print_file(job)
        await printer.print_file(job)
        told = printer.told(LinkChanged)[0]
        assert (told.link, told.code) == (Link.DEGRADED, "driver.noisy_line")
        assert int(told.params["percent"]) >= 10


async def test_a_noisy_line_is_called_degraded_and_well_again(job: Path) -> None:
    rng = Random(4)
    end = PtyPrinter(FakeFirmware("always", rng), rng)
    async with online(end, poll_s=0.01, noisy_ratio=0.02) as printer, serving(printer):
        for rate in (0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0):
            end.rate = rate
            await printer.print_file(job)
        async with asyncio.timeout(5):
            while len(printer.told(LinkChanged)) < 2:
                await printer.run("home")
        changes = [(change.link, change.code) for change in printer.told(LinkChanged)]
        assert changes == [(Link.DEGRADED, "driver.noisy_line"), (Link.ONLINE, "")]
    end.unplug()


async def test_m12_a_line_torn_into_a_command_without_number_is_sent_again(
    far: PtyPrinter, job: Path
) -> None:
    take, torn = far.firmware.take, {"left": 3}

    def take_torn(line: bytes) -> Iterator[str]:
        if b"G1 X7 " in line and torn["left"]:
            torn["left"] -= 1
            yield f'echo:Unknown command: "{line.decode()[1:]}"'
            yield "ok"
        else:
            yield from take(line)

    far.firmware.take = take_torn  # type: ignore[method-assign]
    async with online(far) as printer:
        await printer.print_file(job)
        assert acted(far) == JOB
        assert all(number is not None for number, _ in far.firmware.executed)


async def test_m12_even_idle_every_line_has_number_and_checksum(far: PtyPrinter) -> None:
    far.firmware.capabilities["AUTOREPORT_TEMP"] = 0
    async with online(far, poll_s=0.01) as printer, serving(printer):
        before = len(printer.readings("hotend_temp"))
        await printer.until(lambda: len(printer.readings("hotend_temp")) > before + 3)
        assert all(line.startswith(b"N") and b"*" in line for line in far.heard if line)
        assert not executed(far, "M155")


async def test_silence_ends_the_wire(far: PtyPrinter) -> None:
    async with online(far, max_silence_s=0.1) as printer, serving(printer) as watch:
        far.firmware.halted = True
        assert (await failure(watch)).code == "driver.peer_silent"


def test_m19_silence_is_seen_at_its_limit_by_the_drivers_own_clock() -> None:
    async def main() -> float:
        options = MarlinOptions(port="/dev/nothing", max_silence_s=6.0, poll_s=2.0)
        session = MarlinSession("wire", options, lambda reply: None)
        session.identity = Identity(capabilities=frozenset({"AUTOREPORT_TEMP"}))
        loop = asyncio.get_running_loop()
        session.line.heard_at = began = loop.time()
        while (fault := await session.lost(within_s=options.poll_s)) is None:
            pass
        assert fault.code == "driver.peer_silent"
        return loop.time() - began

    assert run_at_once(main()) <= 6.0 + 0.5


# -- gone ---------------------------------------------------------------------------------------


async def test_unplugging_ends_the_wire_and_the_print(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer, serving(printer) as watch:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        far.unplug()
        assert (await failure(watch)).code == "driver.link_lost"
        assert (await failure(printing)).code == "driver.link_lost"
        assert printer.driver.stop_descriptor() is None


async def test_m19_unplugged_is_lost_and_found_again_under_the_same_link(
    tmp_path: Path, job: Path
) -> None:
    async with simulator(tmp_path / "sim", "gcode_printer", factor=1.0) as rig:
        printer = Printer(rig.endpoint)
        await printer.up()
        async with serving(printer) as watch:
            printing = printer.print_file(job)
            await printer.until(lambda: printer.journal != [])
            await rig.ask("fault", name="renumber")
            assert (await failure(watch)).code == "driver.link_lost"
            assert (await failure(printing)).code == "driver.link_lost"
        acted_before = [line for line in rig.executed() if line.split()[0] not in QUESTIONS]
        await printer.up()
        assert printer.operations()[-1] is Operation.IDLE
        acted_after = [line for line in rig.executed() if line.split()[0] not in QUESTIONS]
        assert acted_after == acted_before
        await printer.driver.close()


async def test_m21_a_printer_that_asks_to_be_left_is_left(far: PtyPrinter) -> None:
    async with online(far) as printer, serving(printer) as watch:
        far.say("//action:disconnect")
        assert (await failure(watch)).params["cause"] == "asked_by_printer"


# -- restarted or in fault ----------------------------------------------------------------------


async def test_m14_a_killed_printer_stays_so_until_its_power_was_off(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer", factor=60.0) as rig:
        printer = Printer(rig.endpoint, handshake_s=0.5)
        await printer.up()
        assert (await printer.driver.stop_now("p")).outcome is StopOutcome.CONFIRMED
        assert printer.messages() == ["message.halted"]
        executed = len(rig.truth("executed"))
        for _ in range(2):
            with pytest.raises(DriverError) as caught:
                await printer.driver.connect()
            assert caught.value.code == "driver.peer_silent"
        assert len(rig.truth("executed")) == executed
        await printer.driver.close()
        for on in (False, True):
            await rig.ask("power", on=on)
        await printer.up()
        assert printer.operations()[-1] is Operation.IDLE
        assert not [fact for fact in rig.truth("executed") if "M999" in fact["text"]]
        await printer.driver.close()


@pytest.mark.parametrize(
    "lines",
    [
        ["Error:Heating failed, system stopped! Heater_ID: 0"],
        ["Error:Thermal Runaway, system stopped! Heater_ID: bed"],
        ["Error:MAXTEMP triggered, system stopped! Heater_ID: 0"],
        ["Error:0", ": Extruder switched off. MINTEMP triggered !"],
        ["Error:0", ": Extruder switched off. MAXTEMP triggered !"],
        ["!! Printer stopped. Thermal runaway"],
    ],
    ids=lambda lines: lines[-1],
)
async def test_m16_a_thermal_error_latches_the_printer(
    lines: list[str], far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        for line in lines:
            far.say(line)
        far.say(" T:300.00 /200.00 B:20.00 /0.00")
        fault = await failure(printing)
        assert fault.code == "driver.faulted"
        assert len(fault.params["cause"]) > 10
        assert fault.params["cause"] in lines[-1]
        *before, told = printer.messages()
        assert (before, told) == (
            ["message.printer_error"] * (len(lines) - 1), "message.thermal_fault",
        )  # fmt: skip
        assert (await failure(printer.run("home"))).code == "driver.not_allowed_now"
        for verb in ("home", "set_hotend", "resume"):
            assert (await failure(printer.run(verb))).code in (
                "driver.not_allowed_now", "driver.bad_arguments",
            )  # fmt: skip
        assert printer.operations()[-1] is Operation.FAULT
        assert (await printer.driver.safe_state("p")).outcome is StopOutcome.SENT


def test_classification_of_lines_that_are_half_of_a_fault() -> None:
    assert classify(": Extruder switched off. MINTEMP triggered !").kind is Kind.HALTED
    assert classify(": Sensor calm").kind is Kind.REPORT


@pytest.mark.parametrize("banner", ["start", "PowerUp", " Brown out Reset", "echo:External Reset"])
async def test_m17_a_board_that_restarts_fails_the_print_and_resumes_nothing(
    banner: str, far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer, serving(printer) as watch:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        far.say(banner)
        assert (await failure(printing)).params["cause"] == "restarted"
        assert (await failure(watch)).params["cause"] == "restarted"
        assert printer.messages() == ["message.printer_restarted"]
    far.held.clear()
    far.drop_answers()
    moved_before = [line for line in acted(far) if line.startswith("G")]
    async with online(far) as printer:
        assert printer.operations() == [Operation.IDLE]
        assert [line for line in acted(far) if line.startswith("G")] == moved_before


async def test_m17_a_board_that_restarted_unheard_is_not_given_the_beginning_again(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far, settle_s=0.001) as printer:
        printing = await printing_until(far, printer, job, "G1 X30 ")
        before = acted(far)
        far.held.clear()
        far.firmware.last = 0
        far.release()
        assert (await failure(printing)).code == "driver.protocol"
        assert [line for line in acted(far)[len(before) :] if line.startswith("G")] == []


# -- stopped ------------------------------------------------------------------------------------


async def test_m13_stop_goes_out_bare_then_numbered_then_cold(far: PtyPrinter) -> None:
    lines = STOP_BYTES.split(b"\n")
    assert lines[:2] == [b"", b"M112"]
    assert lines[2:4] == [frame(0, "M110 N0").strip(), frame(1, "M112").strip()]
    assert lines[4:6] == [b"M104 S0", b"M140 S0"]
    async with online(far, stop_confirm_s=0.05) as printer:
        far.firmware.halted = True
        assert (await printer.driver.stop_now("p")).outcome is StopOutcome.SENT
        await far.until_heard(b"M140 S0")
        assert b"\n".join(far.heard).endswith(STOP_BYTES.rstrip())
        assert printer.operations()[-1] is Operation.FAULT


async def test_stop_passes_everything_and_is_confirmed(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        stopping = asyncio.create_task(printer.driver.stop_now("p"))
        await far.until_heard(b"M112")
        far.release()
        report = await stopping
        assert report.outcome is StopOutcome.CONFIRMED
        assert far.firmware.executed[-1] == (None, "M112")
        assert (await failure(printing)).code == "driver.stopped"
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
        printing = await printing_until(far, printer, job, "G1 X5 ")
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
