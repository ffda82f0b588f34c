"""A trial's report as files, made in a worker process so that the loop never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from lab_controller import config
from lab_controller.config import Settings
from lab_controller.database import connect
from lab_controller.errors import LabError
from lab_controller.i18n import catalogue, text
from lab_controller.services.bookings import Bookings
from lab_controller.services.trials import Trials
from trial_logs.content import report_content, run_section
from trial_logs.export import write_parts_csv, write_samples_csv
from trial_logs.model import Trial
from trial_logs.report import render_report
from trial_logs.workbook import write_workbook

NAMES = ("report.pdf", "report.xlsx", "samples.csv", "parts.csv")


class NoRecord(LabError):
    """None of the trial's runs has recorded anything yet."""

    code = "lab.no_record"


class UnknownReportFile(LabError):
    """No such file, or the report has not been made yet."""

    code = "lab.unknown_report_file"


@dataclass(frozen=True, slots=True)
class Order:
    """What the worker needs: plain values and paths."""

    trial: Trial
    evidence: tuple[Path, ...]
    names: Mapping[str, str]
    labels: Mapping[str, str]
    zone: str
    language: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a report, and the characters its font lacked."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...]


class Reports:
    """The report use cases of the lab."""

    def __init__(
        self,
        *,
        settings: Settings,
        devices: Mapping[str, config.Device],
        trials: Trials,
        bookings: Bookings,
        signals: Callable[[str], Iterable[str]],
        folder: Path,
    ) -> None:
        self._settings, self._devices, self._signals = settings, devices, signals
        self._trials, self._bookings, self._folder = trials, bookings, folder

    async def make(self, trial: str, language: str) -> Made:
        """Make all files of a trial's report. Raises NoRecord."""
        order = await self._order(trial, language)
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as worker:
            return await asyncio.wrap_future(worker.submit(write_files, order))

    async def file(self, trial: str, name: str, language: str) -> Path:
        """One file of a report that has been made. Raises UnknownReportFile."""
        await self._trials.trial(trial)
        path = self._home(trial, language) / name
        if name not in NAMES or not path.exists():
            raise UnknownReportFile(name=name, known=", ".join(NAMES))
        return path

    def _home(self, trial: str, language: str) -> Path:
        return self._folder / trial / language

    async def _order(self, id: str, language: str) -> Order:
        trial = await self._trials.trial(id)
        booked = await self._bookings.one(trial.draft.booking_id)
        paths = [self._trials.evidence_path(found.run.id) for found in await self._trials.runs(id)]
        evidence = tuple(path for path in paths if path.exists())
        if not evidence:
            raise NoRecord(trial=id)
        lab = self._settings.lab
        english = language == "en"
        names = {
            "lab_name": lab.name.en if english else lab.name.ja,
            "party": booked.party.name,
            "equipment": booked.equipment.name.in_language(language),
            "vendor": booked.equipment.vendor,
            "operator": booked.operator.name if booked.operator else booked.booking.instructor,
        }
        labels = dict(self._labels(language))
        return Order(
            trial, evidence, names, labels, lab.timezone, language, self._home(id, language)
        )

    def _labels(self, language: str) -> Iterator[tuple[str, str]]:
        """What people call each device, and each signal of it."""
        for device in self._devices.values():
            name = device.name.en if language == "en" else device.name.ja
            yield device.id, name
            for signal in self._signals(device.id):
                yield f"{device.id}.{signal}", f"{name} {text(language, f'signal.{signal}')}"


def write_files(order: Order) -> Made:
    """Make the files (in the worker): PDF, workbook, samples and parts."""
    order.folder.mkdir(parents=True, exist_ok=True)
    words = catalogue(order.language)
    with ExitStack() as stack:
        runs = [connect(path, read_only=True) for path in order.evidence]
        for db in runs:
            stack.callback(db.close)
        content = report_content(
            order.trial,
            [run_section(db) for db in runs],
            zone=order.zone,
            labels=order.labels,
            **order.names,
        )
        paths = [order.folder / name for name in NAMES]
        rendered = render_report(content, words, paths[0])
        write_workbook(paths[1], content, words)
        write_samples_csv(paths[2], runs, words, order.zone)
        write_parts_csv(paths[3], runs, words, order.zone)
    return Made(tuple(paths), rendered.missing)
