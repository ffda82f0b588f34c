"""The whole day of `machikoba demo --headless`, judged by what the simulators wrote down."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.papers import pages_of
from tests.system.rig import Row, folder, lab_time, machikoba, read_truth
from tests.system.shift import READS

ROOT = Path(__file__).parents[2]
WITHIN_S = 280
REPORTS = {"fdm-bench": "", "cobot-cell": "robot-"}
PLUG = {"fdm-bench": "switch.printer1", "cobot-cell": "switch.cobot1"}
LAST_SECOND = timedelta(seconds=100)
"""One real second at the demo's speed: what the robot did not get to tell before its power went."""

METER_INTERVAL = timedelta(seconds=20)
"""Twice the ten lab seconds between two looks at a plug's meter, at the demo's speed."""

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Day:
    """What the demo left behind."""

    home: Path
    exit_code: int
    said: str

    @cached_property
    def summary(self) -> Row:
        found: Row = json.loads((self.home / "summary.json").read_text(encoding="utf-8"))
        return found

    @property
    def runs(self) -> list[tuple[str, Row]]:
        """Every run with its equipment."""
        return [
            (trial["equipment"], run) for trial in self.summary["trials"] for run in trial["runs"]
        ]

    def truth(self, sim: str, what: str = "") -> list[Row]:
        return read_truth(self.home, sim, what)

    @cached_property
    def printed(self) -> list[Row]:
        """The numbered lines the printer executed, in order."""
        return [row for row in self.truth("printer1", "executed") if row["numbered"]]

    @cached_property
    def jobs(self) -> list[list[str]]:
        """The lines of each print, in the order the prints were done."""
        logs = sorted(
            (self.home / "data" / "job_logs").iterdir(), key=lambda log: log.stat().st_mtime
        )
        return [[line for line in log.read_text().splitlines() if line] for log in logs]

    @cached_property
    def prints(self) -> list[list[Row]]:
        """Each print as the printer executed it: from its first line to its last."""
        ends = [n for n, row in enumerate(self.printed) if row["text"] == "M400"]
        assert len(ends) == len(self.jobs)
        return [
            self.printed[end - len(job) : end] for end, job in zip(ends, self.jobs, strict=True)
        ]

    def parts(self, equipment: str, run: Row) -> list[dict[str, str]]:
        """The rows of a run in the report's parts.csv, by position: its headings are Japanese."""
        path = self.home / f"{REPORTS[equipment]}parts.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = ("run", "simulated", "no", "at", "verdict", "cycle_s")
            rows = [dict(zip(names, row, strict=False)) for row in csv.reader(file)]
        return [row for row in rows if row["run"] == run["id"]]

    def sample_s(self, run: Row) -> float:
        """The longest wait between two of the printer's temperature reports, lab seconds."""
        path = self.home / "data" / "evidence" / f"{run['id']}.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            stamps = db.execute(
                "SELECT t_us FROM reading JOIN series ON series.id = reading.series"
                " WHERE device = 'printer1' AND signal = 'hotend_temp' ORDER BY t_us"
            ).fetchall()
        return max(after - before for (before,), (after,) in pairwise(stamps)) / 1e6

    @property
    def power_off(self) -> datetime:
        """When the stop took the robot's power."""
        return next(lab_time(row) for row in self.truth("cobot1", "power") if not row["on"])

    def energy(self, plug: str, moment: datetime) -> float:
        """What the plug's own meter had counted at a moment, kWh, between two of its records."""
        rows = self.meters[plug]
        after = bisect_left(rows, moment, key=lab_time)
        before, next_ = rows[after - 1], rows[min(after, len(rows) - 1)]
        span = (lab_time(next_) - lab_time(before)).total_seconds()
        share = (moment - lab_time(before)).total_seconds() / span if span else 0.0
        return float(before["energy_kwh"] + share * (next_["energy_kwh"] - before["energy_kwh"]))

    @cached_property
    def meters(self) -> dict[str, list[Row]]:
        """The records of each plug's energy, in order."""
        rows = [row for row in self.truth("hub1") if row["what"] in ("meter", "plug")]
        return {plug: [row for row in rows if row["entity"] == plug] for plug in PLUG.values()}


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    """The demo, played once for the module."""
    with folder() as home:
        out = home / "out"
        command = [str(Path(sys.executable).parent / "machikoba"), "demo", "--headless"]
        done = subprocess.run(
            [*command, "--out", str(out)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
        yield Day(out, done.returncode, done.stdout + done.stderr)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- what is left behind ------------------------------------------------------------------------


def test_every_step_held(day: Day) -> None:
    assert day.exit_code == 0, day.said
    assert day.summary["ok"] is True
    assert len(day.summary["steps"]) >= 20
    for step in day.summary["steps"]:
        assert step["ok"] is True, step
        assert isinstance(step["name"], str)
        assert step["seconds"] >= 0


def test_the_summary_has_its_documented_shape(day: Day) -> None:
    assert [trial["equipment"] for trial in day.summary["trials"]] == ["fdm-bench", "cobot-cell"]
    for trial in day.summary["trials"]:
        assert trial["id"].startswith("T")
        assert len(trial["runs"]) == 2
        assert {"n", "mean", "median", "p95"} == set(trial["cycle_time_s"])
        assert trial["parts_good"] + trial["parts_scrap"] > 0
        assert trial["energy_kwh_per_part"] > 0
        assert 0 < trial["yield"] <= 1
    assert set(day.summary["gcode"]) == {"lines_sent", "lines_executed"}


def test_the_files_are_there(day: Day) -> None:
    for name in ("report.pdf", "report.xlsx", "samples.csv", "parts.csv"):
        for prefix in REPORTS.values():
            size = (day.home / f"{prefix}{name}").stat().st_size
            assert day.summary["files"][f"{prefix}{name}"] == size > 200
    assert sorted(path.stem for path in (day.home / "truth").iterdir()) == [
        "cobot1",
        "hub1",
        "printer1",
    ]
    assert (day.home / "data" / "lab.db").exists()


def test_the_evidence_verifies(day: Day) -> None:
    for trial in day.summary["trials"]:
        data = str(day.home / "data")
        done = machikoba("verify", trial["id"], "--data", data, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {run["id"]: [] for run in trial["runs"]}


# -- every line once and in order ---------------------------------------------------------------


def test_each_print_is_its_job_line_by_line(day: Day) -> None:
    assert len(day.jobs) == 4
    for job, done in zip(day.jobs, day.prints, strict=True):
        assert [row["text"] for row in done] == job
        numbers = [row["n"] for row in done]
        assert numbers == list(range(numbers[0], numbers[0] + len(job)))


def test_nothing_else_was_printed(day: Day) -> None:
    """All numbered lines outside the prints are the driver's own reading and cooling."""
    inside = {id(row) for done in day.prints for row in done}
    others = {row["text"] for row in day.printed if id(row) not in inside}
    read = {text for text in others if text.split()[0] in READS}
    assert others - read <= {"M400", "M104 S0", "M140 S0", "M107"}


def test_nothing_was_executed_without_a_number(day: Day) -> None:
    assert [row["text"] for row in day.truth("printer1", "executed") if not row["numbered"]] == []


def test_the_summary_counts_the_lines(day: Day) -> None:
    lines = sum(len(job) for job in day.jobs)
    assert day.summary["gcode"] == {"lines_sent": lines, "lines_executed": lines}


# -- the report's numbers are the truth ---------------------------------------------------------


def test_the_printer_made_as_many_parts_as_were_judged(day: Day) -> None:
    runs = [run for equipment, run in day.runs if equipment == "fdm-bench"]
    for run in runs:
        begin, end = moment(run["started"]), moment(run["ended"])
        made = [done for done in day.prints if begin < lab_time(done[0]) < end]
        assert run["parts_good"] + run["parts_scrap"] == run["cycle_time_s"]["n"] == len(made)
    assert [(run["parts_good"], run["parts_scrap"]) for run in runs] == [(2, 0), (1, 1)]


def test_the_printers_cycle_times_are_within_one_sample(day: Day) -> None:
    """A sample is one temperature report of the printer, the longest wait for one in that run."""
    prints = iter(day.prints)
    for equipment, run in day.runs:
        if equipment == "fdm-bench":
            for part in day.parts(equipment, run):
                done = next(prints)
                took = (lab_time(done[-1]) - lab_time(done[0])).total_seconds()
                assert float(part["cycle_s"]) == pytest.approx(took, abs=day.sample_s(run))


def test_the_robots_parts_and_cycle_times_are_its_own(day: Day) -> None:
    """The robot counts and times each cycle itself, so the report has exactly its values."""
    for equipment, run in day.runs:
        if equipment != "cobot-cell":
            continue
        made = [
            row
            for row in day.truth("cobot1", "part")
            if moment(run["started"]) < lab_time(row) <= moment(run["ended"])
        ]
        told = day.parts(equipment, run)
        if run["state"] != "finished":
            untold = made[len(told) :]
            assert all(day.power_off - lab_time(row) < LAST_SECOND for row in untold)
            made = made[: len(told)]
        verdicts, cycles = [row["verdict"] for row in made], [row["cycle_time_s"] for row in made]
        assert [float(part["cycle_s"]) for part in told] == cycles
        assert run["parts_good"] == verdicts.count("good")
        assert run["parts_scrap"] == verdicts.count("scrap")
        assert run["cycle_time_s"]["n"] == len(made)
        assert run["cycle_time_s"]["mean"] == pytest.approx(sum(cycles) / len(cycles))
        assert run["yield"] == pytest.approx(verdicts.count("good") / len(made))


def test_the_energy_is_the_meters_difference(day: Day) -> None:
    """Within 2 %; a run cut short by a stop is so short that a meter's interval shows."""
    for equipment, run in day.runs:
        begin, end = moment(run["started"]), moment(run["ended"])
        plug = PLUG[equipment]
        used = day.energy(plug, end) - day.energy(plug, begin)
        allowed = 0.02 * used
        if run["state"] != "finished":
            edge = day.energy(plug, begin + METER_INTERVAL) - day.energy(plug, begin)
            allowed += edge
        assert run["energy_kwh"] == pytest.approx(used, abs=allowed), run["id"]
        parts = run["parts_good"] + run["parts_scrap"]
        assert run["energy_kwh_per_part"] == pytest.approx(run["energy_kwh"] / parts)


def test_the_workbook_and_the_paper_say_the_same(day: Day) -> None:
    for trial in day.summary["trials"]:
        prefix = REPORTS[trial["equipment"]]
        book = openpyxl.load_workbook(day.home / f"{prefix}report.xlsx", data_only=True)
        cells = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        for column, run in enumerate(trial["runs"]):
            assert row_with(cells, run["energy_kwh"], column)
            assert row_with(cells, run["cycle_time_s"]["mean"], column)
            assert row_with(cells, run["parts_good"], column)
        text = "".join(pages_of(day.home / f"{prefix}report.pdf"))
        assert trial["id"] in text
        for run in trial["runs"]:
            assert f"{run['cycle_time_s']['mean']:.2f}" in text
        assert "模擬データ" in text, "simulated hardware is said on the paper"


def row_with(cells: list[list[Any]], value: float, column: int) -> bool:
    """Whether some row of the workbook's first sheet has this number for this run."""
    return any(
        isinstance(row[2 + column], int | float)
        and row[2 + column] == pytest.approx(value, rel=1e-9)
        for row in cells
    )


def test_the_stop_was_a_stop(day: Day) -> None:
    stop = day.summary["stop"]
    assert stop["latch"]["latched"] is True
    assert {one["device"] for one in stop["devices"]} == {
        "printer1",
        "cobot1",
        "plug_printer",
        "plug_cobot",
    }
    assert "FAILED" not in {one["outcome"] for one in stop["devices"]}
    assert stop["notice"]
    states = [run["state"] for _, run in day.runs]
    assert states == ["finished", "finished", "finished", "aborted"]
