"""How times and rows travel between the tables and the model."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, overload

from sqlite_utils import Database as Database

Row = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@overload
def to_ms(when: datetime) -> int: ...
@overload
def to_ms(when: None) -> None: ...
def to_ms(when: datetime | None) -> int | None:
    """Milliseconds since the epoch of an aware instant."""
    return None if when is None else (when - EPOCH) // MILLISECOND


@overload
def from_ms(stored: int) -> datetime: ...
@overload
def from_ms(stored: None) -> None: ...
def from_ms(stored: int | None) -> datetime | None:
    """The aware UTC instant of stored milliseconds."""
    return None if stored is None else EPOCH + stored * MILLISECOND


def rows(db: Database, sql: str, params: Mapping[str, object] | None = None) -> list[Row]:
    """All rows of a query."""
    return list(db.query(sql, dict(params or {})))


def one(db: Database, sql: str, **params: object) -> Row | None:
    """The first row of a query, or None."""
    return next(iter(rows(db, sql, params)), None)


def new_id() -> str:
    """A fresh identity for a row."""
    return uuid.uuid4().hex
