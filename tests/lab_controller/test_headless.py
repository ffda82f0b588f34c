"""What the story leaves: a folder of its own, and figures over all runs of a trial."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab_controller.demo.headless import NotOurs, clear, together
from trial_logs.model import PartEvent, PartSource, Verdict
from trial_logs.record import Part

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def part(no: int, verdict: Verdict, seconds: float | None) -> Part:
    return Part(no, PartEvent(NOW, verdict, PartSource.DEVICE, seconds), verdict, None)


def test_an_earlier_demo_is_cleared_away(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    clear(out)
    (out / "report.pdf").write_text("old")
    clear(out)
    assert [path.name for path in out.iterdir()] == [".machikoba-demo"]


def test_a_folder_with_anything_else_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(NotOurs):
        clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_the_figures_of_a_trial_are_over_all_its_runs() -> None:
    first = [part(1, Verdict.GOOD, 10.0), part(2, Verdict.SCRAP, 20.0)]
    second = [
        part(1, Verdict.GOOD, 60.0),
        part(2, Verdict.VOID, 900.0),
        part(3, Verdict.GOOD, None),
    ]
    assert together([*first, *second], 0.8) == {
        "parts_good": 3,
        "parts_scrap": 1,
        "cycle_time_s": {"n": 3, "mean": 30.0, "median": 20.0, "p95": None},
        "energy_kwh": 0.8,
        "energy_kwh_per_part": 0.2,
        "yield": 0.75,
    }
    assert together(first, None)["energy_kwh_per_part"] is None
    assert together([], 0.0)["yield"] is None
