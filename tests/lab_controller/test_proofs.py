"""What the lab keeps and what it gave away can be proved from its files alone."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pyarrow.parquet
import pypdf
import pytest
import typst
from click.testing import CliRunner, Result

from lab_controller.cli.main import main
from lab_controller.database import connect
from lab_controller.services import results
from lab_controller.services.reports import Order, evidence_of, taken_of, write_files
from lab_controller.spoken_of import FolderTaken, keep_others, trial_in
from tests.lab_controller.hand_clock import HandClock
from tests.trial_logs.day import DRAFT, NOW, recorded_run
from trial_logs import evidence, migrations, store
from trial_logs.chain import last_segment
from trial_logs.digest import mark_text
from trial_logs.model import Batch, Correction, Verdict
from trial_logs.stores.reports import take_report
from trial_logs.summary import numbers_json, summarise

OK, REFUSED = 0, 1
TRIAL, RUN = "T20261120-01", "T20261120-01-R1"
FORMATS = ("pdf", "xlsx", "csv", "json", "package", "parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a lab with two runs and a report, as it lies there when all is off."""
    data = tmp_path_factory.mktemp("proofs") / "data"
    (data / "evidence").mkdir(parents=True)
    with closing(connect(data / "lab.db")) as lab:
        migrations.lab.apply(lab)
        store.create_trial(lab, TRIAL, DRAFT, NOW - timedelta(days=3))
        for number in (1, 2):
            start = NOW + timedelta(minutes=10 * number)
            run = recorded_run(lab, number, start, parts=6, minutes=3)
            with closing(connect(evidence_of(data, f"{TRIAL}-R{number}"))) as kept:
                kept.execute("PRAGMA journal_mode = DELETE").fetchall()
                run.conn.backup(kept.conn)
            run.close()
            take_head(lab, data, f"{TRIAL}-R{number}")
        order = Order(
            store.get_trial(lab, TRIAL),
            tuple(evidence_of(data, f"{TRIAL}-R{number}") for number in (1, 2)),
            {
                "lab_name": "試験ラボ",
                "party": "さくら",
                "equipment": "FDM",
                "vendor": "",
                "operator": "",
            },
            {"printer-1": "1号機"},
            "Asia/Tokyo",
            "en",
            data / "reports",
            FORMATS,
        )
        take_report(lab, taken_of(order, write_files(order), "report", HandClock(NOW)))
    return data


def take_head(lab: sqlite3.Connection, data: Path, run: str) -> None:
    """What the controller does when a run is over, and after each correction."""
    with closing(connect(evidence_of(data, run), read_only=True)) as db:
        end = last_segment(db)
        assert end is not None
        numbers = numbers_json(summarise(db))
    store.close_run_evidence(lab, run, head=end.head, segments=end.n, numbers=numbers, now=NOW)


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A copy to be tampered with."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def machikoba(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def verified(data: Path, what: object, *more: object) -> dict[str, list[dict[str, object]]]:
    done = machikoba("verify", what, "--data", data, "--json", *more)
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    assert done.exit_code == (REFUSED if any(found.values()) else OK)
    return found


def first(found: dict[str, list[dict[str, object]]], name: str) -> tuple[object, dict[str, str]]:
    told = found[name][0]
    return told["code"], dict(told["params"])  # type: ignore[call-overload]


def mark_of(data: Path) -> str:
    """The code printed on the report."""
    return str(json.loads((data / "reports" / "results.json").read_text("utf-8"))["mark"])


def change(data: Path, sql: str, run: str = RUN) -> None:
    """Change a run's record behind the lab's back."""
    with closing(connect(evidence_of(data, run))) as db:
        db.execute(sql)
        db.conn.commit()
        db.execute("PRAGMA journal_mode = DELETE").fetchall()


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_that_is_whole_is_proved_and_nothing_is_written(data: Path) -> None:
    before = bytes_of(data)
    runs = {RUN: [], f"{TRIAL}-R2": []}
    assert verified(data, TRIAL) == runs
    assert verified(data, RUN) == {RUN: []}
    assert verified(data, mark_of(data)) == runs
    files = {path.name for path in (data / "reports").iterdir()}
    assert {"report.pdf", "report.xlsx", "samples.parquet", "datapackage.json"} < files
    found = verified(data, data / "reports")
    assert found == {**runs, **{name: [] for name in files}}
    done = machikoba("verify", data / "reports" / "report.pdf", "--data", data, "--lang", "en")
    assert (done.exit_code, "report.pdf" in done.stdout) == (OK, True)
    assert before.items() <= bytes_of(data).items()


