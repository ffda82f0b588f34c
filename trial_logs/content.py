"""What a report is made of: plain values read from trial and evidence, no database behind them.

Everything here can be pickled into a worker process and turned into JSON with `asdict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlite_utils import Database

from trial_logs import record
from trial_logs.buckets import Bucket
from trial_logs.chain import last_segment
from trial_logs.inference.of_run import RunInference
from trial_logs.inferred import infer
from trial_logs.model import (
    JUDGED,
    Correction,
    Limit,
    PlanVersion,
    RunHeader,
    Series,
    Trial,
    Verdict,
)
from trial_logs.protocol import Protocol
from trial_logs.spans import Span
from trial_logs.spells import spells
from trial_logs.stamps import to_us
from trial_logs.summary import RunNumbers, summarise

CURVE_UNITS = ("Cel", "W", "N")
CURVE_POINTS = 400


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part as it counts, with its number within the run."""

    no: int
    t_us: int
    verdict: str
    source: str
    cycle_time_s: float | None
    cause: str
    by: str
    corrected_by: str = ""
    corrected_why: str = ""


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """A measurement as it counts; `value` None: taken back."""

    t_us: int
    characteristic: str
    value: float | None
    unit: str
    gauge: str
    by: str
    part_no: int | None
    corrected_by: str = ""
    corrected_why: str = ""


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note, and who wrote it."""

    t_us: int
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class SpellRow:
    """A pause, stop or gap: its kind, device, start and length."""

    kind: str
    device: str
    t_us: int
    seconds: float
    cause: str


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """What was recorded of one series: how many readings, their range and mean, how many BAD."""

    device: str
    signal: str
    unit: str
    readings: int
    minimum: float | None
    mean: float | None
    maximum: float | None
    bad: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A series over the run: (seconds since its start, min, mean, max) per piece of time.

    A point without numbers is a break in the line.
    """

    device: str
    signal: str
    unit: str
    points: tuple[tuple[float, float | None, float | None, float | None], ...]


@dataclass(frozen=True, slots=True)
class RunSection:
    """One run as a report shows it."""

    run_id: str
    number: int
    condition: str
    settings: dict[str, str]
    operator: str
    simulated: bool
    state: str
    cause: str
    started_us: int
    ended_us: int
    numbers: RunNumbers
    parts: tuple[PartRow, ...]
    measurements: tuple[MeasurementRow, ...]
    notes: tuple[NoteRow, ...]
    spells: tuple[SpellRow, ...]
    series: tuple[SeriesRow, ...]
    curves: tuple[Curve, ...]
    head: str
    segments: int
    inference: RunInference
    plan_sha256: str = ""

    @property
    def cycle_s(self) -> list[float]:
        """The cycle times in the order the parts were made, taken-back parts left out."""
        return counted_cycles(self.parts)


@dataclass(frozen=True, slots=True)
class ReportContent:
    """One trial as its report shows it. `labels` name devices and `device.signal` for people.

    `date_us` is the trial's own time: it dates the document, whenever that is printed.
    """

    lab_name: str
    trial_id: str
    title: str
    party: str
    equipment: str
    vendor: str
    operator: str
    date_us: int
    zone: str
    question: str
    part: str
    material: str
    baseline: str
    confidentiality: str
    limits: tuple[Limit, ...]
    runs: tuple[RunSection, ...]
    labels: dict[str, str] = field(default_factory=dict)
    protocol: Protocol = field(default_factory=Protocol)
    versions: tuple[PlanVersion, ...] = ()
    lab_phone: str = ""

    @property
    def simulated(self) -> bool:
        """Whether any run was made on simulated equipment."""
        return any(run.simulated for run in self.runs)


def report_content(
    trial: Trial,
    runs: Sequence[RunSection],
    *,
    lab_name: str,
    party: str,
    equipment: str,
    vendor: str,
    operator: str,
    zone: str,
    labels: Mapping[str, str] | None = None,
    lab_phone: str = "",
) -> ReportContent:
    """The trial with its runs, dated by its first run (before that, by when it was created)."""
    draft = trial.draft
    started = [run.started_us for run in runs]
    return ReportContent(
        lab_name=lab_name,
        trial_id=trial.id,
        title=draft.title,
        party=party,
        equipment=equipment,
        vendor=vendor,
        operator=operator,
        date_us=min(started, default=to_us(trial.created)),
        zone=zone,
        question=draft.question,
        part=draft.part,
        material=draft.material,
        baseline=draft.baseline,
        confidentiality=draft.confidentiality.value,
        limits=draft.limits,
        runs=tuple(runs),
        labels=dict(labels or {}),
        protocol=draft.protocol,
        versions=trial.versions,
        lab_phone=lab_phone,
    )


