"""Reading a run's evidence back: what counts now, with the corrections applied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from trial_logs import rollups
from trial_logs.buckets import Bucket, fold_between
from trial_logs.chain import last_segment
from trial_logs.errors import EvidenceMissing
from trial_logs.model import (
    Band,
    Condition,
    Correction,
    DeviceStateSeen,
    GapEdge,
    Limit,
    Measurement,
    Note,
    PartEvent,
    PartSource,
    Quality,
    RunHeader,
    RunMoved,
    RunState,
    Sample,
    Series,
    Verdict,
)
from trial_logs.protocol import StopCause
from trial_logs.spans import Span
from trial_logs.stamps import from_us, to_us

Evidence = Database
"""The database of one run's evidence."""

NEWEST_READING = "SELECT max((SELECT max(t_us) FROM reading WHERE series = series.id)) FROM series"
"""Series by series, since that is how readings are indexed: a million of them cost nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it counts now: its number, first word and, where corrected, the last one."""

    no: int
    event: PartEvent
    verdict: Verdict
    corrected: Correction | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement as it counts now; `value` None: taken back."""

    no: int
    measurement: Measurement
    value: float | None
    corrected: Correction | None


def read_header(db: Database) -> RunHeader:
    """Whose evidence this is; EvidenceMissing in a file that holds no run."""
    if last_segment(db) is None:
        raise EvidenceMissing
    values = {name: json.loads(text) for name, text in db.execute("SELECT name, value FROM header")}
    condition = values.pop("condition")
    bands = tuple(Band(**band) for band in condition["bands"])
    return RunHeader(
        condition=Condition(condition["name"], condition["settings"], bands),
        limits=tuple(Limit(**limit) for limit in values.pop("limits")),
        energy=tuple((device, signal) for device, signal in values.pop("energy")),
        stop_causes=tuple(StopCause(**cause) for cause in values.pop("stop_causes", ())),
        machines=tuple(values.pop("machines", ())),
        **values,
    )


def moves(db: Database) -> list[RunMoved]:
    """The states the run entered, in order."""
    rows = db.execute("SELECT t_us, state, by, cause FROM run_event ORDER BY id")
    return [RunMoved(from_us(t), RunState(state), by, cause) for t, state, by, cause in rows]


def parts(db: Database) -> list[Part]:
    """Every part counted, VOID ones too, with the verdict that counts now."""
    fixes = _last_corrections(db, "part_event")
    rows = db.execute(
        "SELECT id, t_us, verdict, source, cycle_time_s, cause, by FROM part_event ORDER BY id"
    )
    found = []
    for no, t_us, verdict, source, cycle, cause, by in rows:
        event = PartEvent(from_us(t_us), Verdict(verdict), PartSource(source), cycle, cause, by)
        fix = fixes.get(no)
        found.append(Part(no, event, (fix and fix.verdict) or event.verdict, fix))
    return found


def measurements(db: Database) -> list[Measured]:
    """Every measurement with the value that counts now."""
    fixes = _last_corrections(db, "measurement")
    rows = db.execute(
        "SELECT id, t_us, characteristic, value, unit, gauge, by, part_no"
        " FROM measurement ORDER BY id"
    )
    found = []
    for no, t_us, *rest in rows:
        first = Measurement(from_us(t_us), *rest)
        fix = fixes.get(no)
        found.append(Measured(no, first, fix.value if fix else first.value, fix))
    return found


def corrections(db: Database) -> list[Correction]:
    """Every correction, in order."""
    rows = db.execute(
        "SELECT t_us, about, row, by, why, verdict, value FROM correction ORDER BY id"
    )
    return [
        Correction(from_us(t), about, row, by, why, Verdict(verdict) if verdict else None, value)
        for t, about, row, by, why, verdict, value in rows
    ]


def _last_corrections(db: Database, about: str) -> dict[int, Correction]:
    return {fix.row: fix for fix in corrections(db) if fix.about == about}


def notes(db: Database) -> list[Note]:
    """The notes, in order."""
    rows = db.execute("SELECT t_us, text, by FROM note ORDER BY id")
    return [Note(from_us(t), text, by) for t, text, by in rows]


def states(db: Database) -> list[DeviceStateSeen]:
    """The device states seen, in order."""
    rows = db.execute(
        "SELECT t_us, device, link, operation, safety, cause FROM device_state ORDER BY id"
    )
    return [DeviceStateSeen(from_us(t), *rest) for t, *rest in rows]


def gap_edges(db: Database) -> list[GapEdge]:
    """Where recording of a device stopped and came back, in order."""
    rows = db.execute("SELECT t_us, device, opened, cause FROM gap ORDER BY id")
    return [GapEdge(from_us(t), device, bool(opened), cause) for t, device, opened, cause in rows]


def series(db: Database) -> list[Series]:
    """The series the run has readings of, in the order they first came."""
    return [
        Series(*row) for row in db.execute("SELECT device, signal, unit FROM series ORDER BY id")
    ]


def readings(db: Database, of: Series) -> Iterator[Sample]:
    """The readings of one series in order of time."""
    rows = db.execute(
        "SELECT t_us, value, quality, source_us FROM reading WHERE series = ? ORDER BY t_us, id",
        [_series_id(db, of)],
    )
    for t_us, value, quality, source_us in rows:
        yield Sample(of, t_us, value, Quality(quality), source_us)


def all_readings(db: Database) -> Iterator[Sample]:
    """Every reading in the order it was recorded."""
    names = dict(enumerate(series(db), 1))
    rows = db.execute("SELECT series, t_us, value, quality, source_us FROM reading ORDER BY id")
    for number, t_us, value, quality, source_us in rows:
        yield Sample(names[number], t_us, value, Quality(quality), source_us)


def overview(db: Database, of: Series) -> tuple[int, float | None, float | None, float | None, int]:
    """How many readings the series has, their smallest, mean and largest, and how many are BAD."""
    row = db.execute(
        "SELECT count(*), min(value), avg(value), max(value), coalesce(sum(quality = 2), 0)"
        " FROM reading WHERE series = ?",
        [_series_id(db, of)],
    ).fetchone()
    return tuple(row)


def window(db: Database, of: Series, t0: int, t1: int, n: int) -> list[Bucket]:
    """[t0, t1) µs of one series cut into `n` buckets as `Axis` says; 0 < n and t0 < t1.

    Once the run is over, made of the coarsest roll-up of which every bucket has a row, so that a
    window of any length takes about the same time.
    """
    number = _series_id(db, of) or 0
    axis = rollups.axis_of(db, number, t0, t1, n)
    return fold_between(rollups.bucket_rows(db, number, axis), axis.edges())


def _series_id(db: Database, of: Series) -> int | None:
    row = db.execute(
        "SELECT id FROM series WHERE device = ? AND signal = ? AND unit = ?", of
    ).fetchone()
    return row and int(row[0])


def run_span(db: Database) -> Span:
    """First and last µs of the run; of a run not over yet, up to its newest reading or event."""
    entered = moves(db)
    start = to_us(entered[0].at)
    if entered[-1].state.is_over:
        return start, max(start, to_us(entered[-1].at))
    tables = ("run_event", "part_event", "device_state", "gap", "measurement", "note")
    asked = [NEWEST_READING, *(f"SELECT max(t_us) FROM [{table}]" for table in tables)]  # noqa: S608
    newest = [db.execute(sql).fetchone()[0] for sql in asked]
    return start, max([start] + [stamp for stamp in newest if stamp is not None])


def running_spans(db: Database) -> list[Span]:
    """The times the run was running, neither paused nor over."""
    _, end = run_span(db)
    entered = [(to_us(move.at), move.state) for move in moves(db)]
    edges = [*(at for at, _ in entered[1:]), end]
    return [
        (at, max(at, until))
        for (at, state), until in zip(entered, edges, strict=True)
        if state is RunState.RUNNING
    ]
