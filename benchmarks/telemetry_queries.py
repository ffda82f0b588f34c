"""A day of one series at 1 Hz in 1,000 buckets, from the samples and from the minutes.

The yardstick is the table best for this question: a primary key of series and stamp, so that one
series lies together. It answers with rows, as chunks and roll-ups do; the door makes objects of it.
Ten series each.

DuckDB holds the same rows in a file of its own, on one thread, twice: sorted by series and stamp,
its best case, and as they came in time, where the other series of a lab of 100 stand between them
(made up of the ten).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path

import duckdb
import pyarrow

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


DUCK = PLAIN.replace("/ (:end", "// (:end").replace(":", "$")
SORTED = "CREATE TABLE sorted AS SELECT * FROM came ORDER BY series, ts"
IN_TIME = f"""CREATE TABLE in_time AS SELECT series + {len(SERIES)} * lab AS series, ts, value
    FROM came, range(10) AS more (lab) ORDER BY ts, series"""  # noqa: S608


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

        with closing(duck_of(folder, plain)) as duck:

            def ask(table: str) -> list[tuple[object, ...]]:
                where = axis.parameters | {"series": next(turn)}
                del where["period"]
                return duck.execute(DUCK.replace("sample", table), where).fetchall()

            yardsticks: dict[str, Callable[[], object]] = {
                "SQL on a key of series and stamp": sql,
                "DuckDB, 100 series in order of time": lambda: ask("in_time"),
                "DuckDB, sorted by series": lambda: ask("sorted"),
            }
            for goal, ours, bounds in (
                ("samples", lambda: sealed(samples_alone), (1.0, 1.5, 1.5)),
                ("minutes", lambda: sealed(axis), (20.0, 1.5, 1.5)),
                ("minutes, as objects", window, (None, None, None)),
            ):
                goal = f"telemetry: a day in 1,000 buckets, {goal}"
                for (name, theirs), at_least in zip(yardsticks.items(), bounds, strict=True):
                    ratios = speed(many(ours), many(theirs), rounds=ROUNDS)
                    yield Result(goal, name, ratios, at_least=at_least)


def duck_of(folder: Path, plain: Database) -> duckdb.DuckDBPyConnection:
    """The rows of the plain table in a file of DuckDB's, reopened for reading."""
    rows = plain.execute("SELECT series, ts, value FROM sample ORDER BY ts, series").fetchall()
    columns = zip(*rows, strict=True)
    came = pyarrow.table(dict(zip(("series", "ts", "value"), columns, strict=True)))
    path = str(folder / "duck.db")
    with closing(duckdb.connect(path)) as duck:
        duck.register("came", came)
        for statement in (SORTED, IN_TIME):
            duck.execute(statement)
    return duckdb.connect(path, read_only=True, config={"threads": 1})


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
