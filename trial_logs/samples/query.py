"""Reading one series of one month: sealed chunks, roll-ups, and what is not sealed yet.

All of it is done on tables, so another process reads what the writer's reads. A month of the
previous release, which has the table `sample` alone, is read as it is.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from sqlite_utils import Database

from trial_logs.axis import BUCKET_SQL, HOUR_US, MINUTE_US, Axis
from trial_logs.buckets import BucketRow
from trial_logs.migrations import JOURNALS
from trial_logs.samples.codec import decode
from trial_logs.samples.columns import NO_VALUE, QUALITY, Columns, place, summary

TABLES = {MINUTE_US: "r60", HOUR_US: "r3600"}
Row = tuple[int, float | None, int, int | None]


class Known(NamedTuple):
    """A series in one month's file."""

    number: int
    sealed_us: int
    longest_us: int
    finest_us: int


OVERLAPPING = """FROM chunk WHERE series = :number
    AND t0_us > :t0 - :longest - 1 AND t0_us < :t1 AND t1_us >= :t0 ORDER BY t0_us"""
CHUNKS = f"SELECT t0_us, samples, packed {OVERLAPPING}"
SUMMARIES = f"""SELECT id, t0_us, t1_us, samples, minimum, maximum, total, count, worst
    {OVERLAPPING}"""
PACKED = "SELECT packed FROM chunk WHERE id = ?"

_ROWS = """SELECT ts_us, value, quality, source_us FROM {} WHERE series = :number
    AND ts_us >= :t0 AND ts_us < :t1"""
OLD = _ROWS.format("sample") + " ORDER BY ts_us"
_LATER = " AND ts_us > :sealed"
UNSEALED = (
    " UNION ALL ".join(_ROWS.format(name) + _LATER for name in JOURNALS)
    + f" UNION ALL {_ROWS.format('late')} ORDER BY 1"
)

_BUCKET = BUCKET_SQL.format(time="ts_us")
_COUNTED = f"""SELECT {_BUCKET}, min(value), max(value), total(value), count(value), max(quality)
    FROM ({{}}) GROUP BY 1"""  # noqa: S608
OLD_COUNTED = _COUNTED.format(OLD)
UNSEALED_COUNTED = _COUNTED.format(UNSEALED)
# not grouped: a bucket has few rows, and SQLite would sort them all first
_ROLLED = """SELECT {}, minimum, maximum, total, count, worst
    FROM {{}} WHERE series = :number AND t_us >= :t0 AND t_us < :t1"""
ROLLED = _ROLLED.format(BUCKET_SQL.format(time="t_us"))
ROLLED_WHOLE = _ROLLED.format("(t_us + :shift) * :n / :span")
"""The same for rows of the axis' own period that lie in it whole: all there is in a long plot."""


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """What is read inside is of one moment; nothing is sealed in between."""
    if db.conn.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def known(db: Database, series: Sequence[str]) -> Known | None:
    """Where the series stands in this month."""
    where = "FROM series WHERE device = ? AND signal = ? AND unit = ?"
    columns = "id, 0, 0, 1" if _is_old(db) else "id, sealed_us, longest_us, finest_us"
    row = db.execute(f"SELECT {columns} {where}", series).fetchone()
    return None if row is None else Known(*row)


def _is_old(db: Database) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sample'"
    return db.execute(sql).fetchone() is not None


def samples(db: Database, one: Known, t0: int, t1: int) -> Iterator[Row]:
    """The series' samples in [t0, t1) µs in order of time; call it in a `snapshot`."""
    where = _where(one, t0, t1)
    if _is_old(db):
        yield from db.execute(OLD, where)
        return
    waiting, sealed = iter(db.execute(UNSEALED, where)), _sealed(db, where)
    first = next(waiting, None)
    # stamps of a series are all different, so the rows compare by them alone
    yield from sealed if first is None else heapq.merge(sealed, chain([first], waiting))


def bucket_rows(db: Database, one: Known, axis: Axis) -> Iterator[BucketRow]:
    """What this month adds to each bucket, in parts; call it in a `snapshot`."""
    t0, t1 = axis.t0, axis.t1
    where = axis.parameters | _where(one, t0, t1)
    where |= {"shift": axis.period - 1 - t0, "span": t1 - t0}
    if _is_old(db):
        yield from db.execute(OLD_COUNTED, where)
        return
    yield from db.execute(UNSEALED_COUNTED, where)
    for period, first, last in axis.cover(one.finest_us):
        part = where | {"t0": first, "t1": last}
        if period == 1:
            yield from _counted(db, axis, part)
        else:
            sql = ROLLED_WHOLE if period == axis.period and one.finest_us < period else ROLLED
            yield from db.execute(sql.format(TABLES[period]), part)


def sealed_stamps(db: Database, number: int, t0: int, t1: int) -> Iterator[int]:
    """The stamps of sealed chunks that touch [t0, t1) µs."""
    (longest,) = db.execute("SELECT longest_us FROM series WHERE id = ?", [number]).fetchone()
    where = {"number": number, "longest": longest, "t0": t0, "t1": t1}
    for first, many, packed in db.execute(CHUNKS, where):
        yield from decode(first, many, packed).stamps


def _where(one: Known, t0: int, t1: int) -> dict[str, int]:
    where = {"number": one.number, "sealed": one.sealed_us, "longest": one.longest_us}
    return where | {"t0": t0, "t1": t1}


def _sealed(db: Database, where: dict[str, int]) -> Iterator[Row]:
    """Rows of all chunks in order; chunks may overlap where samples came late."""
    held: list[Row] = []
    for first, many, packed in db.execute(CHUNKS, where):
        rows = list(_rows(decode(first, many, packed).between(where["t0"], where["t1"])))
        # no later chunk has anything from before this one's first sample
        ready = bisect_left(held, (first,))
        yield from held[:ready]
        held = list(heapq.merge(held[ready:], rows)) if ready < len(held) else rows
    yield from held


def _rows(columns: Columns) -> Iterator[Row]:
    stamps, values, states, sources = columns
    found = [None] * len(stamps) if sources is None else sources
    if states is None:
        return zip(stamps, values, [0] * len(stamps), found, strict=True)
    there = [None if state & NO_VALUE else v for v, state in zip(values, states, strict=True)]
    return zip(stamps, there, [state & QUALITY for state in states], found, strict=True)


def _counted(db: Database, axis: Axis, where: dict[str, int]) -> Iterator[BucketRow]:
    """Buckets from the samples themselves; a chunk inside one bucket is not unpacked."""
    t0, t1, edges = where["t0"], where["t1"], axis.edges()
    for number, first, last, many, *whole in db.execute(SUMMARIES, where).fetchall():
        at = axis.bucket_of(first) if first >= t0 else -1
        if t0 <= first and last < t1 and last < edges[at + 1]:
            yield (at, *whole)
            continue
        (packed,) = db.execute(PACKED, [number]).fetchone()
        columns = decode(first, many, packed).between(t0, t1)
        yield from _split(columns, axis, edges)


def _split(columns: Columns, axis: Axis, edges: list[int]) -> Iterator[BucketRow]:
    stamps = columns.stamps
    first, many = 0, len(stamps)
    while first < many:
        at = axis.bucket_of(stamps[first])
        last = place(stamps, edges[at + 1], first)
        yield (at, *summary(columns, first, last))
        first = last