def run_section(db: Database, protocol: Protocol | None = None) -> RunSection:
    """A run from its evidence database; the protocol says which scrap share is too much."""
    header = record.read_header(db)
    span = record.run_span(db)
    last = record.moves(db)[-1]
    end = last_segment(db)
    numbers, parts, taken = summarise(db), tuple(part_rows(db)), tuple(_measurements(db))
    return RunSection(
        run_id=header.run_id,
        number=header.number,
        condition=header.condition.name,
        settings=dict(header.condition.settings),
        operator=header.operator,
        simulated=header.simulated,
        state=last.state.value,
        cause=last.cause,
        started_us=span[0],
        ended_us=span[1],
        numbers=numbers,
        parts=parts,
        measurements=taken,
        notes=tuple(NoteRow(to_us(each.at), each.text, each.by) for each in record.notes(db)),
        spells=tuple(
            SpellRow(
                each.kind, each.device, each.t0_us, (each.t1_us - each.t0_us) / 1e6, each.cause
            )
            for each in spells(db)
        ),
        series=tuple(_overview(db, each) for each in record.series(db)),
        curves=tuple(_curve(db, each, span) for each in _plotted(db, header)),
        head=end.head if end else "",
        segments=end.n if end else 0,
        inference=infer(numbers, counted_cycles(parts), _values(taken), header.limits, protocol),
        plan_sha256=header.plan_sha256,
    )


def _values(taken: Iterable[MeasurementRow]) -> Iterator[tuple[str, str, float]]:
    """Characteristic, unit and value, of each part the first: measured again is no second part."""
    seen: set[tuple[str, str, int]] = set()
    for row in taken:
        if row.value is None:
            continue
        if row.part_no is not None:
            key = (row.characteristic, row.unit, row.part_no)
            if key in seen:
                continue
            seen.add(key)
        yield row.characteristic, row.unit, row.value


def counted_cycles(parts: Sequence[PartRow]) -> list[float]:
    """The cycle times of the parts that count, in the order they were made."""
    made = (part for part in parts if part.verdict != Verdict.VOID)
    return [part.cycle_time_s for part in made if part.cycle_time_s is not None]


def part_rows(db: Database) -> list[PartRow]:
    """Every part counted, with the verdict that counts now."""
    return [
        PartRow(
            part.no,
            to_us(part.event.at),
            part.verdict.value,
            part.event.source.value,
            part.event.cycle_time_s,
            _cause(judged.why) if judged else part.event.cause,
            judged.by if judged else part.event.by,
            fix.by if fix else "",
            fix.why if fix else "",
        )
        for part in record.parts(db)
        for judged, fix in [_judged_or_corrected(part)]
    ]


def _cause(why: str) -> str:
    return "" if why == JUDGED else why


def _judged_or_corrected(part: record.Part) -> tuple[Correction | None, Correction | None]:
    """The first verdict on a part the device could not judge is no correction of anything."""
    waited = part.event.verdict is Verdict.UNJUDGED and part.verdict is not Verdict.VOID
    return (part.corrected, None) if waited else (None, part.corrected)


def _measurements(db: Database) -> list[MeasurementRow]:
    return [
        MeasurementRow(
            to_us(each.measurement.at),
            each.measurement.characteristic,
            each.value,
            each.measurement.unit,
            each.measurement.gauge,
            each.measurement.by,
            each.measurement.part_no,
            each.corrected.by if each.corrected else "",
            each.corrected.why if each.corrected else "",
        )
        for each in record.measurements(db)
    ]


def _overview(db: Database, series: Series) -> SeriesRow:
    count, low, mean, high, bad = record.overview(db, series)
    return SeriesRow(*series, count, low, mean, high, bad)


def _plotted(db: Database, header: RunHeader) -> list[Series]:
    """What has a picture: signals of the run's machines and meters, and those with a band."""
    own = {*header.machines, *(device for device, _ in header.energy)}
    banded = {(band.device, band.signal) for band in header.condition.bands}
    return [
        each
        for unit in CURVE_UNITS
        for each in record.series(db)
        if each.unit == unit
        and (not header.machines or each.device in own or (each.device, each.signal) in banded)
    ]


def _curve(db: Database, series: Series, span: Span) -> Curve:
    t0, t1 = span[0], max(span[1], span[0] + 1)
    pieces = record.window(db, series, t0, t1, CURVE_POINTS)
    return Curve(*series, tuple(_point(each, t0) for each in pieces if each.worst is not None))


def _point(piece: Bucket, t0: int) -> tuple[float, float | None, float | None, float | None]:
    middle = (piece.t0_us + piece.t1_us) / 2 - t0
    return round(middle / 1e6, 3), piece.minimum, piece.mean, piece.maximum
