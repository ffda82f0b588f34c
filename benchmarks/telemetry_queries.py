"""A day of one series at 1 Hz in 1,000 buckets, from the samples and from the minutes.

The yardstick is the table best for this question: a primary key of series and stamp, so that one
series lies together. It answers with rows, as chunks and roll-ups do; the door makes objects of it.
Ten series each.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from benchmarks.rounds import Result, speed
from benchmarks.telemetry import MONTH, START_US, TICK_US, Store, insert, table
from lab_controller.database import Database
from trial_logs.axis import Axis
from trial_logs.buckets import Bucket, BucketRow
from trial_logs.model import Sample, Series
from trial_logs.samples import query

SERIES = [Series("device", f"signal-{n}", "Cel") for n in range(10)]
DAY, BUCKETS, ROUNDS = 86_400, 1_000, 5
DAY_US = START_US - START_US % (DAY * TICK_US)
PLAIN = """SELECT (ts - :start) * :n / (:end - :start), min(value), max(value), avg(value), count(*)
    FROM sample WHERE series = :series AND ts >= :start AND ts < :end GROUP BY 1"""
PLAIN_TABLE = (
    """CREATE TABLE sample (series INTEGER, ts INTEGER, value REAL, PRIMARY KEY (series, ts))
    WITHOUT ROWID""",
)


class RawAxis(Axis):
    """The same buckets without roll-ups."""

    __slots__ = ()

    @property
    def period(self) -> int:
        """Always the samples."""
        return 1


def results() -> Iterator[Result]:
    """Both answers against the same yardstick."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, plain = Store(folder / f"{MONTH}.db"), table(folder / "plain.db", PLAIN_TABLE)
        fill(store, plain)
        axis, turn = Axis(DAY_US, DAY_US + DAY * TICK_US, BUCKETS), cycle(range(len(SERIES)))
        samples_alone = RawAxis(axis.t0, axis.t1, BUCKETS)

        def sealed(axis: Axis) -> list[BucketRow]:
            known = query.known(store.db, SERIES[next(turn)])
            return [] if known is None else list(query.bucket_rows(store.db, known, axis))

        def sql() -> list[BucketRow]:
            where = axis.parameters | {"series": next(turn)}
            return plain.execute(PLAIN, where).fetchall()

        def window() -> list[Bucket]:
            return store.door.window(SERIES[next(turn)], axis.t0, axis.t1, BUCKETS)

        yardstick = "SQL on a key of series and stamp"
        for goal, ours, at_least in (
            ("samples", lambda: sealed(samples_alone), 1.0),
            ("minutes", lambda: sealed(axis), 20.0),
            ("minutes, as objects", window, None),
        ):
            ratios = speed(many(ours), many(sql), rounds=ROUNDS)
            goal = f"telemetry: a day in 1,000 buckets, {goal}"
            yield Result(goal, yardstick, ratios, at_least=at_least)


def many(ask: Callable[[], object]) -> Callable[[], None]:
    """The same for every series."""

    def each() -> None:
        for _ in SERIES:
            ask()

    return each


def fill(store: Store, plain: Database) -> None:
    """A day of every series on both sides."""
    draw, levels = random.Random(2), [2_000] * len(SERIES)
    for first in range(0, DAY, 1_000):
        batch: list[Sample] = []
        for tick in range(first, min(first + 1_000, DAY)):
            for n, series in enumerate(SERIES):
                levels[n] += draw.randrange(-3, 4)
                batch.append(Sample(series, DAY_US + tick * TICK_US, levels[n] / 100))
        store.take([batch])
        numbers = {series: n for n, series in enumerate(SERIES)}
        insert(
            plain,
            "INSERT INTO sample VALUES (?, ?, ?)",
            [[(numbers[s.series], s.t_us, s.value) for s in batch]],
        )
    while store.door.seal(1 << 60):
        pass
