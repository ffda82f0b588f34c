"""Recording a run in its own database: rows are only ever appended, in hash-chained segments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime

from sqlite_utils import Database

from trial_logs import rollups
from trial_logs.chain import TABLES, Rows, Segment, canonical, extend, last_segment
from trial_logs.errors import AlreadyExists, EvidenceClosed, EvidenceMissing, Invalid, Problem
from trial_logs.migrations import evidence as migrations
from trial_logs.model import (
    Batch,
    Correction,
    Quality,
    RunHeader,
    RunState,
    Sample,
    Series,
    Verdict,
)
from trial_logs.stamps import to_us

LATER = ("plan_sha256",)
"""What a header names only where it is known."""


def open_run(db: Database, header: RunHeader, now: datetime, booking: str = "") -> Segment:
    """Create the tables and record whose evidence this is and that the run is running.

    `booking` is the one in force, empty where that is not known.
    """
    migrations.apply(db)
    if last_segment(db) is not None:
        raise AlreadyExists("evidence.exists", run=header.run_id)
    rows: Rows = {
        "header": [
            (name, canonical(value))
            for name, value in asdict(header).items()
            if name not in LATER or value
        ],
        "run_event": [(to_us(now), RunState.RUNNING.value, header.operator, "")],
        "order_edge": [(to_us(now), 1, booking)] if booking else [],
    }
    return extend(db, rows, to_us(now))


def append_segment(
    db: Database, batch: Batch, now: datetime, *, rolling_up: bool = True
) -> Segment:
    """Record a batch as the next segment; an empty batch adds none and returns the last one.

    With the run's end its readings are rolled up too, unless the caller does so in its own time.

    Raises EvidenceMissing before `open_run`; Invalid for a value that is no number or a correction
    of nothing; EvidenceClosed for readings, states, gaps or moves once the run is over.
    """
    if last_segment(db) is None:
        raise EvidenceMissing
    if not TABLES.keys() <= set(db.table_names()):
        migrations.apply(db)  # the file of an earlier release
    _refuse_late(db, batch)
    problems = tuple(_problems(db, batch))
    if problems:
        raise Invalid(problems)
    with db.atomic():
        last = extend(db, _rows_of(db, batch), to_us(now))
        if rolling_up and any(move.state.is_over for move in batch.moves):
            last = roll_up(db, now)
    return last


def roll_up(db: Database, now: datetime) -> Segment:
    """Roll up the readings of a run that is over, in a segment of their own.

    A second or two of work for a million readings. Without it plots are made of the readings.
    """
    return extend(db, {"rollup": rollups.rolled(db)}, to_us(now))


def _refuse_late(db: Database, batch: Batch) -> None:
    (state,) = db.execute("SELECT state FROM run_event ORDER BY id DESC LIMIT 1").fetchone()
    late = (
        batch.readings or batch.states or batch.gaps or batch.moves or batch.modes or batch.orders
    )
    if RunState(state).is_over and late:
        raise EvidenceClosed(state=state)


def _problems(db: Database, batch: Batch) -> Iterator[Problem]:
    for measured in batch.measurements:
        if not math.isfinite(measured.value):
            yield Problem("value", "trial.value_not_finite", {"name": measured.characteristic})
    for part in batch.parts:
        if part.cycle_time_s is not None and not 0 <= part.cycle_time_s < math.inf:
            yield Problem("cycle_time_s", "trial.value_not_finite", {"name": "cycle_time_s"})
    for used in batch.consumables:
        if not math.isfinite(used.amount):
            yield Problem("amount", "trial.value_not_finite", {"name": used.name})
        if used.amount < 0 and not used.why.strip():
            yield Problem("why", "trial.correction_unsigned")
    for fix in batch.corrections:
        if not (fix.by.strip() and fix.why.strip()):
            yield Problem("correction", "trial.correction_unsigned")
        if not _corrects(db, fix):
            code = f"trial.correction_of_nothing.{fix.about}"
            yield Problem("correction", code, {"row": str(fix.row)})


def _corrects(db: Database, fix: Correction) -> bool:
    new_value = fix.verdict is None and fix.value is not None and math.isfinite(fix.value)
    fits = {
        "part_event": fix.verdict is not None and fix.value is None,
        "measurement": new_value or (fix.verdict is Verdict.VOID and fix.value is None),
    }
    if not fits.get(fix.about, False):
        return False
    sql = f"SELECT 1 FROM [{fix.about}] WHERE id = ?"  # noqa: S608
    return db.execute(sql, [fix.row]).fetchone() is not None


def _rows_of(db: Database, batch: Batch) -> Rows:
    series, fresh = _series_ids(db, batch.readings)
    return {
        "run_event": [(to_us(m.at), m.state.value, m.by, m.cause) for m in batch.moves],
        "series": [tuple(each) for each in fresh],
        "reading": [
            (series[s.series], s.t_us, *stored(s.value, s.quality), s.source_us)
            for s in batch.readings
        ],
        "part_event": [
            (to_us(p.at), p.verdict.value, p.source.value, p.cycle_time_s, p.cause, p.by)
            for p in batch.parts
        ],
        "measurement": [
            (to_us(m.at), m.characteristic, m.value, m.unit, m.gauge, m.by, m.part_no)
            for m in batch.measurements
        ],
        "note": [(to_us(n.at), n.text, n.by) for n in batch.notes],
        "device_state": [
            (to_us(s.at), s.device, s.link, s.operation, s.safety, s.cause) for s in batch.states
        ],
        "gap": [(to_us(g.at), g.device, int(g.opened), g.cause) for g in batch.gaps],
        "correction": [
            (to_us(c.at), c.about, c.row, c.by, c.why, c.verdict and c.verdict.value, c.value)
            for c in batch.corrections
        ],
        **_context_rows(batch),
    }


def _context_rows(batch: Batch) -> Rows:
    return {
        "mode": [(to_us(m.at), m.mode.value, m.by) for m in batch.modes],
        "stop_cause": [
            (to_us(s.at), to_us(s.stop_at), s.device, s.cause, s.text, s.by)
            for s in batch.explained
        ],
        "consumable": [
            (to_us(c.at), c.name, c.amount, c.unit, c.by, c.why) for c in batch.consumables
        ],
        "order_edge": [(to_us(o.at), int(o.in_force), o.booking) for o in batch.orders],
        "serial": [(to_us(s.at), s.part_no, s.serial, s.by) for s in batch.serials],
    }


def stored(value: float | None, quality: Quality) -> tuple[float | None, int]:
    """Value and quality as a sample is stored: what is no finite number is None and BAD."""
    if value is None or not math.isfinite(value):
        return None, 2
    return value, int(quality)


def _series_ids(db: Database, readings: Iterable[Sample]) -> tuple[dict[Series, int], list[Series]]:
    rows = db.execute("SELECT id, device, signal, unit FROM series")
    known = {Series(*name): number for number, *name in rows}
    fresh = [each for each in dict.fromkeys(r.series for r in readings) if each not in known]
    first = max(known.values(), default=0) + 1
    return known | {each: first + n for n, each in enumerate(fresh)}, fresh
