"""One lab database with a trial, and one recorded day shared by the tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlite_utils import Database

from tests.trial_logs import day
from trial_logs.content import ReportContent


@pytest.fixture
def lab() -> Iterator[Database]:
    db = day.lab_with_trial()
    yield db
    db.close()


@pytest.fixture(scope="session")
def recorded() -> Iterator[tuple[Database, list[Database], ReportContent]]:
    lab_db, evidences, content = day.whole_day()
    yield lab_db, evidences, content
    for db in (lab_db, *evidences):
        db.close()


@pytest.fixture
def run_db(lab: Database) -> Iterator[Database]:
    db = day.recorded_run(lab, 1, day.NOW, parts=6, minutes=3)
    yield db
    db.close()
