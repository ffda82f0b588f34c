"""CSV and XLSX read back by other programs: units named, nothing runs as a formula."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from sqlite_utils import Database

from tests.trial_logs.day import NOW
from trial_logs import record, texts
from trial_logs.content import ReportContent
from trial_logs.export import harmless, write_parts_csv, write_samples_csv
from trial_logs.workbook import write_workbook

Day = tuple[Database, list[Database], ReportContent]
JA, EN = texts.load("ja"), texts.load("en")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_reading_is_in_the_csv(recorded: Day, tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    count = write_samples_csv(path, recorded[1], JA, "Asia/Tokyo")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read(path)
    assert len(rows) == count == sum(len(list(record.all_readings(db))) for db in recorded[1])
    first = rows[0]
    assert first["時刻"] == "2026-11-20T10:00:00.000000+09:00"
    assert datetime.fromisoformat(first["時刻"]).astimezone(UTC) == NOW
    assert (first["単位"], first["品質"], first["模擬データ"]) == ("°C", "GOOD", "はい")
    assert float(first["値"]) == next(record.all_readings(recorded[1][0])).value


def test_every_part_is_in_the_csv_with_its_correction(recorded: Day, tmp_path: Path) -> None:
    path = tmp_path / "parts.csv"
    count = write_parts_csv(path, recorded[1], EN, "Asia/Tokyo")
    rows = read(path)
    assert len(rows) == count == 48
    assert rows[2]["Verdict"] == "taken back"
    assert rows[2]["Corrected by"] == "職員 中村"
    assert rows[5]["Verdict"] == "scrap"
    assert "Cycle time (s)" in rows[0]


@pytest.mark.parametrize("text", ["=1+1", "+81", "-x", "@cmd", "\tx", "\rx"])
def test_a_text_is_never_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_numbers_stay_numbers() -> None:
    assert harmless(-1.5) == -1.5
    assert harmless("1-2") == "1-2"


def test_the_workbook_holds_the_numbers_of_the_report(recorded: Day, tmp_path: Path) -> None:
    content = recorded[2]
    write_workbook(tmp_path / "report.xlsx", content, EN)
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert book.sheetnames == ["Summary", "Parts", "Measurements", "Readings overview", "Units"]
    assert all(sheet.cell(1, 1).value == "SIMULATED DATA" for sheet in book)
    summary = {row[0]: row[1:] for row in book["Summary"].iter_rows(values_only=True)}
    first = content.runs[0].numbers
    assert summary["Made"][1] == first.counts.produced
    assert summary["Mean"][1] == first.cycle_time_s.mean.value
    assert summary["Energy"][:2] == ("kWh", first.energy_kwh.value)
    assert book["Parts"].max_row == 2 + 48
    assert book["Measurements"].max_row == 2 + 12
    units = {row[0]: row[1] for row in book["Units"].iter_rows(values_only=True)}
    assert units["Cel"] == "°C"


def test_a_formula_in_a_name_stays_text(recorded: Day, tmp_path: Path) -> None:
    evil = replace(recorded[2], party='=HYPERLINK("x")', vendor="=cmd|' /C calc'!A0")
    write_workbook(tmp_path / "report.xlsx", evil, JA)
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert '=HYPERLINK("x")' in [cell.value for cell in cells]


def test_the_same_content_gives_the_same_bytes(recorded: Day, tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tmp_path / name, recorded[2], JA)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_trial_without_runs_can_be_exported(recorded: Day, tmp_path: Path) -> None:
    write_workbook(tmp_path / "empty.xlsx", replace(recorded[2], runs=()), JA)
    assert write_samples_csv(tmp_path / "empty.csv", [], JA, "Asia/Tokyo") == 0
