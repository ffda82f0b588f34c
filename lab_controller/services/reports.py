"""A trial's report as files, made in a worker process so that the loop never waits for it.

Everything that goes into the files is in an `Order`, so that they can be made again, to the byte,
without the controller and without lab.toml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from booking.store.bookings import booking_by_id
from lab_controller import config
from lab_controller.clock import LabClock
from lab_controller.config import Settings
from lab_controller.database import Database, Writer, connect
from lab_controller.errors import LabError
from lab_controller.i18n import catalogue, text
from lab_controller.services.bookings import named_booking
from lab_controller.services.making import Making
from trial_logs import record, store
from trial_logs.content import report_content, run_section
from trial_logs.digest import RunEnd
from trial_logs.exports.folder import CSV, JSON, PACKAGE, PDF, WORKBOOK, write_folder
from trial_logs.exports.package import sha256_of
from trial_logs.exports.tables import Source
from trial_logs.model import Trial
from trial_logs.report import render_report
from trial_logs.stores.reports import MadeFile, MadeReport, take_report

NAMES = (PDF, WORKBOOK, *CSV, JSON, PACKAGE)
FORMATS = ("pdf", "xlsx", "csv", "json", "package")
"""What a report consists of."""


class NoRecord(LabError):
    """None of the trial's runs has recorded anything yet."""

    code = "lab.no_record"


class UnknownReportFile(LabError):
    """No such file, or the report has not been made yet."""

    code = "lab.unknown_report_file"


@dataclass(frozen=True, slots=True)
class Order:
    """What the worker needs: plain values and paths. `names` and `devices` are for people."""

    trial: Trial
    evidence: tuple[Path, ...]
    names: Mapping[str, str]
    devices: Mapping[str, str]
    zone: str
    language: str
    folder: Path
    formats: Sequence[str] = FORMATS
    fonts: tuple[Path, ...] = ()

    @property
    def inputs(self) -> dict[str, Any]:
        """What must be remembered of it to make the same files again."""
        return {
            "names": dict(self.names),
            "devices": dict(self.devices),
            "zone": self.zone,
            "formats": list(self.formats),
            "fonts": [str(font) for font in self.fonts],
        }


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a report, what they were made from, and the characters its font lacked."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    sums: tuple[MadeFile, ...]
    ends: tuple[RunEnd, ...]
    digest: str


class Reports:
    """The report use cases of the lab."""

    def __init__(self, *, settings: Settings, clock: LabClock, lab_db: Writer) -> None:
        self._settings, self._clock, self._db = settings, clock, lab_db
        self._making = Making()

    async def make(self, trial: str, language: str) -> Made:
        """Make all files of a trial's report. Raises NoRecord."""
        folder = self._home(trial, language)
        order = await self._db.read(
            lambda db: order_of(db, self._settings, trial, language, folder)
        )
        made = await self._making.make(folder, write_files, order)
        taken = taken_of(order, made, "report", self._clock)
        await self._db.write(lambda db: take_report(db, taken))
        return made

    async def file(self, trial: str, name: str, language: str) -> Path:
        """One file of a report that has been made. Raises UnknownReportFile."""
        path = await made_file(self._db, trial, self._home(trial, language), name, NAMES)
        if path is None:
            raise UnknownReportFile(name=name, known=", ".join(NAMES))
        return path

    def _home(self, trial: str, language: str) -> Path:
        return self._settings.lab.data_dir / "reports" / trial / language


async def made_file(
    db: Writer, trial: str, folder: Path, name: str, names: Sequence[str]
) -> Path | None:
    """Where a file of one of the names was made for the trial, None: not yet. Raises Unknown."""
    await db.read(lambda lab: store.get_trial(lab, trial))
    path = folder / name
    return path if name in names and path.exists() else None


def order_of(
    db: Database,
    settings: Settings,
    id: str,
    language: str,
    folder: Path,
    formats: Sequence[str] = FORMATS,
) -> Order:
    """The order for a trial's files, from lab.db and lab.toml. Raises NoRecord."""
    trial = store.get_trial(db, id)
    booked = named_booking(db, booking_by_id(db, trial.draft.booking_id))
    places = [evidence_of(settings.lab.data_dir, run.id) for run in store.list_runs(db, id)]
    evidence = tuple(path for path in places if path.exists())
    if not evidence:
        raise NoRecord(trial=id)
    names = {
        "lab_name": _in(language, settings.lab.name),
        "lab_phone": settings.lab.phone,
        "party": booked.party.name,
        "equipment": booked.equipment.name.in_language(language),
        "vendor": booked.equipment.vendor,
        "operator": booked.operator.name if booked.operator else booked.booking.instructor,
    }
    devices = {device.id: _in(language, device.name) for device in settings.device}
    zone = settings.lab.timezone
    fonts = tuple(settings.report.fonts)
    return Order(trial, evidence, names, devices, zone, language, folder, formats, fonts)


def evidence_of(data_dir: Path, run: str) -> Path:
    """Where the record of a run lies."""
    return data_dir / "evidence" / f"{run}.db"


def _in(language: str, name: config.Names) -> str:
    return name.en if language == "en" else name.ja


def taken_of(order: Order, made: Made, kind: str, clock: LabClock) -> MadeReport:
    """What lab.db takes of files made."""
    return MadeReport(
        order.trial.id, kind, order.language, clock.now(), made.digest, made.ends,
        order.inputs, made.sums,
    )  # fmt: skip


def write_files(order: Order) -> Made:
    """Make the files (in the worker)."""
    order.folder.mkdir(parents=True, exist_ok=True)
    words = catalogue(order.language)
    with source_of(order) as source:
        paths: list[Path] = []
        missing: tuple[str, ...] = ()
        if "pdf" in order.formats:
            paths.append(order.folder / PDF)
            missing = render_report(source.content, words, paths[0], order.fonts).missing
        others = [name for name in order.formats if name != "pdf"]
        paths += write_folder(order.folder, others, source, words)
        ends = tuple(RunEnd(r.run_id, r.segments, r.head) for r in source.content.runs)
        digest = source.digest
    sums = tuple(MadeFile(path.name, sha256_of(path), path.stat().st_size) for path in paths)
    return Made(tuple(paths), missing, sums, ends, digest)


@contextmanager
def source_of(order: Order) -> Iterator[Source]:
    """The trial of an order, with the evidence of its runs open for reading.

    Each is read as it stands at one moment: what is recorded or corrected meanwhile is in none of
    the files, so that all of them fit the digest they bear.
    """
    with ExitStack() as stack:
        runs = [connect(path, read_only=True) for path in order.evidence]
        for db in runs:
            stack.callback(db.close)
            db.execute("BEGIN")
        labels = dict(_labels(order, runs))
        protocol = order.trial.draft.protocol
        sections = [run_section(db, protocol) for db in runs]
        content = report_content(
            order.trial, sections, zone=order.zone, labels=labels, **order.names
        )
        yield Source(content, runs)


def _labels(order: Order, runs: Sequence[Database]) -> Iterator[tuple[str, str]]:
    """What people call each device, and each signal of it that was recorded."""
    yield from order.devices.items()
    for series in dict.fromkeys(each for db in runs for each in record.series(db)):
        device = order.devices.get(series.device, series.device)
        signal = text(order.language, f"signal.{series.signal}")
        yield f"{series.device}.{series.signal}", f"{device} {signal}"
