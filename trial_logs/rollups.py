"""What a run's readings amount to over stretches of time, so that a plot need not visit them all.

Rolled up once, when the run is over; the rows are recorded as the readings are and are covered by
the same chain. A record without them (a run that goes on, an earlier release) is read from its
readings, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import groupby

from sqlite_utils import Database

from trial_logs.axis import BUCKET_SQL, Axis
from trial_logs.buckets import BucketRow, joined

PERIODS = tuple(15_625 * 8**n for n in range(8))
"""Periods there may be, in µs: 1/64 s, 1/8 s, 1 s, 8 s, 64 s, …, each in the next a whole number
of times."""
ENOUGH = 2_000
"""A series, or a level of one, of so many rows is read in a moment: no coarser one is made."""
FEWER = 6
"""A level is made where it has at most one row for so many of the level below."""

TABLES = (
    """CREATE TABLE rollup (
        id INTEGER PRIMARY KEY,
        series INTEGER NOT NULL,
        period_us INTEGER NOT NULL,
        t_us INTEGER NOT NULL,
        minimum REAL,
        maximum REAL,
        total REAL NOT NULL,
        count INTEGER NOT NULL,
        worst INTEGER NOT NULL CHECK (worst BETWEEN 0 AND 2)
    ) STRICT""",
    "CREATE INDEX rollup_series ON rollup (series, period_us, t_us)",
)

EXTENT = """
    SELECT series, count(*), max(t_us) - min(t_us) FROM reading INDEXED BY reading_series
    GROUP BY series"""
FINEST = """
    SELECT t_us / :period * :period, min(value), max(value), total(value), count(value),
        max(quality)
    FROM reading WHERE series = :series GROUP BY 1"""
# each step looks for the next lower period, where DISTINCT would visit every row
KEPT = """
    WITH RECURSIVE level (period) AS (
        SELECT max(period_us) FROM rollup WHERE series = :series
        UNION ALL
        SELECT (SELECT max(period_us) FROM rollup WHERE series = :series AND period_us < period)
        FROM level WHERE period IS NOT NULL
    ) SELECT period FROM level WHERE period IS NOT NULL"""

_BUCKET = BUCKET_SQL.format(time="t_us")
_BETWEEN = "series = :series AND t_us >= :first AND t_us < :last GROUP BY 1"
COUNTED = f"""SELECT {_BUCKET}, min(value), max(value), total(value), count(value), max(quality)
    FROM reading WHERE {_BETWEEN}"""  # noqa: S608
ROLLED = f"""SELECT {_BUCKET}, min(minimum), max(maximum), total(total), sum(count), max(worst)
    FROM rollup WHERE period_us = :rolled AND {_BETWEEN}"""  # noqa: S608

Level = list[BucketRow]
"""By where they begin, in µs, instead of a number."""
RollupRow = tuple[int, int, int, float | None, float | None, float, int, int]


def rolled(db: Database) -> list[RollupRow]:
    """The roll-ups of every reading in the file, as rows to be recorded (without the id)."""
    extents = db.execute(EXTENT).fetchall()
    return [
        (number, period, *row)
        for number, count, length in extents
        for period, level in _levels(db, number, count, length)
        for row in level
    ]


def _levels(db: Database, number: int, count: int, length: int) -> Iterator[tuple[int, Level]]:
    below: Level = []
    rows = count
    for period in PERIODS:
        if rows <= ENOUGH:
            return
        if below:
            level = _coarser(below, period)
        elif 2 * period * count < FEWER * length:  # on average so few that it is not worth a look
            continue
        else:
            level = _finest(db, number, period)
        if len(level) * FEWER <= rows:
            yield period, level
            below, rows = level, len(level)


def _finest(db: Database, number: int, period: int) -> Level:
    return db.execute(FINEST, {"series": number, "period": period}).fetchall()


def _coarser(below: Level, period: int) -> Level:
    alike = groupby(below, key=lambda row: row[0] - row[0] % period)
    return [(start, *reduce(joined, rows)[1:]) for start, rows in alike]


def axis_of(db: Database, number: int, t0: int, t1: int, n: int) -> Axis:
    """[t0, t1) µs in `n` buckets, with the roll-ups the file has of this series."""
    if not db.table("rollup").exists():
        return Axis(t0, t1, n, ())
    return Axis(t0, t1, n, tuple(p for (p,) in db.execute(KEPT, {"series": number})))


def bucket_rows(db: Database, number: int, axis: Axis) -> Iterator[BucketRow]:
    """What each bucket of the axis amounts to, in parts."""
    for period, first, last in axis.cover():
        where = axis.parameters | {"series": number, "first": first, "last": last}
        yield from db.execute(COUNTED if period == 1 else ROLLED, where | {"rolled": period})
