"""A furnished booking database in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlite_utils import Database

from booking.migrations import migrate
from tests.booking.samples import furnish


@pytest.fixture
def empty() -> Iterator[Database]:
    database = Database(memory=True)
    database.execute("PRAGMA foreign_keys = ON")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def db(empty: Database) -> Database:
    furnish(empty)
    return empty
