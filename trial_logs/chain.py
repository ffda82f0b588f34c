"""The hash chain over the rows of one run's evidence (`proof` checks it).

A segment's `sha256` is taken over its rows as stored: for each table in `TABLES` order that has
new rows, the line `table`, then one line per row by id, the JSON array of its columns (UTF-8, no
spaces, floats in shortest form). `head` = sha256 of the JSON array
[n, at_us, ranges, sha256, previous head]; the first `previous` is empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

TABLES: dict[str, tuple[str, ...]] = {
    "header": ("id", "name", "value"),
    "run_event": ("id", "t_us", "state", "by", "cause"),
    "series": ("id", "device", "signal", "unit"),
    "reading": ("id", "series", "t_us", "value", "quality", "source_us"),
    "part_event": ("id", "t_us", "verdict", "source", "cycle_time_s", "cause", "by"),
    "measurement": (
        "id", "t_us", "characteristic", "value", "unit", "gauge", "by", "part_no",
    ),
    "note": ("id", "t_us", "text", "by"),
    "device_state": ("id", "t_us", "device", "link", "operation", "safety", "cause"),
    "gap": ("id", "t_us", "device", "opened", "cause"),
    "correction": ("id", "t_us", "about", "row", "by", "why", "verdict", "value"),
    "mode": ("id", "t_us", "mode", "by"),
    "stop_cause": ("id", "t_us", "stop_us", "device", "cause", "text", "by"),
    "consumable": ("id", "t_us", "name", "amount", "unit", "by", "why"),
    "order_edge": ("id", "t_us", "in_force", "booking"),
    "serial": ("id", "t_us", "part_no", "serial", "by"),
    "rollup": (
        "id", "series", "period_us", "t_us", "minimum", "maximum", "total", "count", "worst",
    ),
}  # fmt: skip
ROWS_AT_ONCE = 500
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
Ranges = dict[str, tuple[int, int]]
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Segment:
    """The end of a chain: its number (1, 2, …), its head, and the row ids it added per table."""

    n: int
    head: str
    ranges: Ranges


def last_segment(db: Database) -> Segment | None:
    """The end of the chain, None in a file that holds no run."""
    if not db.table("segment").exists():
        return None
    row = db.execute("SELECT n, head, ranges FROM segment ORDER BY n DESC LIMIT 1").fetchone()
    return row and Segment(row[0], row[1], read_ranges(row[2]))


def extend(db: Database, rows: Rows, at_us: int) -> Segment:
    """Store rows (columns without the id) and the link over them in one transaction.

    Without any row nothing is stored and the last segment is returned.
    """
    last = last_segment(db)
    with db.atomic():
        ranges = {name: _insert(db, name, new) for name, new in rows.items() if new}
        if not ranges and last is not None:
            return last
        n, previous = (last.n + 1, last.head) if last else (1, "")
        # read back rather than hashed on the way in: the chain then covers what is stored
        body = (n, at_us, canonical(ranges), rows_digest(db, ranges), previous)
        head = link(body)
        db.execute("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)", [*body, head])
    return Segment(n, head, ranges)


def canonical(value: object) -> str:
    """The one JSON text of a value that the chain hashes."""
    return _JSON.encode(value)


def lines(rows: Sequence[Sequence[object]]) -> str:
    """The canonical text of each row on a line of its own; there must be one.

    Rows of numbers are written in one go, which takes a third of the time: without a quotation
    mark there is no text in them, so `],[` stands only where a row ends.
    """
    text = canonical(rows)
    if '"' in text:
        return "".join(f"{canonical(row)}\n" for row in rows)
    return text[1:-1].replace("],[", "]\n[") + "\n"


def _insert(db: Database, table: str, rows: Sequence[tuple[Any, ...]]) -> tuple[int, int]:
    (last,) = db.execute(f"SELECT coalesce(max(id), 0) FROM [{table}]").fetchone()  # noqa: S608
    marks = ", ".join("?" * len(TABLES[table]))
    numbered = [(last + n, *row) for n, row in enumerate(rows, 1)]
    db.conn.executemany(f"INSERT INTO [{table}] VALUES ({marks})", numbered)  # noqa: S608
    return last + 1, last + len(rows)


def rows_digest(db: Database, ranges: Ranges) -> str:
    """SHA-256 over the rows of these ranges as they stand in the file."""
    digest = hashlib.sha256()
    for table in (name for name in TABLES if name in ranges):
        digest.update(f"{table}\n".encode())
        columns = ", ".join(f"[{name}]" for name in TABLES[table])
        sql = f"SELECT {columns} FROM [{table}] WHERE id BETWEEN ? AND ? ORDER BY id"  # noqa: S608
        found = db.execute(sql, ranges[table])
        while rows := found.fetchmany(ROWS_AT_ONCE):
            digest.update(lines(rows).encode())
    return digest.hexdigest()


def link(body: Sequence[object]) -> str:
    """The head of a segment: SHA-256 over (n, at_us, ranges, sha256, previous head)."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def read_ranges(text: str) -> Ranges:
    """The ranges of a segment as stored; ValueError, TypeError or AttributeError for others."""
    ranges = json.loads(text)
    for table, (first, last) in ranges.items():
        if table not in TABLES or not 0 < int(first) <= int(last) < 2**63:
            raise ValueError(text)
    return {table: (int(first), int(last)) for table, (first, last) in ranges.items()}
