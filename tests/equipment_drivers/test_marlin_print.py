"""A print over a real pty: line by line, held and gone on with, cancelled, and its end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from equipment_drivers.devices.marlin_spec import (
    COLD_BYTES,
    Cancel,
    PrinterOptions,
)
from equipment_drivers.model import (
    CycleFinished,
    JobProgress,
    Operation,
)
from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter
from tests.equipment_drivers.marlin_bench import (
    JOB,
    QUESTIONS,
    acted,
    executed,
    failure,
    meanwhile,
    online,
    printing_until,
)

# -- printing -----------------------------------------------------------------------------------


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


async def test_m04_an_empty_line_is_never_sent(far: PtyPrinter, tmp_path: Path) -> None:
    path = tmp_path / "gaps.gcode"
    path.write_text("\n\n; nothing\nG28\n   \n;end\nM107\n", encoding="utf-8")
    async with online(far) as printer:
        before = len(far.heard)
        await printer.print_file(path)
        assert all(line for line in far.heard[before:])
        assert acted(far) == ["G28", "M107"]


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


async def test_m18_a_print_is_done_when_nothing_moves_any_more(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "M400")
        assert not printing.done()
        assert printer.operations()[-1] is Operation.BUSY
        far.release()
        await printing
        sent = executed(far)
        assert sent[sent.index("M400") + 1] == "M114"


# -- held and gone on with ----------------------------------------------------------------------


async def test_pause_and_resume_act_on_the_running_print(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        await meanwhile(far, printer.run("pause"))
        assert printer.operations()[-1] is Operation.PAUSED
        held = executed(far)
        assert held[held.index("G1 X5 E5 F1200") + 1] == "M400"
        await printer.run("resume")
        await printing
        assert [line for line in executed(far, "G1") if " E" in line] == [
            line for line in JOB if line.startswith("G1")
        ]
        assert printer.operations()[-1] is Operation.IDLE


async def test_a_held_print_lifts_moves_aside_and_comes_back_the_other_way_round(
    far: PtyPrinter, tmp_path: Path
) -> None:
    path = tmp_path / "modes.gcode"
    lines = ["G28", "M83", "G1 X50 Y60 Z2 F1500", "G91", "G1 X1 E1", "G1 X2 E1", "M107"]
    path.write_text("\n".join(lines), encoding="utf-8")
    far.firmware.position.update(X=51.0, Y=60.0, Z=2.0)
    async with online(far) as printer:
        printing = await printing_until(far, printer, path, "G1 X1 ")
        await meanwhile(far, printer.run("pause"))
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
        printing = await printing_until(far, printer, job, "G1 X5 ")
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
        printing = await printing_until(far, printer, path, "G4")
        await meanwhile(far, printer.run("pause"))
        assert acted(far) == ["M104 S50", "G4 P1"]
        await printer.run("resume")
        await printing


@pytest.mark.parametrize("who", ["user", "input"])
async def test_m11_a_person_wanted_is_shown_paused_and_told_once(
    who: str, far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        for _ in range(2):
            far.say(f"echo:busy: paused for {who}")
        await printer.until(lambda: printer.operations()[-1] is Operation.PAUSED)
        assert printer.messages() == ["message.person_wanted"]
        far.say("echo:busy: processing")
        far.release()
        await printing
        assert printer.messages() == ["message.person_wanted"]


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
        fault = await failure(printing)
        assert (fault.code, fault.params["cause"]) == ("driver.stopped", "cancelled")


async def test_m21_the_panel_cannot_resume_over_a_parked_nozzle(far: PtyPrinter, job: Path) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        await meanwhile(far, printer.run("pause"))
        far.say("//action:resume")
        await printer.until(lambda: "message.resume_in_console" in printer.messages())
        assert printer.operations()[-1] is Operation.PAUSED
        await printer.run("resume")
        await printing


# -- cancelled ----------------------------------------------------------------------------------


async def test_m18_a_cancelled_print_is_parked_cold_and_read_back(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
        await meanwhile(far, printer.run("cancel"))
        fault = await failure(printing)
        assert (fault.code, fault.params["cause"]) == ("driver.stopped", "cancelled")
        assert printer.operations()[-3:] == [Operation.BUSY, Operation.STOPPING, Operation.IDLE]
        assert not printer.told(CycleFinished)
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
        printing = await printing_until(far, printer, job, "G1 X5 ")
        far.firmware.fixed_targets = True
        cancelling = printer.run("cancel")
        await asyncio.sleep(0)
        far.release()
        assert (await failure(cancelling)).code == "driver.rejected"
        await failure(printing)


async def test_a_fallen_permit_ends_the_print_before_the_next_line(
    far: PtyPrinter, job: Path
) -> None:
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X7 ")
        printer.may_act = False
        far.release()
        assert (await failure(printing)).code == "driver.stopped"
        assert executed(far, "G1")[-1] == "G1 X7 E7 F1200"
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
        printing = await printing_until(far, printer, job, "M109")
        printing.cancel()
        await asyncio.wait({printing})
        for line in COLD_BYTES.split():
            await far.until_heard(line)
        assert far.heard[-1] == b"M107"


@pytest.mark.parametrize("listens", [0, 1], ids=["queued", "emergency-parser"])
async def test_m15_after_a_quickstop_only_homing_tells_the_place(
    listens: int, far: PtyPrinter, job: Path
) -> None:
    far.firmware.capabilities["EMERGENCY_PARSER"] = listens
    async with online(far) as printer:
        printing = await printing_until(far, printer, job, "G1 X5 ")
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
            assert (await failure(printing)).code == "driver.stopped"
            assert (b"M108" in far.heard) is bool(listens)
            assert far.firmware.targets["T"] == 0.0
