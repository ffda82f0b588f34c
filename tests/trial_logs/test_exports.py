"""Every format read back by another program: units named, nothing a formula by accident."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import frictionless
import openpyxl
import pyarrow.parquet
import pytest
from sqlite_utils import Database

from tests.trial_logs.day import NOW, SECOND, planned_run
from tests.trial_logs.sheets import Sheets
from trial_logs import evidence, record, store, texts
from trial_logs.content import ReportContent, run_section
from trial_logs.context import Consumable, StopExplained
from trial_logs.digest import mark_text
from trial_logs.errors import ExtraMissing
from trial_logs.exports import parquet
from trial_logs.exports.csv_files import harmless, writers
from trial_logs.exports.folder import FORMATS, write_folder
from trial_logs.exports.tables import MACHINE_STOPS, PARTS, RUNS, STOPS, TABLES, Source, Table
from trial_logs.model import Batch, DeviceStateSeen, RunMoved, RunState
from trial_logs.protocol import StopCause
from trial_logs.report import render_report

Day = tuple[Database, list[Database], ReportContent]
JA, EN = texts.load("ja"), texts.load("en")


@pytest.fixture(scope="module")
def source(recorded: Day) -> Source:
    return Source(recorded[2], recorded[1])


@pytest.fixture(scope="module")
def files(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All formats in English."""
    folder = tmp_path_factory.mktemp("exports")
    write_folder(folder, FORMATS, source, EN)
    render_report(source.content, EN, folder / "report.pdf")
    return folder