def test_a_changed_digit_in_the_record_is_told_wherever_one_asks(data: Path) -> None:
    copy = shutil.copy(evidence_of(data, RUN), data / "backup.db")
    change(data, "UPDATE measurement SET value = value + 0.01 WHERE id = 2")
    for what in (TRIAL, RUN, mark_of(data), data / "reports" / "parts.csv"):
        code, params = first(verified(data, what), RUN)
        assert code == "evidence.rows_changed"
        assert "measurement 1–6" in params["rows"]
    code, params = first(verified(data, RUN, "--against", copy), RUN)
    assert code == "evidence.cell_changed"
    assert (params["table"], params["row"], params["column"]) == ("measurement", "2", "value")
    assert float(params["found"]) == pytest.approx(float(params["recorded"]) + 0.01)
    done = machikoba("verify", RUN, "--data", data, "--lang", "en", "--against", copy)
    assert "row 2, column value" in done.stderr


def test_a_plan_rewritten_behind_the_labs_back_is_told(data: Path) -> None:
    with closing(connect(data / "lab.db")) as lab:
        lab.execute("DROP TRIGGER trial_plan_version_stays")
        lab.execute("UPDATE trial_plan_version SET plan = replace(plan, '0.28', '0.29')")
        lab.conn.commit()
    assert first(verified(data, RUN), RUN)[0] == "evidence.plan_missing"


def test_a_plan_changed_without_an_amendment_is_told(data: Path) -> None:
    with closing(connect(data / "lab.db")) as lab:
        lab.execute("UPDATE trial_trial SET question = 'Is it cheap?'")
        lab.conn.commit()
    code, params = first(verified(data, RUN), RUN)
    assert (code, params["key"]) == ("evidence.plan_differs", "question")


def test_numbers_are_computed_again_to_the_byte(data: Path) -> None:
    done = machikoba("trial", "recompute", TRIAL, "--data", data, "--lang", "en")
    assert (done.exit_code, done.stdout.count("to the byte")) == (OK, 2)
    change(data, "UPDATE part_event SET cycle_time_s = 99.5 WHERE id = 1")
    done = machikoba("trial", "recompute", RUN, "--data", data, "--json")
    code, params = first(json.loads(done.stdout), RUN)
    assert (done.exit_code, code) == (REFUSED, "evidence.number_changed")
    assert params["where"] == "cycle_time_s.mean.value"
    assert params["recorded"] != params["found"]


def test_numbers_of_an_earlier_release_are_the_same_where_they_were_known(data: Path) -> None:
    with closing(connect(data / "lab.db")) as lab:
        (text,) = lab.execute(
            "SELECT numbers FROM trial_run_head WHERE run_id = ?", [RUN]
        ).fetchone()
        older = json.loads(text)
        del older["format"], older["times"], older["limits"][0]["limit"]["low"]
        lab.execute("UPDATE trial_run_head SET numbers = ?", [json.dumps(older)])
        lab.conn.commit()
    done = machikoba("trial", "recompute", RUN, "--data", data, "--lang", "en")
    assert (done.exit_code, "All the numbers it knew" in done.stdout) == (OK, True)
    assert "to the byte" not in done.stdout
    change(data, "UPDATE part_event SET verdict = 'scrap' WHERE id = 1")
    assert machikoba("trial", "recompute", RUN, "--data", data).exit_code == REFUSED


