"""The databases open in Datasette with the shipped metadata and read like words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from datasette.app import Datasette

from booking import migrations as booking_tables
from lab_controller import migrations as lab_tables
from lab_controller.database import connect
from lab_controller.datasette import databases, fitted, shipped
from lab_controller.demo import books
from tests.system.rig import machikoba
from tests.system.small_lab import CONFIG
from trial_logs import evidence, store
from trial_logs import migrations as trial_tables
from trial_logs.model import (
    Batch,
    Condition,
    PartEvent,
    PartSource,
    Quality,
    Sample,
    Series,
    TrialDraft,
    Verdict,
)
from trial_logs.telemetry import Telemetry

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
SAMPLE = Sample(Series("printer1", "bed_temp", "Cel"), 1795136400_000_000, 59.5, Quality.GOOD, None)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab's data folder with something of everything in it, made by its own rooms."""
    home = tmp_path_factory.mktemp("lab")
    config = home / "lab.toml"
    config.write_text(CONFIG, encoding="utf-8")
    books.seed_people(config)
    data = home / "data"
    for folder in ("telemetry", "evidence"):
        (data / folder).mkdir()
    fill(data)
    return data


def fill(data: Path) -> None:
    lab = connect(data / "lab.db")
    for migrate in (lab_tables.migrate, booking_tables.migrate, trial_tables.lab.apply):
        migrate(lab)
    draft = TrialDraft(
        booking_id="b",
        party_id="ota",
        equipment_id="bench",
        title="治具",
        conditions=(Condition("a"),),
    )
    trial = store.create_trial(lab, "T20261120-01", draft, NOW)
    run = store.plan_run(lab, trial.id, "a", operator="大田 恵", simulated=True)
    store.start_run(lab, run.id, NOW)
    record = connect(data / "evidence" / f"{run.id}.db")
    evidence.open_run(record, store.run_header(trial, run, ()), NOW)
    part = PartEvent(NOW, Verdict.GOOD, PartSource.DEVICE, 9.25)
    evidence.append_segment(record, Batch(readings=[SAMPLE], parts=[part]), NOW)
    month = connect(data / "telemetry" / "2026-11.db")
    trial_tables.telemetry.apply(month)
    Telemetry(lambda key, create: month, lambda: ["2026-11"], lambda key: None).append([SAMPLE])
    for db in (lab, record, month):
        db.conn.commit()
        db.close()


@pytest.fixture
async def site(data_dir: Path) -> AsyncIterator[Datasette]:
    """Datasette over every file of the folder, with the metadata fitted to them."""
    files = databases(data_dir)
    site = Datasette([str(path) for path in files], metadata=fitted(files))
    await site.invoke_startup()
    yield site
    for database in site.databases.values():
        database.close()


def described() -> dict[str, dict[str, Any]]:
    """The shipped tables of each kind of file."""
    return {kind: found["tables"] for kind, found in shipped()["databases"].items()}


def kind_of(path: Path) -> str:
    return path.parent.name if path.parent.name in described() else "lab"


def tables(path: Path) -> dict[str, set[str]]:
    """Tables and views of a file with their columns."""
    db = connect(path, read_only=True)
    names = [name for name in [*db.table_names(), *db.view_names()] if "sqlite_seq" not in name]
    found = {
        name: {row[1] for row in db.execute(f"PRAGMA table_info([{name}])").fetchall()}
        for name in names
    }
    db.close()
    return found


def test_every_table_is_described_and_every_description_has_its_table(data_dir: Path) -> None:
    files = databases(data_dir)
    assert {kind_of(path) for path in files} == {"lab", "telemetry", "evidence"}
    for path in files:
        there, words = tables(path), described()[kind_of(path)]
        assert set(words) == set(there)
        for name, table in words.items():
            assert len(table["description"]) > 5
            assert not table["description"].isascii(), "Japanese first"
            told = {*table.get("columns", {}), *table.get("units", {})}
            told |= {table[key] for key in ("label_column", "sort_desc") if key in table}
            assert told <= there[name], name


async def test_one_page_of_each_database_and_of_each_table(site: Datasette, data_dir: Path) -> None:
    front = await site.client.get("/")
    assert front.status_code == 200
    assert shipped()["title"] in front.text
    for path in databases(data_dir):
        page = await site.client.get(f"/{path.stem}")
        assert page.status_code == 200
        assert shipped()["databases"][kind_of(path)]["title"] in page.text
        for name in tables(path):
            shown = await site.client.get(f"/{path.stem}/{name}")
            assert shown.status_code == 200, (path.stem, name)


async def test_a_value_is_shown_with_its_unit_and_its_label(site: Datasette) -> None:
    parts = await site.client.get("/T20261120-01-R1/part_event")
    assert "9.25&nbsp;s" in parts.text
    people = await site.client.get("/lab/booking_people")
    assert "大田ばね工業" in people.text, "a person's party is shown by its name"
    samples = await site.client.get("/2026-11/samples.json?_shape=objects")
    [row] = samples.json()["rows"]
    assert (row["signal"], row["value"], row["unit"]) == ("bed_temp", 59.5, "Cel")


def test_the_command_prints_it_for_a_folder(data_dir: Path) -> None:
    done = machikoba("metadata", "--data", str(data_dir))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["databases"]) == {"lab", "2026-11", "T20261120-01-R1"}
