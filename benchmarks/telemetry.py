"""Samples of 200 signals into a month's journal, 1,000 a transaction, durable each time."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rounds import Result, speed
from lab_controller.database import Database, connect
from trial_logs import migrations
from trial_logs.model import Sample, Series
from trial_logs.telemetry import INSERT, Telemetry

SERIES = [Series(f"device-{n // 5}", f"signal-{n % 5}", "Cel") for n in range(200)]
BATCH, BATCHES, ROUNDS = 1_000, 25, 11
START_US = 1_793_000_000_000_000
TICK_US = 1_000_000


class Load:
    """Batches in the order of time; each call of `next_round` gives later ones."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self._tick = 0

    def next_round(self) -> list[list[Sample]]:
        """As many batches as a round takes."""
        return [self._batch() for _ in range(BATCHES)]

    def _batch(self) -> list[Sample]:
        ticks = range(self._tick, self._tick + BATCH // len(SERIES))
        self._tick = ticks.stop
        return [
            Sample(series, START_US + tick * TICK_US + n, round(self._random.uniform(0, 99), 2))
            for tick in ticks
            for n, series in enumerate(SERIES)
        ]


def opened(path: Path) -> Database:
    """An empty month."""
    db = connect(path)
    migrations.telemetry.apply(db)
    return db


def results() -> Iterator[Result]:
    """The journal's door against bare rows on the same table."""
    with tempfile.TemporaryDirectory() as folder:
        month, bare = opened(Path(folder) / "month.db"), opened(Path(folder) / "bare.db")
        journal = Telemetry(lambda key, create: month, lambda: ["month"], lambda key: None)
        ours, rows = prepared(Load()), prepared_rows(Load())

        def append() -> None:
            for batch in next(ours):
                journal.append(batch)

        def insert() -> None:
            for batch in next(rows):
                with bare.atomic():
                    bare.conn.executemany(INSERT, batch)

        yield Result(
            "telemetry: append, wall",
            "executemany of ready rows, same table",
            speed(append, insert, rounds=ROUNDS),
            at_least=0.8,
        )
        month.close()
        bare.close()


def prepared(load: Load) -> Iterator[list[list[Sample]]]:
    """The samples of every round, made before the first."""
    return iter([load.next_round() for _ in range(ROUNDS + 1)])


def prepared_rows(load: Load) -> Iterator[list[list[tuple[object, ...]]]]:
    """The same samples as rows of the table."""
    numbers = {series: n for n, series in enumerate(SERIES, start=1)}
    return iter(
        [
            [[(s.t_us, numbers[s.series], s.value, 0, None) for s in batch] for batch in batches]
            for batches in prepared(load)
        ]
    )
