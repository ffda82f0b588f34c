"""All samples of the lab, one journal file per UTC month.

append, read, window and drop_before are its only doors.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from weakref import WeakKeyDictionary

from sqlite_utils import Database

from trial_logs.buckets import BUCKET_SQL, Bucket, BucketRow, fold
from trial_logs.evidence import stored
from trial_logs.model import Quality, Sample, Series
from trial_logs.stamps import month_bounds_us, month_of

INSERT = "INSERT INTO sample (ts_us, series, value, quality, source_us) VALUES (?, ?, ?, ?, ?)"
BUCKETS = BUCKET_SQL.format(table="sample", time="ts_us")
Row = tuple[int, int, float | None, int, int | None]
_STAMP = attrgetter("t_us")


class Telemetry:
    """The journal over its month files, which the caller opens, lists and deletes.

    `open_month(key, create)` returns the database of a month `YYYY-MM` (its tables made by
    `migrations.telemetry`) or None; `months()` the keys there are; `drop_month(key)` deletes one.
    """

    def __init__(
        self,
        open_month: Callable[[str, bool], Database | None],
        months: Callable[[], Iterable[str]],
        drop_month: Callable[[str], None],
    ) -> None:
        self._open_month = open_month
        self._months = months
        self._drop_month = drop_month
        self._numbers: WeakKeyDictionary[Database, dict[Series, int]] = WeakKeyDictionary()

    def append(self, samples: Sequence[Sample]) -> None:
        """Store samples, those of one month in one transaction of its own and one executemany.

        A second sample in the same microsecond of a series moves one on. A value that is no finite
        number is stored as None and BAD.
        """
        ordered = sorted(samples, key=_STAMP)
        while ordered:
            key = month_of(ordered[0].t_us)
            _, end = month_bounds_us(key)
            inside = bisect_left(ordered, end, key=_STAMP)
            self._append_month(key, end, ordered[:inside])
            ordered = ordered[inside:]

    def _append_month(self, key: str, end: int, samples: list[Sample]) -> None:
        db = self._opened(key)
        beyond: list[Sample] = []
        with db.atomic():
            numbers = self._numbers.get(db, {})
            try:
                rows = _rows_of(samples, numbers)
            except KeyError:
                numbers = _with_new_series(db, samples)
                rows = _rows_of(samples, numbers)
            done = _insert_free(db, rows, 0)
            while done < len(rows):
                # the stamp of this row is taken: the next free one, perhaps in the next month
                stamp = _free_stamp(db, *rows[done][:2])
                if stamp < end:
                    db.conn.execute(INSERT, (stamp, *rows[done][1:]))
                else:
                    beyond.append(samples[done]._replace(t_us=stamp))
                done = _insert_free(db, rows, done + 1)
        self._numbers[db] = numbers  # only after the commit: a rollback takes new ones back
        if beyond:
            self.append(beyond)

    def read(self, series: Series, t0: int, t1: int) -> Iterator[Sample]:
        """The samples of a series in [t0, t1) µs, in order of time, one at a time."""
        for db, number in self._having(series, t0, t1):
            rows = db.execute(
                "SELECT ts_us, value, quality, source_us FROM sample"
                " WHERE ts_us >= ? AND ts_us < ? AND series = ? ORDER BY ts_us",
                [t0, t1, number],
            )
            for ts_us, value, quality, source_us in rows:
                yield Sample(series, ts_us, value, Quality(quality), source_us)

    def window(self, series: Series, t0: int, t1: int, n: int) -> list[Bucket]:
        """[t0, t1) µs cut into `n` equal buckets; 0 < n and t0 < t1."""
        rows: list[BucketRow] = []
        for db, number in self._having(series, t0, t1):
            where = {"t0": t0, "t1": t1, "n": n, "series": number}
            rows += db.execute(BUCKETS, where).fetchall()
        return fold(rows, t0, t1, n)

    def series(self, t0: int, t1: int) -> list[Series]:
        """Every series known to a month that [t0, t1) µs touches, sorted."""
        found: set[Series] = set()
        for db in self._touched(t0, t1):
            rows = db.execute("SELECT device, signal, unit FROM series")
            found.update(Series(*row) for row in rows)
        return sorted(found)

    def drop_before(self, t: int) -> None:
        """Forget every sample before `t` µs: whole months as files, the rest as rows."""
        for key in sorted(self._months()):
            start, end = month_bounds_us(key)
            if end <= t:
                self._drop_month(key)
            elif start < t and (db := self._open_month(key, False)) is not None:
                db.execute("DELETE FROM sample WHERE ts_us < ?", [t])

    def _opened(self, key: str) -> Database:
        db = self._open_month(key, True)
        if db is None:
            raise FileNotFoundError(key)
        return db

    def _touched(self, t0: int, t1: int) -> Iterator[Database]:
        for key in sorted(self._months()):
            start, end = month_bounds_us(key)
            if start < t1 and t0 < end and (db := self._open_month(key, False)) is not None:
                yield db

    def _having(self, series: Series, t0: int, t1: int) -> Iterator[tuple[Database, int]]:
        for db in self._touched(t0, t1):
            row = db.execute(
                "SELECT id FROM series WHERE device = ? AND signal = ? AND unit = ?", series
            ).fetchone()
            if row is not None:
                yield db, row[0]


def _rows_of(samples: Iterable[Sample], numbers: dict[Series, int]) -> list[Row]:
    """The samples as rows; raises KeyError for a series without a number."""
    return [
        (t_us, numbers[series], value, worth, source_us)
        for series, t_us, given, quality, source_us in samples
        for value, worth in [stored(given, quality)]
    ]


def _with_new_series(db: Database, samples: Iterable[Sample]) -> dict[Series, int]:
    """The number of every series in this file, those of the samples included."""
    insert = "INSERT INTO series (device, signal, unit) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    db.conn.executemany(insert, sorted({sample.series for sample in samples}))
    rows = db.execute("SELECT id, device, signal, unit FROM series")
    return {Series(*name): number for number, *name in rows}


def _insert_free(db: Database, rows: list[Row], first: int) -> int:
    """Insert rows from `first` on; the index of the first one refused, or how many there are."""
    before = db.conn.total_changes
    try:
        db.conn.executemany(INSERT, islice(rows, first, None))
    except sqlite3.IntegrityError:
        return first + db.conn.total_changes - before
    return len(rows)


def _free_stamp(db: Database, stamp: int, series: int) -> int:
    # stamps of one series are dense only in a burst, so the first hole is a few steps away
    taken = "SELECT 1 FROM sample WHERE ts_us = ? AND series = ?"
    while db.execute(taken, [stamp, series]).fetchone():
        stamp += 1
    return stamp
