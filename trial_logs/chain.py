"""The hash chain over the rows of one run's evidence, and the proof that nothing was changed.

A segment's `sha256` is taken over its rows as stored: for each table in `TABLES` order that has
new rows, the line `table`, then one line per row by id, the JSON array of its columns (UTF-8, no
spaces, floats in shortest form). `head` = sha256 of the JSON array
[n, at_us, ranges, sha256, previous head]; the first `previous` is empty.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
}  # fmt: skip
Ranges = dict[str, tuple[int, int]]
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Segment:
    """The end of a chain: its number (1, 2, …), its head, and the row ids it added per table."""

    n: int
    head: str
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the file is not what was recorded: a code and where."""

    code: str
    params: dict[str, str] = field(default_factory=dict)


def last_segment(db: Database) -> Segment | None:
    """The end of the chain, None in a file that holds no run."""
    if not db.table("segment").exists():
        return None
    row = db.execute("SELECT n, head, ranges FROM segment ORDER BY n DESC LIMIT 1").fetchone()
    return row and Segment(row[0], row[1], _ranges(row[2]))


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
        body = (n, at_us, canonical(ranges), _rows_digest(db, ranges), previous)
        head = _link(body)
        db.execute("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)", [*body, head])
    return Segment(n, head, ranges)


def verify(db: Database, heads: Iterable[str] = ()) -> list[Difference]:
    """Every difference between the file and its chain, and from the heads recorded elsewhere.

    Empty: nothing was changed, added, taken away or cut off since the last of `heads`.
    """
    try:
        chain, found = _walk(db)
    except sqlite3.DatabaseError as error:
        return [Difference("evidence.unreadable", {"reason": str(error)})]
    return found + list(_head_differences(chain, list(heads)))


def canonical(value: object) -> str:
    """The one JSON text of a value that the chain hashes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _insert(db: Database, table: str, rows: Sequence[tuple[Any, ...]]) -> tuple[int, int]:
    (last,) = db.execute(f"SELECT coalesce(max(id), 0) FROM [{table}]").fetchone()  # noqa: S608
    marks = ", ".join("?" * len(TABLES[table]))
    numbered = [(last + n, *row) for n, row in enumerate(rows, 1)]
    db.conn.executemany(f"INSERT INTO [{table}] VALUES ({marks})", numbered)  # noqa: S608
    return last + 1, last + len(rows)


def _rows_digest(db: Database, ranges: Ranges) -> str:
    digest = hashlib.sha256()
    for table in (name for name in TABLES if name in ranges):
        digest.update(f"{table}\n".encode())
        columns = ", ".join(f"[{name}]" for name in TABLES[table])
        sql = f"SELECT {columns} FROM [{table}] WHERE id BETWEEN ? AND ? ORDER BY id"  # noqa: S608
        for row in db.execute(sql, ranges[table]):
            digest.update(f"{canonical(row)}\n".encode())
    return digest.hexdigest()


def _link(body: Sequence[object]) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def _ranges(text: str) -> Ranges:
    ranges = json.loads(text)
    for table, (first, last) in ranges.items():
        if table not in TABLES or not 0 < int(first) <= int(last) < 2**63:
            raise ValueError(text)
    return {table: (int(first), int(last)) for table, (first, last) in ranges.items()}


def _walk(db: Database) -> tuple[list[str], list[Difference]]:
    found: list[Difference] = []
    chain = [""]
    covered = dict.fromkeys(TABLES, 0)
    links = db.execute("SELECT n, at_us, ranges, sha256, previous, head FROM segment ORDER BY n")
    for *body, head in links.fetchall():
        where = {"segment": str(body[0])}
        if body[0] != len(chain) or body[4] != chain[-1]:
            found.append(Difference("evidence.chain_broken", where))
        if _link(body) != head:
            found.append(Difference("evidence.segment_changed", where))
        found += _rows_differences(db, body[2], body[3], covered, where)
        chain.append(head)
    return chain, found + list(_unchained(db, covered))


def _rows_differences(
    db: Database, text: str, sha256: str, covered: dict[str, int], where: dict[str, str]
) -> Iterator[Difference]:
    try:
        ranges = _ranges(text)
        digest = _rows_digest(db, ranges)
    except (ValueError, TypeError, AttributeError):
        yield Difference("evidence.segment_changed", where)
        return
    if any(first != covered[table] + 1 for table, (first, _) in ranges.items()):
        yield Difference("evidence.chain_broken", where)
    covered.update({table: last for table, (_, last) in ranges.items()})
    if digest != sha256:
        yield Difference("evidence.rows_changed", where)


def _unchained(db: Database, covered: dict[str, int]) -> Iterator[Difference]:
    for table, last in covered.items():
        sql = f"SELECT count(*) FROM [{table}] WHERE id < 1 OR id > ?"  # noqa: S608
        (count,) = db.execute(sql, [last]).fetchone()
        if count:
            yield Difference("evidence.rows_unchained", {"table": table, "count": str(count)})


def _head_differences(chain: list[str], heads: list[str]) -> Iterator[Difference]:
    for head in heads:
        if head not in chain:
            yield Difference("evidence.head_missing", {"head": head[:12]})
    if heads and heads[-1] in chain and heads[-1] != chain[-1]:
        extra = len(chain) - 1 - chain.index(heads[-1])
        yield Difference("evidence.segments_unrecorded", {"count": str(extra)})
