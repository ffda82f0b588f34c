"""Plots of a run of 1,000,000 readings: any window beside counting its readings one by one.

The record is made as the lab makes it and read as a reader does. The same windows are asked of a
copy without roll-ups, as an earlier release left it, so both answers come from the same door.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from shutil import copyfile

from benchmarks.rounds import Result, cost, speed
from lab_controller.database import Database, connect
from trial_logs import evidence, record
from trial_logs.model import Batch, Condition, RunHeader, RunMoved, RunState, Sample, Series
from trial_logs.stamps import to_us

READINGS, SEGMENT, BUCKETS, ROUNDS = 1_000_000, 2_000, 600, 7
TICK_US = 25_000
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
START_US, SPAN_US = to_us(START), READINGS * TICK_US
SERIES = tuple(Series("robot", f"power_{n}", "W") for n in range(4))
"""Each at 10 Hz, for seven hours."""


def results() -> Iterator[Result]:
    """The whole run against the readings, and shorter windows against the whole run."""
    with tempfile.TemporaryDirectory() as name:
        path, plain = Path(name) / "run.db", Path(name) / "plain.db"
        fill(path)
        without_rollups(path, plain)
        with closing(connect(path, read_only=True)) as db, closing(connect(plain)) as old:
            whole = windows(db, 1)
            ratios = speed(whole, windows(old, 1), rounds=ROUNDS)
            goal = f"run: all of {READINGS:,} readings in {BUCKETS} buckets"
            yield Result(goal, "counting the readings", ratios, at_least=20.0)
            for part in (10, 50, 1000):  # 50: as many readings as come without a roll-up
                ratios = cost(windows(db, part), whole, rounds=ROUNDS)
                yield Result(f"run: 1/{part} of it", "the whole run", ratios, at_most=3.0)


def windows(db: Database, part: int) -> Callable[[], None]:
    """A part of the run, of every series, somewhere else each time."""
    span = SPAN_US // part
    places = cycle([START_US + (SPAN_US - span) * n // 7 for n in range(8)])

    def ask() -> None:
        for series in SERIES:
            first = next(places)
            record.window(db, series, first, first + span, BUCKETS)

    return ask


def fill(path: Path) -> None:
    """The record of one run that is over."""
    condition = Condition("standard")
    header = RunHeader("T20261120-01-R1", "T20261120-01", 1, "e1", condition, "bench", True)
    end = START + timedelta(microseconds=SPAN_US)
    with closing(connect(path)) as db:
        evidence.open_run(db, header, START)
        for first in range(0, READINGS, SEGMENT):
            evidence.append_segment(db, Batch(readings=readings(first)), START)
        evidence.append_segment(db, Batch(moves=(RunMoved(end, RunState.FINISHED, "b"),)), end)


def readings(first: int) -> list[Sample]:
    """The readings of one segment."""
    return [
        Sample(SERIES[n % len(SERIES)], START_US + n * TICK_US, 20 + n * 7919 % 1000 / 37)
        for n in range(first, first + SEGMENT)
    ]


def without_rollups(path: Path, plain: Path) -> None:
    """A copy as an earlier release left it."""
    copyfile(path, plain)
    with closing(connect(plain)) as db:
        db.execute("DROP TABLE rollup")