def tampered(data: Path, name: str) -> Path:
    """A report's file with one thing changed in it."""
    path = data / "reports" / name
    content = path.read_bytes()
    if path.suffix == ".xlsx":
        members = {}
        with ZipFile(path) as book:
            members = {each: book.read(each) for each in book.infolist()}
        with ZipFile(path, "w") as book:
            for each, part in members.items():
                if each.filename.endswith("sheet3.xml"):
                    part = re.sub(rb"(<v>\d+)\.\d+(</v>)", rb"\1.125\2", part, count=1)
                book.writestr(each, part)
        return path
    old, new = {
        ".csv": (b",good,", b",scrap,"),
        ".json": (b'"good":5', b'"good":6'),
        ".pdf": (b"startxref", b"startxxxx"),
    }[path.suffix]
    assert old in content or path.suffix == ".json"
    if old not in content:
        old, new = b'"produced":', b'"produced":1'
    path.write_bytes(content.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("parts.csv", r"\d+: Verdict"),
        ("results.json", r"runs\[\d\]\.numbers\..*"),
        ("report.xlsx", r"Parts!\w+"),
        ("report.pdf", r"\d+"),
    ],
)
def test_a_changed_file_is_told_with_its_place(data: Path, name: str, where: str) -> None:
    renamed = data / f"client-{name}"
    tampered(data, name).replace(renamed)
    code, params = first(verified(data, renamed), renamed.name)
    assert code == ("report.changed_byte" if where == r"\d+" else "report.changed")
    assert params["trial"] == TRIAL
    assert re.fullmatch(where, params["where"])
    assert params["recorded"] != params["found"] or where == r"\d+"


def test_a_page_that_reads_otherwise_and_a_cell_of_parquet_are_named(data: Path) -> None:
    report, parts = data / "reports" / "report.pdf", data / "reports" / "parts.parquet"
    more = typst.Compiler(b"9.99 good", font_paths=typst.Fonts(False, True, [])).compile()
    book = pypdf.PdfWriter(clone_from=report)
    book.pages[-1].merge_page(pypdf.PdfReader(io.BytesIO(more)).pages[0])  # type: ignore[arg-type]
    book.write(report)
    last = len(book.pages)
    table = pyarrow.parquet.read_table(parts)
    rows = table.to_pylist()
    rows[3]["verdict"] = "rework"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=table.schema), parts)
    for path, where in ((report, f"p. {last}"), (parts, "4: verdict")):
        code, params = first(verified(data, path), path.name)
        assert (code, params["where"]) == ("report.changed", where)
        assert params["recorded"] != params["found"]
    assert params["found"] == "rework"


def test_an_archive_of_the_data_is_proved_file_by_file(data: Path) -> None:
    reports, runs = data / "reports", {RUN: [], f"{TRIAL}-R2": []}
    archive = results.zipped(reports / "datapackage.json")
    with ZipFile(archive) as packed:
        names = [f"data.zip/{name}" for name in packed.namelist()]
    assert {"data.zip/datapackage.json", "data.zip/parts.csv"} < set(names)
    whole = {"data.zip": [], **{name: [] for name in names}, **runs}
    assert verified(data, archive) == whole
    tampered(data, "parts.csv")
    with ZipFile(archive.rename(data / "sent.zip"), "a") as packed:
        packed.writestr("notes.txt", "of somebody else")
    found = verified(data, results.zipped(reports / "datapackage.json"))
    assert [name for name, told in found.items() if told] == ["data.zip", "data.zip/parts.csv"]
    assert first(found, "data.zip/parts.csv")[1]["where"] == "2: Verdict"
    code, params = first(verified(data, data / "sent.zip"), "sent.zip")
    assert (code, params["name"]) == ("report.member_foreign", "notes.txt")
    content = bytearray((data / "sent.zip").read_bytes())
    content[content.index(b"runs.csv") + 40] ^= 1
    (data / "sent.zip").write_bytes(content)
    code, params = first(verified(data, data / "sent.zip"), "sent.zip")
    assert (code, params["name"]) == ("report.member_broken", "runs.csv")
    listed = content.index(b"PK\x01\x02")
    for at, value, told in (
        (listed + 8, 1, "report.member_broken"),  # locked
        (listed + 10, 99, "report.member_broken"),  # packed in a way nobody knows
        (listed, 0, "report.not_made_here"),
    ):
        damaged = content[:at] + bytes([value]) + content[at + 1 :]
        (data / "sent.zip").write_bytes(damaged)
        assert first(verified(data, data / "sent.zip"), "sent.zip")[0] == told


def test_an_export_nobody_took_note_of_is_proved_by_making_it_again(data: Path) -> None:
    with closing(connect(data / "lab.db")) as lab:
        lab.execute("DELETE FROM trial_report_file WHERE name IN ('parts.csv', 'parts.parquet')")
        lab.conn.commit()
        lab.execute("PRAGMA journal_mode = DELETE").fetchall()
    runs = {RUN: [], f"{TRIAL}-R2": []}
    for name in ("parts.csv", "parts.parquet"):
        assert verified(data, data / "reports" / name) == {name: [], **runs}
    code, params = first(verified(data, tampered(data, "parts.csv")), "parts.csv")
    assert (code, params["where"]) == ("report.differs_now", "2: Verdict")


