"""The proof that a run's evidence is what was recorded, or the first place where it is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from sqlite_utils import Database

from trial_logs.chain import TABLES, Ranges, link, read_ranges, rows_digest
from trial_logs.stamps import from_us

SEGMENT = ("n", "at_us", "ranges", "sha256", "previous", "head")
Covered = dict[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which something is not what was recorded: a code and where."""

    code: str
    params: dict[str, str] = field(default_factory=dict)


def verify(db: Database, heads: Iterable[str] = ()) -> list[Difference]:
    """Every difference between the file and its chain, and from the heads recorded elsewhere.

    Empty: nothing was changed, added, taken away or cut off since the last of `heads`. A table
    that a later release brought may be missing.
    """
    try:
        chain, found = _walk(db)
        found += _damage(db)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return [Difference("evidence.unreadable", {"reason": str(error)})]
    return found + list(_head_differences(chain, list(heads)))


def heads_of(db: Database) -> list[str]:
    """Every head of the chain as it stands in the file, oldest first."""
    return [head for (head,) in db.execute("SELECT head FROM segment ORDER BY n")]


def first_cell(recorded: Database, found: Database) -> Difference | None:
    """The first cell in which a file differs from another copy of it; None where none does."""
    for table, columns in {**TABLES, "segment": SEGMENT}.items():
        pairs = zip_longest(_rows(recorded, table, columns), _rows(found, table, columns))
        for before, after in pairs:
            if before != after or repr(before) != repr(after):
                row = min(each[0] for each in (before, after) if each is not None)
                where = {"table": table, "row": str(row)}
                where["segment"] = _segment_of(recorded, table, row)
                return _cell(before, after, columns, where)
    return None


def cut(db: Database, segments: int) -> None:
    """Take everything after a segment out of a (writable) copy: the record as it stood then."""
    kept: Covered = dict.fromkeys(TABLES, 0)
    query = "SELECT ranges FROM segment WHERE n <= ? ORDER BY n"
    for (text,) in db.execute(query, [segments]).fetchall():
        kept |= {table: last for table, (_, last) in read_ranges(text).items()}
    there = set(db.table_names())
    with db.atomic():
        for table in TABLES.keys() & there:
            db.execute(f"DELETE FROM [{table}] WHERE id > ?", [kept[table]])  # noqa: S608
        db.execute("DELETE FROM segment WHERE n > ?", [segments])


def _walk(db: Database) -> tuple[list[str], list[Difference]]:
    found: list[Difference] = []
    chain = [""]
    covered: Covered = dict.fromkeys(TABLES, 0)
    links = db.execute(f"SELECT {', '.join(SEGMENT)} FROM segment ORDER BY n")  # noqa: S608
    for *body, head in links.fetchall():
        where = {"segment": str(body[0])}
        if body[0] != len(chain) or body[4] != chain[-1]:
            found.append(Difference("evidence.chain_broken", where))
        if link(body) != head:
            found.append(Difference("evidence.segment_changed", where))
        found += _rows_differences(db, body, covered, where)
        chain.append(head)
    return chain, found + list(_unchained(db, covered))


def _rows_differences(
    db: Database, body: list[Any], covered: Covered, where: dict[str, str]
) -> Iterator[Difference]:
    try:
        ranges = read_ranges(body[2])
        digest = rows_digest(db, ranges)
    except (ValueError, TypeError, AttributeError):
        yield Difference("evidence.segment_changed", where)
        return
    if any(first != covered[table] + 1 for table, (first, _) in ranges.items()):
        yield Difference("evidence.chain_broken", where)
    covered.update({table: last for table, (_, last) in ranges.items()})
    if digest != body[3]:
        rows = ", ".join(f"{table} {first}–{last}" for table, (first, last) in ranges.items())
        at = f"{from_us(body[1]):%Y-%m-%dT%H:%M:%SZ}"
        yield Difference("evidence.rows_changed", {**where, "rows": rows, "at": at})


def _unchained(db: Database, covered: Covered) -> Iterator[Difference]:
    there = set(db.table_names())
    for table in (name for name in covered if name in there):
        sql = f"SELECT count(*) FROM [{table}] WHERE id < 1 OR id > ?"  # noqa: S608
        (count,) = db.execute(sql, [covered[table]]).fetchone()
        if count:
            yield Difference("evidence.rows_unchained", {"table": table, "count": str(count)})


def _damage(db: Database) -> Iterator[Difference]:
    """An index that does not agree with its table shows readers other rows than were hashed."""
    for (said,) in db.execute("PRAGMA integrity_check(1)").fetchall():
        if said != "ok":
            yield Difference("evidence.unreadable", {"reason": said})


def _head_differences(chain: list[str], heads: list[str]) -> Iterator[Difference]:
    for head in heads:
        if head not in chain:
            yield Difference("evidence.head_missing", {"head": head[:12]})
    if heads and heads[-1] in chain and heads[-1] != chain[-1]:
        extra = len(chain) - 1 - chain.index(heads[-1])
        yield Difference("evidence.segments_unrecorded", {"count": str(extra)})


def _rows(db: Database, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    if table in db.table_names():
        names = ", ".join(f"[{name}]" for name in columns)
        yield from db.execute(f"SELECT {names} FROM [{table}] ORDER BY 1")  # noqa: S608


def _cell(
    before: tuple[Any, ...] | None,
    after: tuple[Any, ...] | None,
    columns: tuple[str, ...],
    where: dict[str, str],
) -> Difference:
    if after is None or (before is not None and before[0] < after[0]):
        return Difference("evidence.row_missing", {**where, "recorded": shown(before)})
    if before is None or after[0] < before[0]:
        return Difference("evidence.row_added", {**where, "found": shown(after)})
    column = next(at for at, pair in enumerate(zip(before, after, strict=True)) if _differ(*pair))
    cells = {"recorded": shown(before[column]), "found": shown(after[column])}
    return Difference("evidence.cell_changed", {**where, "column": columns[column], **cells})


def _differ(before: object, after: object) -> bool:
    return before != after or repr(before) != repr(after)


def shown(value: object) -> str:
    """A stored value in a message: at most 60 signs of it."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _segment_of(db: Database, table: str, row: int) -> str:
    if table == "segment":
        return str(row)
    for n, text in db.execute("SELECT n, ranges FROM segment ORDER BY n").fetchall():
        ranges: Ranges = read_ranges(text)
        if table in ranges and ranges[table][0] <= row <= ranges[table][1]:
            return str(n)
    return "–"
