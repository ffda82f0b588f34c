"""Time and filament of a file, against its slicer's own word and the simulated printer's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.gcode_estimate import HOMING_S, estimate
from tests.equipment_drivers.marlin_bench import Printer
from tests.hardware_sim.rig import simulator

FOLDER = Path(__file__).parents[2] / "examples" / "gcode"
SLICED = sorted(FOLDER.glob("*.gcode"))


def said(text: str, what: str) -> float:
    found = re.search(rf"; {re.escape(what)} = ([\d.]+)", text)
    assert found
    return float(found[1])


@pytest.mark.parametrize("path", SLICED, ids=lambda path: path.stem)
def test_the_filament_is_what_the_slicer_says(path: Path) -> None:
    text = path.read_text("utf-8")
    found = estimate(text)
    assert found.filament_mm == pytest.approx(said(text, "filament used [mm]"), abs=0.01)
    assert found.filament_g == pytest.approx(said(text, "filament used [g]"), abs=0.005)


@pytest.mark.parametrize("path", SLICED, ids=lambda path: path.stem)
def test_the_time_is_a_lower_bound_of_what_the_slicer_says(path: Path) -> None:
    text = path.read_text("utf-8")
    found = re.search(r"printing time \(normal mode\) = (\d+)m (\d+)s", text)
    assert found
    slicer = int(found[1]) * 60 + int(found[2])
    assert 0.6 * slicer < estimate(text).seconds < slicer


async def test_the_time_is_what_the_simulated_printer_was_ordered_to_move(tmp_path: Path) -> None:
    """Within 3 %: it keeps its axes' highest speeds, which no file states."""
    whole = SLICED[0].read_text("utf-8").split("\n")[:1000]
    text = "\n".join(line for line in whole if not line.startswith("G28"))
    path = tmp_path / "jig.gcode"
    path.write_text(text, encoding="utf-8")
    async with simulator(tmp_path / "sim", "gcode_printer", factor=600.0) as rig:
        printer = Printer(rig.endpoint, factor=600.0)
        await printer.up()
        await printer.print_file(path)
        ordered = (await rig.ask("status"))["ordered_s"]
        await printer.driver.close()
    assert estimate(text).seconds == pytest.approx(ordered, rel=0.03)


@pytest.mark.parametrize(
    ("text", "seconds", "filament"),
    [
        ("G1 X30 F600", 3.0, 0.0),
        ("G1 X30 Y40 F600\nG1 X30 Y40", 5.0, 0.0),
        ("G91\nG1 X30 F600\nG1 X-30", 6.0, 0.0),
        ("G28\nG4 P500\nG4 S2", HOMING_S + 2.5, 0.0),
        ("M220 S200\nG1 X30 F600", 1.5, 0.0),
        ("G1 E5 F300\nG1 E3\nG1 E5\nG1 E7", 2.2, 7.0),
        ("G1 E5 F300\nG92 E0\nG1 E5", 2.0, 10.0),
        ("M83\nG1 E5 F300\nG1 E-2\nG1 E2\nG1 E1", 2.0, 6.0),
        ("G91\nG1 X1 E1 F60\nG1 X1 E1", 2.0, 2.0),
        ("M83\nM221 S50\nG1 E4 F240", 1.0, 2.0),
        ("; nothing\nM104 S200\nM117 Z1 E9", 0.0, 0.0),
    ],
)
def test_what_lines_cost(text: str, seconds: float, filament: float) -> None:
    found = estimate(text)
    assert (found.seconds, found.filament_mm) == pytest.approx((seconds, filament))


def test_thicker_and_denser_filament_is_heavier() -> None:
    text = "G1 E1000 F300"
    thin, thick = estimate(text), estimate(text, diameter_mm=2.85, density_g_cm3=1.04)
    assert thin.filament_g == pytest.approx(2.98, abs=0.01)
    assert thick.filament_g == pytest.approx(6.63, abs=0.01)


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    found = estimate(text)
    assert found.seconds >= 0
    assert found.filament_mm >= 0
