"""The tables a trial is exported as, declared once: their columns, units, and where rows come from.

Every format is written from these. A cell is a plain value: text, a code whose word the reader's
language has, a flag, a stamp in µs UTC, a number or a count; None where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trial_logs import context_record, record
from trial_logs.content import ReportContent, RunSection, part_rows
from trial_logs.digest import RunEnd, trial_digest
from trial_logs.model import Correction, Measurement, PartEvent, Quality, RunState, Verdict
from trial_logs.record import Evidence
from trial_logs.shown import unit_symbol
from trial_logs.stamps import to_us

Words = Mapping[str, str]
Row = Sequence[Any]


class Kind(StrEnum):
    """What a cell holds; WORD is a code whose word stands under the column's prefix.

    REASON is a code of an open set, or what a person wrote.
    """

    TEXT = "text"
    WORD = "word"
    REASON = "reason"
    FLAG = "flag"
    TIME = "time"
    NUMBER = "number"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `title` is its key in the strings, `unit` a UCUM-like code.

    `unit_in` names the column that holds each row's unit instead. `prefix` and `codes` belong to
    a WORD; `required` says that no row leaves it empty.
    """

    name: str
    kind: Kind
    title: str
    unit: str = ""
    unit_in: str = ""
    prefix: str = ""
    codes: tuple[str, ...] = ()
    required: bool = False

    def heading(self, words: Words) -> str:
        """The column's name for people, with its unit."""
        symbol = unit_symbol(self.unit) if self.unit else ""
        title = words[self.title]
        return title if not symbol or f"({symbol})" in title else f"{title} ({symbol})"


