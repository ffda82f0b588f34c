"""The Marlin driver against the simulated printer, a process of its own on the real wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from equipment_drivers import gcode
from equipment_drivers.contract import StopOutcome
from equipment_drivers.errors import DriverError
from equipment_drivers.model import CycleFinished, Operation
from tests.equipment_drivers.marlin_bench import Printer
from tests.hardware_sim.rig import simulator
from tests.sims.sim import Sim

KIND = "gcode_printer"
FACTOR = 600.0
SLICED = Path(__file__).parents[2] / "examples" / "gcode" / "jig_clip_020.gcode"
OURS = {"M105", "M110", "M113", "M114", "M115", "M155", "M27", "M400"}
NOISE = ("--fault", "noise_in:p=0.05", "--fault", "noise_out:p=0.05")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The first thousand lines of a really sliced file."""
    path = tmp_path / "jig.gcode"
    path.write_text("\n".join(SLICED.read_text("utf-8").split("\n")[:1000]), encoding="utf-8")
    return path


def wanted(job: Path) -> list[str]:
    """The commands of the file."""
    return gcode.lines(job.read_text("utf-8"))


def printed(rig: Sim) -> list[str]:
    """The numbered lines the printer executed, without the driver's own questions."""
    return [line for line in rig.executed() if line.split()[0] not in OURS]


@pytest.mark.parametrize(
    "build",
    [
        ("--ok-after-resend", "always"),
        ("--ok-after-resend", "never"),
        ("--ok-after-resend", "sometimes"),
        ("--ok-after-resend", "always", "--duplicates", "silent"),
        ("--ok-after-resend", "sometimes", "--wire", "tcp"),
        ("--ok-after-resend", "always", "--advanced-ok"),
    ],
    ids=" ".join,
)
async def test_every_line_arrives_once_and_in_order_in_noise(
    build: tuple[str, ...], job: Path, tmp_path: Path
) -> None:
    async with simulator(tmp_path / "sim", KIND, *build, *NOISE, factor=FACTOR) as rig:
        printer = Printer(rig.endpoint, factor=FACTOR)
        await printer.up()
        result = await printer.print_file(job)
        assert printed(rig) == wanted(job)
        assert [fact for fact in rig.truth("executed") if not fact["numbered"]] == []
        assert int(result.values["resends"]) > 10
        assert len(printer.told(CycleFinished)) == 1
        await printer.driver.close()


@pytest.mark.parametrize("noise", [(), NOISE], ids=["clean", "noisy"])
async def test_several_moves_are_out_where_the_firmware_tells_its_room(
    noise: tuple[str, ...], job: Path, tmp_path: Path
) -> None:
    """A receive buffer as small as an AVR's never overflows."""
    build = ("--advanced-ok", "--rx-buffer", "128", *noise)
    async with simulator(tmp_path / "sim", KIND, *build, factor=FACTOR) as rig:
        printer = Printer(rig.endpoint, factor=FACTOR, window=4, rx_bytes=128)
        await printer.up()
        result = await printer.print_file(job)
        assert printed(rig) == wanted(job)
        assert [fact for fact in rig.truth("executed") if not fact["numbered"]] == []
        assert rig.truth("rx_overrun") == []
        assert bool(result.values["resends"]) is bool(noise)
        await printer.driver.close()


async def test_the_temperature_told_is_the_temperature_there(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, factor=FACTOR) as rig:
        printer = Printer(rig.endpoint, factor=FACTOR)
        await printer.up()
        await printer.set_hotend(180)
        await printer.until(
            lambda: abs((printer.readings("hotend_temp")[-1].value or 0.0) - 180.0) < 2.0
        )
        heater = (await rig.ask("status"))["heaters"]["hotend"]
        assert heater["target"] == 180.0
        assert abs(heater["now"] - 180.0) < 5.0
        await printer.driver.close()


async def test_stop_in_the_middle_of_a_print_kills_and_cools(job: Path, tmp_path: Path) -> None:
    async with simulator(tmp_path / "sim", KIND, factor=FACTOR) as rig:
        printer = Printer(rig.endpoint, factor=FACTOR)
        await printer.up()
        printing = printer.print_file(job)
        await printer.until(lambda: printer.readings("lines_sent") != [])
        report = await printer.driver.stop_now("p")
        assert report.outcome is StopOutcome.CONFIRMED
        with pytest.raises(DriverError):
            await printing
        status = await rig.ask("status")
        assert status["killed"]
        assert {heater["target"] for heater in status["heaters"].values()} == {0.0}
        assert printer.operations()[-1] is Operation.FAULT
        await printer.driver.close()


async def test_the_simulator_gone_ends_the_wire_and_a_new_one_is_found_idle(
    job: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "sim"
    async with simulator(directory, KIND, factor=FACTOR) as rig:
        printer = Printer(rig.endpoint, factor=FACTOR)
        await printer.up()
        printing, serving = printer.print_file(job), asyncio.create_task(printer.driver.serve())
        await printer.until(lambda: printer.readings("lines_sent") != [])
        rig.process.kill()
        for task in (serving, printing):
            with pytest.raises(DriverError) as caught:
                await task
            assert caught.value.code == "driver.link_lost"
        await rig.process.wait()
    async with simulator(directory, KIND, factor=FACTOR) as rig:
        await printer.up()
        assert printer.operations()[-1] is Operation.IDLE
        assert (await printer.driver.safe_state("p")).outcome is StopOutcome.CONFIRMED
        await printer.driver.close()


async def test_a_mute_printer_is_gone_within_its_silence_limit(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, factor=FACTOR) as rig:
        printer = Printer(rig.endpoint, factor=FACTOR, max_silence_s=0.3)
        await printer.up()
        serving = asyncio.create_task(printer.driver.serve())
        await rig.ask("fault", name="mute")
        with pytest.raises(DriverError) as caught:
            await serving
        assert caught.value.code == "driver.peer_silent"
        await printer.driver.close()