@pytest.fixture(scope="module")
def japanese(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables and the package in Japanese."""
    folder = tmp_path_factory.mktemp("ja")
    write_folder(folder, ["package"], source, JA)
    return folder


@pytest.fixture(scope="module")
def sheets(files: Path) -> Sheets:
    return Sheets(files / "report.xlsx")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_reading_is_in_the_csv(source: Source, japanese: Path) -> None:
    path = japanese / "samples.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read(path)
    assert len(rows) == sum(len(list(record.all_readings(db))) for db in source.runs)
    first = rows[0]
    assert first["時刻"] == "2026-11-20T10:00:00.000000+09:00"
    assert datetime.fromisoformat(first["時刻"]).astimezone(UTC) == NOW
    assert (first["単位"], first["品質"], first["模擬データ"]) == ("°C", "GOOD", "はい")
    recorded = (sample for db in source.runs for sample in record.all_readings(db))
    assert [float(row["値"]) for row in rows] == [sample.value for sample in recorded]


def test_a_correction_shows_both_words_in_every_format(files: Path) -> None:
    part = read(files / "parts.csv")[2]
    assert (part["Verdict"], part["Verdict at first"]) == ("taken back", "good")
    assert part["Corrected by"] == "職員 中村"
    assert part["Time of correction"] == "2026-11-20T10:30:00.000000+09:00"
    fixed = read(files / "measurements.csv")[1]
    assert (fixed["Value"], fixed["Reason of correction"]) == ("30.09", "読み違い")
    assert fixed["Value at first"] != "30.09"
    rows = read(files / "corrections.csv")
    assert [row["Correction of"] for row in rows] == ["part count", "measurement"]
    assert rows[1]["Value before"] == fixed["Value at first"]
    tables = json.loads((files / "results.json").read_text(encoding="utf-8"))["tables"]
    assert len(tables["corrections"]["rows"]) == 2
    assert pyarrow.parquet.read_table(files / "corrections.parquet").num_rows == 2
    book = openpyxl.load_workbook(files / "report.xlsx", data_only=True)
    assert book["Corrections"].max_row == 2 + 2


def test_a_stop_and_what_was_used_up_are_tables(
    lab: Database, source: Source, tmp_path: Path
) -> None:
    header = store.run_header(store.get_trial(lab, "T20261120-01"), planned_run(lab))
    db = Database(memory=True)
    evidence.open_run(db, replace(header, machines=("cobot",)), NOW)
    seen = [
        DeviceStateSeen(NOW + n * 20 * SECOND, "cobot", "online", state, "normal", cause)
        for n, (state, cause) in enumerate([("busy", ""), ("fault", "grip"), ("busy", "")])
    ]
    told = StopExplained(NOW + 50 * SECOND, NOW + 20 * SECOND, "cobot", "slip", "滑り", "花子")
    used = Consumable(NOW, "ウエス", 2.0, "1", "花子")
    over = RunMoved(NOW + 60 * SECOND, RunState.FINISHED, "花子")
    batch = Batch(states=seen, explained=[told], consumables=[used], moves=[over])
    evidence.append_segment(db, batch, NOW)
    named = replace(source.content.protocol, stop_causes=(StopCause("slip", "すべり"),))
    content = replace(source.content, runs=(run_section(db),), protocol=named)
    write_folder(tmp_path, ["csv", "json"], Source(content, [db]), EN)
    (stop,) = read(tmp_path / "machine_stops.csv")
    assert (stop["Length (s)"], stop["Kind"], stop["Micro-stop"]) == ("20.0", "Fault stop", "yes")
    assert (stop["Reason"], stop["Note"], stop["By"]) == ("すべり", "滑り", "花子")
    assert '"slip"' in (tmp_path / "results.json").read_text(encoding="utf-8")
    (consumed,) = read(tmp_path / "consumables.csv")
    assert (consumed["Name"], consumed["Amount"]) == ("ウエス", "2.0")
    db.close()


@pytest.mark.parametrize("text", ["=1+1", "+81", "-x", "@cmd", "\tx", "\rx", "\nx", "＝1+1"])
def test_a_text_is_never_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("table", [RUNS, PARTS, STOPS, MACHINE_STOPS])
def test_a_reason_is_a_word_where_there_is_one(source: Source, table: Table) -> None:
    named = replace(source.content.protocol, stop_causes=(StopCause("missed_pick", "取り損ね"),))
    content = replace(source.content, protocol=named)
    at = [column.name for column in table.columns].index("cause")
    show = writers(table, JA, content, harmless)[at]
    assert [show(code) for code in ("missed_pick", "pressed", "judged", "grip", "=1", "")] == [
        "取り損ね", "停止指令", "良否の判定", "grip", "'=1", "",
    ]  # fmt: skip


def test_numbers_stay_numbers() -> None:
    assert harmless(-1.5) == -1.5
    assert harmless("1-2") == "1-2"


def test_every_file_says_that_it_is_simulated(files: Path) -> None:
    for path in files.glob("*.csv"):
        assert {row["Simulated data"] for row in read(path)} <= {"yes"}
    for path in files.glob("*.parquet"):
        assert pyarrow.parquet.read_schema(path).metadata[b"simulated"] == b"true"
    for name in ("results.json", "datapackage.json"):
        assert json.loads((files / name).read_text(encoding="utf-8"))["simulated"] is True
    book = openpyxl.load_workbook(files / "report.xlsx")
    assert all(sheet.cell(1, 1).value == "SIMULATED DATA" for sheet in book)


def test_the_json_is_canonical_and_whole(files: Path, source: Source) -> None:
    text = (files / "results.json").read_text(encoding="utf-8")
    trial = json.loads(text)
    dense = json.dumps(trial, ensure_ascii=False, separators=(",", ":"))
    assert text == dense + "\n"
    assert trial["mark"] == mark_text("T20261120-01", source.digest)
    assert [run["head"] for run in trial["runs"]] == [run.head for run in source.content.runs]
    for table in TABLES[:-1]:
        found = trial["tables"][table.name]
        assert [row[0] for row in found["rows"]] == [row[0] for row in table.rows(source)]
        assert len(found["columns"]) == len(table.columns)


def test_parquet_keeps_units_types_and_every_reading(files: Path, source: Source) -> None:
    found = pyarrow.parquet.read_table(files / "samples.parquet")
    recorded = [sample for db in source.runs for sample in record.all_readings(db)]
    assert found["value"].to_pylist() == [sample.value for sample in recorded]
    stamps = found["time"].cast("int64").to_pylist()
    assert stamps == [sample.t_us for sample in recorded]
    assert found.schema.field("elapsed").metadata[b"unit"] == b"s"
    assert found.schema.field("value").metadata[b"unit_in"] == b"unit"
    assert found.schema.field("run").nullable is False


def test_without_its_package_parquet_is_refused(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "is_possible", lambda: False)
    with pytest.raises(ExtraMissing) as refused:
        write_folder(tmp_path, ["parquet"], source, EN)
    assert refused.value.params == {"missing": "pyarrow", "extra": "parquet"}


def faults(package: Path) -> set[tuple[str, str]]:
    """What frictionless finds wrong with a package, as (kind, field)."""
    report = frictionless.validate(str(package / "datapackage.json"))
    return {(kind, field) for kind, field in report.flatten(["type", "fieldName"])}


def test_the_package_is_valid(japanese: Path) -> None:
    assert faults(japanese) == set()


@pytest.mark.parametrize(
    ("table", "old", "new", "fault"),
    [
        ("parts.csv", ",good,", ",fine,", ("constraint-error", "Verdict")),
        ("measurements.csv", ",30.09,", ",x,", ("type-error", "Value")),
        ("runs.csv", "T20261120-01-R1,", ",", ("constraint-error", "Run")),
        ("notes.csv", "T20261120-01-R1,", "T20261120-01-R9,", ("foreign-key", "None")),
    ],
)
def test_a_broken_value_is_found(
    files: Path, tmp_path: Path, table: str, old: str, new: str, fault: tuple[str, str]
) -> None:
    for path in files.glob("[!s]*.csv"):
        shutil.copy(path, tmp_path)
    package = json.loads((files / "datapackage.json").read_text(encoding="utf-8"))
    package["resources"] = [each for each in package["resources"] if each["path"][0] != "s"]
    for each in package["resources"]:
        del each["hash"], each["bytes"]
    (tmp_path / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    text = (files / table).read_text(encoding="utf-8-sig")
    assert old in text
    (tmp_path / table).write_text(text.replace(old, new, 1), encoding="utf-8-sig")
    kind, field = fault
    assert any(each[0] == kind and str(each[1]) == field for each in faults(tmp_path))


def test_a_changed_byte_is_found_by_the_hash(files: Path, tmp_path: Path) -> None:
    package = json.loads((files / "datapackage.json").read_text(encoding="utf-8"))
    for each in package["resources"]:
        content = (files / each["path"]).read_bytes()
        assert each["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert each["bytes"] == len(content)


def test_every_formula_comes_to_the_value_shown(sheets: Sheets) -> None:
    found = sheets.formulas()
    places = [place for place, _ in found]
    assert places.count("Summary") >= 30
    assert places.count("Indicators") >= 14
    for place, address in found:
        computed, shown = sheets.value(place, address), sheets.shown(place, address)
        if isinstance(computed, str):
            assert computed == ("" if shown is None else shown), (place, address)
        else:
            assert computed == pytest.approx(shown, rel=1e-12), (place, address)


def test_the_summary_follows_a_changed_part(files: Path, source: Source) -> None:
    sheets = Sheets(files / "report.xlsx")
    lines = {row[0].value: row[2].coordinate for row in sheets.book["Summary"].iter_rows()}
    counts = source.content.runs[0].numbers.counts
    assert sheets.value("Summary", lines["Good"]) == counts.good
    assert (
        sheets.value("Summary", lines["Energy"]) == source.content.runs[0].numbers.energy_kwh.value
    )
    heads = [cell.value for cell in sheets.book["Parts"][2]]
    sheets.book["Parts"].cell(3, heads.index("Verdict") + 1).value = "scrap"
    assert sheets.value("Summary", lines["Good"]) == counts.good - 1
    assert sheets.value("Summary", lines["Scrap"]) == counts.scrap + 1
    sheets.book["Parts"].cell(3, heads.index("Verdict") + 1).value = "taken back"
    n = sheets.value("Summary", lines["Cycle time (s)"])
    assert n == source.content.runs[0].numbers.cycle_time_s.n - 1


def test_a_formula_in_a_name_stays_text(source: Source, tmp_path: Path) -> None:
    evil = replace(source.content, party='=HYPERLINK("x")', vendor="=cmd|' /C calc'!A0")
    write_folder(tmp_path, ["xlsx"], replace(source, content=evil), JA)
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    held = [cell for cell in cells if cell.value in (evil.party, evil.vendor)]
    assert [cell.data_type for cell in held] == ["s", "s"]


def test_a_trial_without_runs_can_be_exported(source: Source, tmp_path: Path) -> None:
    empty = Source(replace(source.content, runs=()), ())
    paths = write_folder(tmp_path, FORMATS, empty, JA)
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    assert faults(tmp_path) == set()


MAKE = """
import sys
from pathlib import Path
from tests.trial_logs.day import whole_day
from trial_logs import texts
from trial_logs.exports.folder import FORMATS, write_folder
from trial_logs.exports.tables import Source
from trial_logs.report import render_report
_, runs, content = whole_day()
write_folder(Path(sys.argv[1]), FORMATS, Source(content, runs), texts.load("en"))
render_report(content, texts.load("en"), Path(sys.argv[1]) / "report.pdf")
"""


def test_another_process_in_another_place_writes_the_same_bytes(
    files: Path, tmp_path: Path
) -> None:
    place = {"PYTHONHASHSEED": "77", "TZ": "America/St_Johns", "LANG": "tr_TR.UTF-8"}
    subprocess.run(
        [sys.executable, "-c", MAKE, str(tmp_path)], env=place, check=True, cwd=Path.cwd()
    )
    assert {path.name for path in files.iterdir()} == {path.name for path in tmp_path.iterdir()}
    for path in files.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
