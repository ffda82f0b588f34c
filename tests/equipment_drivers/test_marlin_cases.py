"""The edge cases of a Marlin printer's serial line, each by its number.

Most run against a firmware in the test's hand over a real pty; what only time or a board shows
runs in jumping time, or against the simulated printer in a process of its own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from random import Random

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.devices.marlin_lines import HISTORY, SentLines, frame
from equipment_drivers.devices.marlin_link import LinkTiming
from equipment_drivers.devices.marlin_replies import Identity, Kind, classify
from equipment_drivers.devices.marlin_session import MarlinSession
from equipment_drivers.devices.marlin_spec import (
    COLD_BYTES,
    STOP_BYTES,
    Cancel,
    MarlinOptions,
    PrinterOptions,
)
from equipment_drivers.errors import DriverError
from equipment_drivers.model import Link, LinkChanged, Operation, Quality
from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter, run_at_once
from tests.equipment_drivers.marlin_bench import Printer
from tests.equipment_drivers.test_marlin_link import Bench
from tests.hardware_sim.rig import simulator

JOB = ["G28", "M104 S200", *(f"G1 X{n} E{n} F1200" for n in range(40)), "M104 S0"]
QUESTIONS = ("M105", "M110", "M113", "M114", "M115", "M155", "M27", "M400")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "jig.gcode"
    path.write_text("\n".join(JOB) + "\n", encoding="utf-8")
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


@asynccontextmanager
async def serving(printer: Printer) -> AsyncIterator[asyncio.Task[None]]:
    watch = asyncio.create_task(printer.driver.serve())
    try:
        yield watch
    finally:
        watch.cancel()
        await asyncio.wait({watch})


def executed(far: PtyPrinter) -> list[str]:
    return [command for _, command in far.firmware.executed]


def acted(far: PtyPrinter) -> list[str]:
    return [command for command in executed(far) if command.split()[0] not in QUESTIONS]


async def failure(task: asyncio.Task[object] | asyncio.Future[object]) -> DriverError:
    with pytest.raises(DriverError) as caught:
        async with asyncio.timeout(10):
            await task
    return caught.value


# -- M-01 to M-05: coming up, lines in and out -------------------------------------------------


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


async def test_m02_bytes_that_are_no_text_end_nothing(far: PtyPrinter) -> None:
    async with online(far) as printer:
        for data in (b"\x80\xff\x00\n", b"\r\n\n\r\n", b"x" * 4000 + b"\n", b"\xc0T:1 /0\n"):
            far.say_bytes(data)
        far.say_bytes(b"echo:in ")
        far.say_bytes(b"two pieces\r\n T:30.00 /0.00 B:20.00 /0.00\r\n")
        await printer.until(lambda: printer.readings("hotend_temp")[-1].value == 30.0)
        assert (await printer.run("home")).values == {"x": 0.0, "y": 0.0, "z": 0.0}


@pytest.mark.parametrize("form", ["ok", "ok T:21.0 /0.0 B:21.0 /0.0", "ok N3 P15 B3", "ok 3"])
def test_m03_every_form_of_ok_acknowledges(form: str) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        for _ in range(2):
            await bench.link.send("M400")
        bench.wire.silent = True
        answer = bench.link.send("G28")
        bench.link.hear(form)
        await answer

    run_at_once(main())


def test_m03_an_ok_of_another_line_is_stale() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        await bench.link.send("M400")
        bench.wire.silent = True
        answer = bench.link.send("G28")
        bench.link.hear("ok N1 P15 B3")
        assert not answer.done()
        bench.link.hear("ok N2 P15 B3")
        await answer

    run_at_once(main())


def test_m04_a_line_is_numbered_checksummed_plain_and_short_enough() -> None:
    async def main() -> list[bytes]:
        bench = Bench()
        await bench.stream(3)
        return bench.wire.written

    for line in run_at_once(main()):
        body, _, given = line.rstrip(b"\n").rpartition(b"*")
        total = 0
        for byte in body:
            total ^= byte
        assert int(given) == total
        assert body.startswith(b"N")
        assert body.isascii()
        assert len(line) <= 96


def test_m04_fifty_lines_back_can_be_sent_again_and_sixty_four_are_kept() -> None:
    sent = SentLines()
    for number in range(200):
        sent.append(f"G1 X{number}")
    assert HISTORY == 64
    assert sent.line(199 - 63).frame == frame(136, "G1 X136")
    assert [number for number in range(202) if sent.has(number)] == list(range(149, 200))


async def test_m04_an_empty_line_is_never_sent(far: PtyPrinter, tmp_path: Path) -> None:
    path = tmp_path / "gaps.gcode"
    path.write_text("\n\n; nothing\nG28\n   \n;end\nM107\n", encoding="utf-8")
    async with online(far) as printer:
        before = len(far.heard)
        await printer.print_file(path)
        assert all(line for line in far.heard[before:])
        assert acted(far) == ["G28", "M107"]


def test_m05_only_an_ok_lets_the_next_line_out() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        before = len(bench.wire.written)
        answers = [bench.link.send("G1 X1"), bench.link.send("G1 X2")]
        for line in ("Error:No thermistor", "echo:hm", " T:20.00 /0.00", "//action:notification x"):
            bench.link.hear(line)
        assert len(bench.wire.written) == before + 1
        bench.link.hear("ok")
        assert len(bench.wire.written) == before + 2
        bench.link.hear("ok")
        await asyncio.gather(*answers)

    run_at_once(main())


# -- M-06 to M-10: asked again ---------------------------------------------------------------


@pytest.mark.parametrize("follows", [True, False], ids=["with-ok", "without-ok"])
def test_m06_the_ok_after_a_resend_is_no_acknowledgement(follows: bool) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("G1 X1")
        for line in ("Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok")[: 2 + follows]:
            bench.link.hear(line)
        assert not answer.done()
        await asyncio.sleep(bench.timing.settle_s * 1.5)
        assert bench.wire.written[-2:] == [frame(1, "G1 X1")] * 2
        bench.link.hear("ok")
        await answer

    run_at_once(main())


def test_m07_a_resend_of_the_next_line_acknowledges_a_line_sent_twice() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("G1 X1")
        for line in ("Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"):
            bench.link.hear(line)
        bench.link.hear("Error:Line Number is not Last Line Number+1, Last Line: 1")
        bench.link.hear("Resend: 2")
        await answer
        assert bench.wire.written.count(frame(1, "G1 X1")) == 2

    run_at_once(main())


@pytest.mark.parametrize("wanted", [1, 20, 102, 9999], ids=["1", "lost-digit", "unsent", "far"])
def test_m08_a_number_that_cannot_be_is_not_followed_and_at_last_ends_the_link(wanted: int) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.stream(98)
        before = len(bench.wire.written)
        bench.firmware.take = lambda line: iter((f"Resend: {wanted}", "ok"))  # type: ignore[method-assign]
        fault = await failure(bench.link.send("G1 X9"))
        assert (fault.code, fault.params["cause"]) == ("driver.protocol", "desync")
        assert set(bench.wire.written[before:]) == {bench.wire.written[before]}
        assert bench.broken == [fault]

    run_at_once(main())


@pytest.mark.parametrize("drops_repeats", [False, True], ids=["asks-again", "drops-repeats"])
@pytest.mark.parametrize("lost", ["ok", "line"])
def test_m09_silence_is_settled_by_one_further_numbered_question(
    lost: str, drops_repeats: bool
) -> None:
    """Not by the line itself: since Marlin 2.1 a repeat may be dropped without a word."""

    async def main() -> None:
        bench = Bench(drops_repeats=drops_repeats)
        await bench.link.renumber()
        bench.wire.lost, bench.wire.silent = (1.0, False) if lost == "ok" else (0.0, True)
        answer = bench.link.send("G1 X1")

        def back() -> None:
            bench.wire.lost, bench.wire.silent = 0.0, False

        asyncio.get_running_loop().call_later(1.0, back)
        await answer
        await bench.link.send("G1 X2")
        assert bench.executed("G1") == ["G1 X1", "G1 X2"]
        assert all(line.startswith(b"N") for line in bench.wire.written)
        assert frame(2, "M105") in bench.wire.written

    run_at_once(main())


@pytest.mark.parametrize(
    ("timing", "silence"),
    [(LinkTiming(ok_s=3.0), 3.0), (LinkTiming(ok_s=30.0, long_ok_s=30.0), 30.0)],
    ids=["busy-protocol", "without"],
)
def test_m09_how_long_silence_may_last(timing: LinkTiming, silence: float) -> None:
    async def main() -> None:
        bench = Bench(timing=timing)
        await bench.link.renumber()
        bench.wire.silent = True
        bench.link.post("G1 X1")
        for wait, out in ((silence - 0.05, frame(1, "G1 X1")), (0.1, frame(2, "M105"))):
            await asyncio.sleep(wait)
            assert bench.wire.written[-1] == out

    run_at_once(main())


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


async def test_m10_a_storm_of_resends_ends_the_print_and_leaves_it_cold(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far, settle_s=0.001) as printer, serving(printer) as watch:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
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


# -- M-11 to M-14: busy, torn, killed ----------------------------------------------------------


def test_m11_busy_puts_the_timeout_off_and_wait_brings_it_on() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.link.hear("wait")
        assert len(bench.wire.written) == 2
        bench.wire.silent = True
        answer = bench.link.send("G28")
        for _ in range(100):
            await asyncio.sleep(2.0)
            bench.link.hear("echo:busy: processing")
        assert bench.wire.written[-1] == frame(1, "G28")
        bench.link.hear("wait")
        assert bench.wire.written[-1] == frame(2, "M105")
        bench.link.hear("ok")
        await answer

    run_at_once(main())


@pytest.mark.parametrize("who", ["user", "input"])
async def test_m11_a_person_wanted_is_shown_paused(who: str, far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        far.say(f"echo:busy: paused for {who}")
        await printer.until(lambda: printer.operations()[-1] is Operation.PAUSED)
        assert printer.messages() == ["message.person_wanted"]
        far.release()
        await printing


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


async def test_m13_stop_goes_out_bare_then_numbered_then_cold(far: PtyPrinter) -> None:
    lines = STOP_BYTES.split(b"\n")
    assert lines[:2] == [b"", b"M112"]
    assert lines[2:4] == [frame(0, "M110 N0").strip(), frame(1, "M112").strip()]
    assert lines[4:6] == [b"M104 S0", b"M140 S0"]
    async with online(far, stop_confirm_s=0.05) as printer:
        far.firmware.halted = True
        assert (await printer.driver.stop_now("p")).outcome is StopOutcome.SENT
        assert printer.operations()[-1] is Operation.FAULT


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


# -- M-15 to M-18: stopped, hot, restarted, done -----------------------------------------------


@pytest.mark.parametrize("listens", [0, 1], ids=["queued", "emergency-parser"])
async def test_m15_after_a_quickstop_only_homing_tells_the_place(
    listens: int, far: PtyPrinter, job: Path
) -> None:
    far.firmware.capabilities["EMERGENCY_PARSER"] = listens
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        cancelling = printer.run("cancel", Cancel(at_once=True))
        if listens:
            await far.until_heard(b"M410")
        else:
            await asyncio.sleep(0)
        far.release()
        await cancelling
        assert (await failure(printing)).code == "driver.stopped"
        assert ((None, "M410") in far.firmware.executed) is bool(listens)
        assert "M410" in executed(far)
        assert printer.operations()[-1] is Operation.UNKNOWN
        await printer.driver.resync()
        assert printer.operations()[-1] is Operation.UNKNOWN
        assert (await failure(printer.print_file(job))).code == "driver.not_allowed_now"
        await printer.run("home")
        assert printer.operations()[-1] is Operation.IDLE


async def test_m15_a_wait_for_heat_is_broken_only_where_the_firmware_listens(
    far: PtyPrinter, tmp_path: Path
) -> None:
    path = tmp_path / "hot.gcode"
    path.write_text("M109 S200\nG28\n", encoding="utf-8")
    for listens in (0, 1):
        far.firmware.capabilities["EMERGENCY_PARSER"] = listens
        async with online(far, cool_s=5.0) as printer:
            far.held, far.heard = {"M109"}, []
            printing = printer.print_file(path)
            await far.until_heard(b"M109")
            cancelling = printer.run("cancel")
            if listens:
                await far.until_heard(b"M108")
            else:
                await asyncio.sleep(0)
            far.release()
            await cancelling
            await failure(printing)
            assert (b"M108" in far.heard) is bool(listens)


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
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        for line in lines:
            far.say(line)
        far.say(" T:300.00 /200.00 B:20.00 /0.00")
        assert (await failure(printing)).code == "driver.faulted"
        assert "message.thermal_fault" in printer.messages()
        for verb in ("home", "set_hotend", "resume"):
            assert (await failure(printer.run(verb))).code in (
                "driver.not_allowed_now", "driver.bad_arguments",
            )  # fmt: skip
        assert printer.operations()[-1] is Operation.FAULT
        assert (await printer.driver.safe_state("p")).outcome is StopOutcome.SENT


@pytest.mark.parametrize("banner", ["start", "PowerUp", " Brown out Reset", "echo:External Reset"])
async def test_m17_a_board_that_restarts_fails_the_print_and_resumes_nothing(
    banner: str, far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer, serving(printer) as watch:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
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
        far.held = {"G1 X30 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X30 ")
        before = acted(far)
        far.held.clear()
        far.firmware.last = 0
        far.release()
        assert (await failure(printing)).code == "driver.protocol"
        assert [line for line in acted(far)[len(before) :] if line.startswith("G")] == []


async def test_m18_a_print_is_done_when_nothing_moves_any_more(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"M400"}
        printing = printer.print_file(job)
        await far.until_heard(b"M400")
        assert not printing.done()
        assert printer.operations()[-1] is Operation.BUSY
        far.release()
        await printing
        sent = executed(far)
        assert sent[sent.index("M400") + 1] == "M114"


async def test_m18_a_cancelled_print_is_parked_cold_and_read_back(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        cancelling = printer.run("cancel")
        await asyncio.sleep(0)
        far.release()
        await cancelling
        await failure(printing)
        sent = executed(far)
        after = sent[sent.index("G1 X5 E5 F1200") + 1 :]
        assert after[:3] == ["M104 S0", "M140 S0", "M107"]
        assert [line for line in after if line.startswith("G1")] == [
            "G1 Z10.00 F600", "G1 X0.00 Y220.00 F6000",
        ]  # fmt: skip
        assert after[-1] == "M105"
        assert far.firmware.targets == {"T": 0.0, "B": 0.0}


async def test_m18_a_cancelled_print_that_stays_hot_is_told(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        far.firmware.fixed_targets = True
        cancelling = printer.run("cancel")
        await asyncio.sleep(0)
        far.release()
        assert (await failure(cancelling)).code == "driver.rejected"
        await failure(printing)


# -- M-19 to M-22: gone, other firmwares, other hands --------------------------------------------


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


async def test_m21_the_panel_pauses_resumes_and_cancels(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 ", "G1 X9 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        far.say("//action:paused")
        await printer.until(lambda: printer.operations()[-1] is Operation.PAUSED)
        far.say("//action:resumed")
        await printer.until(lambda: printer.operations()[-1] is Operation.BUSY)
        far.release()
        await far.until_heard(b"G1 X9 ")
        for line in ("//action:shutdown", "//action:start", "//action:prompt_begin x"):
            far.say(line)
        far.say("//action:cancel")
        far.release()
        assert (await failure(printing)).params["cause"] == "cancelled"


async def test_m21_the_panel_cannot_resume_over_a_parked_nozzle(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        pausing = printer.run("pause")
        await asyncio.sleep(0)
        far.release()
        await pausing
        far.say("//action:resume")
        await printer.until(lambda: "message.resume_in_console" in printer.messages())
        assert printer.operations()[-1] is Operation.PAUSED
        await printer.run("resume")
        await printing


async def test_m21_a_printer_that_asks_to_be_left_is_left(far: PtyPrinter) -> None:
    async with online(far) as printer, serving(printer) as watch:
        far.say("//action:disconnect")
        assert (await failure(watch)).params["cause"] == "asked_by_printer"


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


# -- held and gone on with ------------------------------------------------------------------------


async def test_a_held_print_lifts_moves_aside_and_comes_back_the_other_way_round(
    far: PtyPrinter, tmp_path: Path
) -> None:
    path = tmp_path / "modes.gcode"
    lines = ["G28", "M83", "G1 X50 Y60 Z2 F1500", "G91", "G1 X1 E1", "G1 X2 E1", "M107"]
    path.write_text("\n".join(lines), encoding="utf-8")
    far.firmware.position.update(X=51.0, Y=60.0, Z=2.0)
    async with online(far) as printer:
        far.held = {"G1 X1 "}
        printing = printer.print_file(path)
        await far.until_heard(b"G1 X1 ")
        pausing = printer.run("pause")
        await asyncio.sleep(0)
        far.release()
        await pausing
        await printer.run("resume")
        await printing
        sent = executed(far)
        between = sent[sent.index("G1 X1 E1") + 1 : sent.index("G1 X2 E1")]
        assert [line for line in between if line.split()[0] not in QUESTIONS] == [
            "G90", "G1 Z12.00 F600", "G1 X0.00 Y220.00 F6000",
            "G90", "G1 Z12.00 F600", "G1 X51.00 Y60.00 F6000", "G1 Z2.00 F600",
            "G1 F1500", "G91", "M83",
        ]  # fmt: skip
        assert all(number is not None for number, _ in far.firmware.executed)


async def test_a_held_print_stays_where_it_is_when_nothing_may_act(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        far.held = {"G1 X5 "}
        printing = printer.print_file(job)
        await far.until_heard(b"G1 X5 ")
        pausing = printer.run("pause")
        await asyncio.sleep(0)
        printer.may_act = False
        far.release()
        await pausing
        assert (await failure(printer.run("resume"))).code == "driver.stopped"
        assert acted(far)[-1] == "G1 X5 E5 F1200"
        printing.cancel()
        await asyncio.wait({printing})


async def test_a_print_held_before_homing_is_not_moved_aside(
    far: PtyPrinter, tmp_path: Path
) -> None:
    path = tmp_path / "unhomed.gcode"
    path.write_text("M104 S50\nG4 P1\nG28\n", encoding="utf-8")
    async with online(far) as printer:
        far.held = {"G4"}
        printing = printer.print_file(path)
        await far.until_heard(b"G4")
        pausing = printer.run("pause")
        await asyncio.sleep(0)
        far.release()
        await pausing
        assert acted(far) == ["M104 S50", "G4 P1"]
        await printer.run("resume")
        await printing


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


def test_where_it_waits_must_be_within_reach() -> None:
    assert (PrinterOptions().parking.x, PrinterOptions().parking.y) == (0.0, 220.0)
    with pytest.raises(ValueError, match="within reach"):
        PrinterOptions(park_x_mm=300.0)


def test_classification_of_lines_that_are_half_of_a_fault() -> None:
    assert classify(": Extruder switched off. MINTEMP triggered !").kind is Kind.HALTED
    assert classify(": Sensor calm").kind is Kind.REPORT