@dataclass(frozen=True, slots=True)
class Source:
    """A trial to be exported: what its report says, and the evidence of its runs in that order."""

    content: ReportContent
    runs: Sequence[Evidence]

    @property
    def digest(self) -> str:
        """The digest of the trial these files were made from."""
        content = self.content
        ends = [RunEnd(run.run_id, run.segments, run.head) for run in content.runs]
        return trial_digest(content.trial_id, ends)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a trial; its first two columns are always the run and its simulated flag."""

    name: str
    columns: tuple[Column, ...]
    of_run: Callable[[RunSection, Evidence], Iterator[Row]]

    @property
    def title(self) -> str:
        """The key of its name in the strings."""
        return f"export.{self.name}"

    def rows(self, source: Source) -> Iterator[Row]:
        """Every row, run by run, in the order it was recorded."""
        for run, db in zip(source.content.runs, source.runs, strict=True):
            for row in self.of_run(run, db):
                yield (run.run_id, run.simulated, *row)


def _column(name: str, kind: Kind, title: str = "", **more: Any) -> Column:
    return Column(name, kind, title or f"export.{name}", **more)


def _text(name: str, title: str = "", **more: Any) -> Column:
    return _column(name, Kind.TEXT, title, **more)


def _number(name: str, title: str = "", **more: Any) -> Column:
    return _column(name, Kind.NUMBER, title, **more)


def _word(name: str, prefix: str, codes: type[StrEnum] | Sequence[str], title: str = "") -> Column:
    return _column(name, Kind.WORD, title, prefix=prefix, codes=tuple(map(str, codes)))


RUN = (
    _text("run", required=True),
    _column("simulated", Kind.FLAG, required=True),
)
TIME = _column("time", Kind.TIME, required=True)
BY, CAUSE = _text("by"), _column("cause", Kind.REASON)
SOURCES = ("device", "operator")
CORRECTED = (
    _text("corrected_by"),
    _column("corrected_why", Kind.REASON),
    _column("corrected_at", Kind.TIME),
)
SPELLS = (
    "paused", "gap", "offline", "fault", "stopping",
    "protective_stop", "safeguard_stop", "device_estop", "lab_latched",
)  # fmt: skip
NUMBERS: tuple[tuple[str, str, Callable[[RunSection], float | None]], ...] = (
    ("elapsed", "s", lambda run: run.numbers.elapsed_s),
    ("running", "s", lambda run: run.numbers.running_s),
    ("paused", "s", lambda run: run.numbers.paused_s),
    ("gap", "s", lambda run: run.numbers.gap_s),
    ("yield", "1", lambda run: run.numbers.yield_share.value),
    ("scrap_share", "1", lambda run: run.numbers.scrap_share.value),
    ("cycle_mean", "s", lambda run: run.numbers.cycle_time_s.mean.value),
    ("cycle_median", "s", lambda run: run.numbers.cycle_time_s.median.value),
    ("cycle_p95", "s", lambda run: run.numbers.cycle_time_s.p95.value),
    ("cycle_sd", "s", lambda run: run.numbers.cycle_time_s.sd.value),
    ("energy", "kW.h", lambda run: run.numbers.energy_kwh.value),
    ("energy_per_part", "kW.h", lambda run: run.numbers.energy_kwh_per_part.value),
)
"""Numbers of a run, each with its unit; their names stand under `export.run_…`."""

COUNTS = ("produced", "good", "scrap", "rework", "unjudged")


def _run_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    header = record.read_header(db)
    counts = (getattr(run.numbers.counts, name) for name in COUNTS)
    numbers = (number(run) for *_, number in NUMBERS)
    yield (
        run.number, header.rehearsal, run.condition, header.lot, run.operator, run.state, run.cause,
        run.started_us, run.ended_us, *counts, run.numbers.cycle_time_s.n, *numbers,
        run.segments, run.head,
    )  # fmt: skip


def _part_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    for row, part in zip(part_rows(db), record.parts(db), strict=True):
        fixed = part.corrected if row.corrected_by else None
        yield (
            row.no, row.t_us, row.verdict, row.cycle_time_s, row.source, row.cause, row.by,
            part.event.verdict.value, row.corrected_by, row.corrected_why,
            fixed and to_us(fixed.at),
        )  # fmt: skip


def _measurement_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    for each in record.measurements(db):
        first, fix = each.measurement, each.corrected
        who = (fix.by, fix.why, to_us(fix.at)) if fix else ("", "", None)
        yield (
            each.no, to_us(first.at), first.characteristic, each.value, unit_symbol(first.unit),
            first.part_no, first.gauge, first.by, first.value, *who,
        )  # fmt: skip


def _correction_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    firsts: dict[tuple[str, int], PartEvent | Measurement] = {
        **{("part_event", part.no): part.event for part in record.parts(db)},
        **{("measurement", each.no): each.measurement for each in record.measurements(db)},
    }
    before: dict[tuple[str, int], Correction] = {}
    for fix in record.corrections(db):
        what = (fix.about, fix.row)
        earlier = before.get(what, firsts[what])
        yield (
            to_us(fix.at), fix.about, fix.row,
            getattr(earlier, "verdict", None), fix.verdict,
            getattr(earlier, "value", None), fix.value,
            fix.by, fix.why,
        )  # fmt: skip
        before[what] = fix


def _note_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    yield from ((note.t_us, note.text, note.by) for note in run.notes)


def _stop_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    yield from ((one.t_us, one.seconds, one.kind, one.device, one.cause) for one in run.spells)


def _machine_stop_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    for one in run.numbers.times.stops:
        yield (
            one.t0_us, one.seconds, one.device, one.kind, one.micro, one.cause, one.text,
            one.explained_by,
        )  # fmt: skip


def _consumable_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    for one in context_record.consumables(db):
        yield to_us(one.at), one.name, one.amount, unit_symbol(one.unit), one.by, one.why


def _sample_rows(run: RunSection, db: Evidence) -> Iterator[Row]:
    units = {each: unit_symbol(each.unit) for each in record.series(db)}
    start = run.started_us
    for sample in record.all_readings(db):
        device, signal, _ = sample.series
        elapsed = (sample.t_us - start) / 1e6
        yield (
            sample.t_us, elapsed, device, signal, sample.value, units[sample.series],
            sample.quality.name, sample.source_us,
        )  # fmt: skip


RUNS = Table(
    "runs",
    (
        *RUN,
        _column("number", Kind.COUNT),
        _column("rehearsal", Kind.FLAG),
        _text("condition", "report.condition"),
        _text("lot"),
        _text("operator", "report.operator"),
        _word("state", "run_state.", RunState, "report.state"),
        CAUSE,
        _column("started", Kind.TIME, required=True),
        _column("ended", Kind.TIME, required=True),
        *(_column(name, Kind.COUNT, f"report.{name}") for name in COUNTS),
        _column("cycle_n", Kind.COUNT, "export.run_cycle_n"),
        *(_number(name, f"export.run_{name}", unit=unit) for name, unit, _ in NUMBERS),
        _column("segments", Kind.COUNT, "report.segments"),
        _text("head", "report.head"),
    ),
    _run_rows,
)
PARTS = Table(
    "parts",
    (
        *RUN,
        _column("part_no", Kind.COUNT, required=True),
        TIME,
        _word("verdict", "verdict.", Verdict),
        _number("cycle_time", unit="s"),
        _word("source", "part_source.", SOURCES),
        CAUSE,
        BY,
        _word("verdict_first", "verdict.", Verdict),
        *CORRECTED,
    ),
    _part_rows,
)
MEASUREMENTS = Table(
    "measurements",
    (
        *RUN,
        _column("number", Kind.COUNT, required=True),
        TIME,
        _text("characteristic", required=True),
        _number("value", unit_in="unit"),
        _text("unit"),
        _column("part_no", Kind.COUNT),
        _text("gauge"),
        BY,
        _number("value_first", unit_in="unit", required=True),
        *CORRECTED,
    ),
    _measurement_rows,
)
CORRECTIONS = Table(
    "corrections",
    (
        *RUN,
        TIME,
        _word("about", "export.about.", ("part_event", "measurement")),
        _column("number", Kind.COUNT, required=True),
        _word("verdict_before", "verdict.", Verdict),
        _word("verdict_after", "verdict.", Verdict),
        _number("value_before"),
        _number("value_after"),
        _text("by", "export.corrected_by", required=True),
        _column("why", Kind.REASON, "export.corrected_why", required=True),
    ),
    _correction_rows,
)
NOTES = Table("notes", (*RUN, TIME, _text("note", "report.note"), BY), _note_rows)
STOPS = Table(
    "stops",
    (
        *RUN,
        TIME,
        _number("length", unit="s", required=True),
        _word("kind", "spell.", SPELLS, "report.kind"),
        _text("device"),
        CAUSE,
    ),
    _stop_rows,
)
MACHINE_STOPS = Table(
    "machine_stops",
    (
        *RUN,
        TIME,
        _number("length", unit="s", required=True),
        _text("device"),
        _word("kind", "spell.", SPELLS, "report.kind"),
        _column("micro", Kind.FLAG, required=True),
        CAUSE,
        _text("note", "report.note"),
        BY,
    ),
    _machine_stop_rows,
)
CONSUMABLES = Table(
    "consumables",
    (
        *RUN,
        TIME,
        _text("name", required=True),
        _number("amount", unit_in="unit", required=True),
        _text("unit"),
        BY,
        _text("why", "export.corrected_why"),
    ),
    _consumable_rows,
)
SAMPLES = Table(
    "samples",
    (
        *RUN,
        TIME,
        _number("elapsed", unit="s", required=True),
        _text("device", required=True),
        _text("signal", required=True),
        _number("value", unit_in="unit"),
        _text("unit"),
        _word("quality", "", tuple(each.name for each in Quality)),
        _column("source_time", Kind.TIME),
    ),
    _sample_rows,
)
TABLES = (
    RUNS, PARTS, MEASUREMENTS, CORRECTIONS, NOTES, STOPS, MACHINE_STOPS, CONSUMABLES, SAMPLES,
)  # fmt: skip