def test_a_report_from_before_a_correction_stays_provable(data: Path) -> None:
    mark = mark_of(data)
    fix = Correction(NOW, "part_event", 1, "花子", "傷を見落とした", Verdict.SCRAP)
    with closing(connect(evidence_of(data, RUN))) as db:
        evidence.append_segment(db, Batch(corrections=[fix]), NOW)
        db.execute("PRAGMA journal_mode = DELETE").fetchall()
    with closing(connect(data / "lab.db")) as lab:
        take_head(lab, data, RUN)
    assert verified(data, mark)[TRIAL] == []
    assert not any(verified(data, data / "reports" / "report.pdf").values())
    code, params = first(verified(data, tampered(data, "parts.csv")), "parts.csv")
    assert (code, params["where"]) == ("report.changed", "2: Verdict")
    assert machikoba("trial", "recompute", TRIAL, "--data", data).exit_code == OK


def test_books_of_the_first_release_are_read_and_left_as_they_are(data: Path) -> None:
    old = data / "old.db"
    with closing(connect(old)) as lab:
        migrations.lab.apply(lab, stop_before="m002_protocols")
        lab.execute("ATTACH ? AS kept", [str(data / "lab.db")])
        for table in (
            "trial_trial",
            "trial_limit",
            "trial_condition",
            "trial_run",
            "trial_run_head",
        ):
            names = ", ".join(lab.table(table).columns_dict)
            lab.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM kept.{table}")  # noqa: S608
        lab.conn.commit()
    with closing(connect(old)) as lab:
        lab.execute("PRAGMA journal_mode = DELETE").fetchall()
    old.replace(data / "lab.db")
    before = bytes_of(data)
    assert verified(data, TRIAL) == {RUN: [], f"{TRIAL}-R2": []}
    assert machikoba("trial", "recompute", TRIAL, "--data", data).exit_code == OK
    report = data / "reports" / "report.pdf"
    assert first(verified(data, report), report.name)[0] == "report.not_made_here"
    assert before.items() <= bytes_of(data).items()


def test_no_report_is_written_over_another_trials(data: Path) -> None:
    reports, other = data / "reports", "T20261120-02"
    before = bytes_of(data)
    for name in (path.name for path in reports.iterdir()):
        keep_others(reports, [name, "none.pdf"], TRIAL)
        said = trial_in(reports / name)
        assert said in (TRIAL, "")
        if said:
            with pytest.raises(FolderTaken):
                keep_others(reports, ["none.pdf", name], other)
    assert {trial_in(reports / f"report.{kind}") for kind in ("pdf", "xlsx")} == {TRIAL}
    done = machikoba("report", other, "--out", reports, "--data", data)
    assert (done.exit_code, TRIAL in done.stderr, "--out" in done.stderr) == (REFUSED, True, True)
    assert before.items() <= bytes_of(data).items()


def test_what_was_not_made_here_is_said(data: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "report.pdf"
    stranger.write_bytes(b"%PDF-1.7 of somebody else")
    assert first(verified(data, stranger), "report.pdf")[0] == "report.not_made_here"
    forged = mark_text(TRIAL, "0" * 64)
    assert first(verified(data, forged), TRIAL)[0] == "report.digest_unknown"
    for what in ("T20991231-01", f"{TRIAL}-R9"):
        done = machikoba("verify", what, "--data", data, "--lang", "en")
        assert (done.exit_code, what in done.stderr) == (REFUSED, True)
    done = machikoba("verify", "nofile.pdf", "--data", data, "--lang", "en")
    assert (done.exit_code, "neither a file here nor" in done.stderr) == (REFUSED, True)
    done = machikoba("verify", RUN, "--data", data, "--against", data / "lab.db")
    assert done.exit_code == REFUSED
    (tmp_path / "empty").mkdir()
    done = machikoba("verify", tmp_path / "empty", "--data", data, "--lang", "en")
    assert (done.exit_code, "No file lies in" in done.stderr) == (REFUSED, True)
