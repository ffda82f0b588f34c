"""A trial of 10 runs and 1,000,000 samples: dossier, report files and proof beside a raw read.

Each is made in a fresh process, as the lab does it, and timed there by its processor time. Peak
memory is compared with that of the same trial with a tenth of the samples.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlite_utils import Database

from benchmarks.rounds import Result
from lab_controller.database import connect
from lab_controller.services.dossiers import DossierOrder, write_dossier
from lab_controller.services.reports import Order, evidence_of, write_files
from trial_logs import evidence, migrations, store
from trial_logs.dossier import investment
from trial_logs.model import (
    Batch,
    Condition,
    PartEvent,
    PartSource,
    RunMoved,
    RunState,
    Sample,
    Series,
    TrialDraft,
    Verdict,
)
from trial_logs.proof import verify
from trial_logs.stamps import to_us

RUNS, SAMPLES, SEGMENT, PARTS = 10, 1_000_000, 2_000, 60
ROUNDS = 3
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
SERIES = tuple(Series("robot", f"power_{n}", "W") for n in range(4))
SHEET = {
    "title": "robot",
    "tax": "excluded",
    "work": {"days_per_year": 240, "hours_per_day": 8.0, "wage_yen_per_h": 2500},
    "present": {"volume_per_year": 60000, "scrap_yen_per_part": 300},
    "plan": {"life_years": 7, "discount_percent": 3.0, "attendance_percent": 20.0},
    "running": {"energy_yen_per_kwh": 30.0},
    "line": [{"kind": "machine", "name": "robot", "yen": 3500000}],
}
YARDSTICK = "reading the same samples raw"


class Spent(NamedTuple):
    """What one piece of work took in its process: seconds of processor, peak memory."""

    seconds: float
    peak: int


def results() -> Iterator[Result]:
    """The ratios of each kind of file to the raw read, and of peak memory."""
    works: dict[str, Callable[[Order], object]] = {
        "dossier": dossier,
        "report, all files": write_files,
        "verify": prove,
    }
    with TemporaryDirectory() as home:
        whole = trial_of(Path(home) / "whole", SAMPLES)
        tenth = trial_of(Path(home) / "tenth", SAMPLES // 10)
        for name, work in works.items():
            pairs = [(alone(work, whole), alone(read_raw, whole)) for _ in range(ROUNDS)]
            ratios = tuple(ours.seconds / raw.seconds for ours, raw in pairs)
            goal = f"{name}: {RUNS} runs, {SAMPLES:,} samples"
            yield Result(goal, YARDSTICK, ratios)
            peak = pairs[0][0].peak / alone(work, tenth).peak
            yield Result(f"{name}: peak memory", "a tenth of the samples", (peak,), at_most=1.5)


def alone(work: Callable[[Order], object], order: Order) -> Spent:
    """The work in a fresh process."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as worker:
        return worker.submit(timed, work, order).result()


def timed(work: Callable[[Order], object], order: Order) -> Spent:
    """The work, and what it took."""
    before = time.process_time()
    work(order)
    spent = time.process_time() - before
    return Spent(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def dossier(order: Order) -> object:
    """The purchase dossier of the trial."""
    sheet = investment.read(SHEET)
    order = replace(order, folder=order.folder / "dossier")
    return write_dossier(DossierOrder(order, (), sheet, (), date(2026, 11, 20), "", (), (), {}, ()))


def prove(order: Order) -> None:
    """Every run's chain, row by row."""
    for path in order.evidence:
        with closing(connect(path, read_only=True)) as db:
            assert verify(db) == []


def read_raw(order: Order) -> None:
    """Every sample once, as SQLite gives it."""
    for path in order.evidence:
        with closing(connect(path, read_only=True)) as db:
            for _ in db.execute("SELECT series, t_us, value, quality, source_us FROM reading"):
                pass


def trial_of(home: Path, samples: int) -> Order:
    """The trial's files, the samples spread over its runs."""
    (home / "evidence").mkdir(parents=True)
    draft = TrialDraft("b1", "p1", "e1", "benchmark", conditions=(Condition("standard"),))
    with closing(connect(home / "lab.db")) as lab:
        migrations.lab.apply(lab)
        store.create_trial(lab, "T20261120-01", draft, START)
        paths = [_record(lab, home, number, samples // RUNS) for number in range(RUNS)]
        trial = store.get_trial(lab, "T20261120-01")
    names = dict.fromkeys(("lab_name", "party", "equipment", "vendor", "operator"), "lab")
    folder = home / "files"
    return Order(trial, tuple(paths), names, {"robot": "robot"}, "Asia/Tokyo", "en", folder)


def _record(lab: Database, home: Path, number: int, samples: int) -> Path:
    start = START + timedelta(hours=number)
    trial = store.get_trial(lab, "T20261120-01")
    run = store.plan_run(lab, trial.id, "standard", operator="bench", simulated=True)
    store.start_run(lab, run.id, start)
    path = evidence_of(home, run.id)
    end = start + timedelta(milliseconds=samples)
    with closing(connect(path)) as db:
        evidence.open_run(db, store.run_header(trial, run), start)
        for first in range(0, samples, SEGMENT):
            evidence.append_segment(db, Batch(readings=_readings(start, first)), start)
        step = (end - start) / (PARTS + 1)
        parts = [
            PartEvent(start + step * n, Verdict.GOOD, PartSource.OPERATOR, 80 + n * 31 % 17 / 10)
            for n in range(PARTS)
        ]
        over = RunMoved(end, RunState.FINISHED, "bench")
        evidence.append_segment(db, Batch(parts=parts, moves=[over]), end)
    store.finish_run(lab, run.id, end)
    return path


def _readings(start: datetime, first: int) -> list[Sample]:
    begin = to_us(start)
    return [
        Sample(SERIES[n % len(SERIES)], begin + n * 1000, 20 + n * 7919 % 1000 / 37)
        for n in range(first, first + SEGMENT)
    ]
