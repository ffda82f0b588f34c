"""What a party gets of its own trials: how each stands, and its papers as files.

Everything is asked by booking, so a trial of somebody else's is answered like one there is not.
Papers are handed out only while they tell what the records tell now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from lab_controller.database import Database, Writer
from lab_controller.errors import LabError
from lab_controller.services import dossiers
from lab_controller.services.dossiers import Dossiers
from lab_controller.services.reports import Reports
from lab_controller.services.trial_books import RunCounts, TrialBooks
from trial_logs import store
from trial_logs.chain import last_segment
from trial_logs.digest import RunEnd
from trial_logs.errors import TrialError, Unknown
from trial_logs.exports.folder import CSV, PACKAGE, PDF, WORKBOOK
from trial_logs.inference.between_runs import share_of_runs
from trial_logs.inference.interval import Interval
from trial_logs.model import Condition, Trial, Verdict
from trial_logs.run_order import Made as RunMade
from trial_logs.run_order import plan_left
from trial_logs.stores.attachments import attachments_of
from trial_logs.stores.investment_sheets import newest_sheet
from trial_logs.stores.reports import MadeReport, reports_of

log = logging.getLogger(__name__)

REPORT, DOSSIER = "report", "dossier"
DATA = "data.zip"
FILES = {
    PDF: REPORT,
    dossiers.PDF: DOSSIER,
    WORKBOOK: REPORT,
    dossiers.WORKBOOK: DOSSIER,
    DATA: REPORT,
}
"""What a party may fetch, in the order it is offered, and the paper each file belongs to."""
ZIP_DAY = (1980, 1, 1, 0, 0, 0)


class NoSuchResult(LabError):
    """The booking has no such trial, or that file of it is not to be had now."""

    code = "lab.no_such_result"


class PapersNotMade(LabError):
    """Making a trial's papers failed; the cause is in the log."""

    code = "lab.papers_not_made"


@dataclass(frozen=True, slots=True)
class Tried:
    """One condition: its runs by the plan, its parts by verdict, and the yield of these."""

    condition: str
    runs_planned: int
    runs_done: int
    runs_left: int
    good: int
    scrap: int
    rework: int
    yield_share: Interval


@dataclass(frozen=True, slots=True)
class Paper:
    """A report or a dossier: when it was last made, and whether it still tells all there is."""

    kind: str
    made: datetime | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A trial as its party sees it; `files` are those of its current papers."""

    trial: Trial
    simulated: bool
    recorded: bool
    under_way: bool
    tried: tuple[Tried, ...]
    papers: tuple[Paper, ...]
    files: tuple[str, ...]

    @property
    def wanting(self) -> tuple[Paper, ...]:
        """The papers that are still to be made, or to be made again."""
        return tuple(each for each in self.papers if not each.is_current)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What lab.db knows that the papers depend on."""

    made: tuple[MadeReport, ...]
    changed: datetime | None
    own: frozenset[str]
    amended: datetime | None = None


class Results:
    """The results of a booking, for those who hold it."""

    def __init__(
        self, *, trials: TrialBooks, reports: Reports, dossiers: Dossiers, lab_db: Writer
    ) -> None:
        self._trials, self._reports, self._dossiers = trials, reports, dossiers
        self._db = lab_db
        self._making, self._packing = asyncio.Lock(), asyncio.Lock()

    async def of(self, booking: str, language: str) -> list[Result]:
        """The results of a booking's trials, oldest first."""
        trials = await self._trials.trials(booking)
        return [await self._result(each, language) for each in reversed(trials)]

    async def one(self, booking: str, trial: str, language: str) -> Result:
        """One of them. Raises NoSuchResult."""
        return await self._result(await self._own(booking, trial), language)

    async def make(self, booking: str, trial: str, language: str) -> Result:
        """Make what is wanting of a trial's papers, one trial at a time in the whole lab.

        Without a record, or with a run under way, nothing is made. Raises NoSuchResult,
        PapersNotMade.
        """
        async with self._making:
            found = await self.one(booking, trial, language)
            if not found.recorded or found.under_way:
                return found
            try:
                for paper in found.wanting:
                    await self._make(found.trial, paper.kind, language)
            except (LabError, TrialError, OSError, BrokenExecutor) as fault:
                log.exception("papers of %s could not be made", trial)
                raise PapersNotMade from fault
            return await self.one(booking, trial, language)

    async def file(self, booking: str, trial: str, name: str, language: str) -> Path:
        """A file of a current paper. Raises NoSuchResult."""
        found = await self.one(booking, trial, language)
        if name not in found.files:
            raise NoSuchResult
        id = found.trial.id
        if FILES[name] == DOSSIER:
            return await self._dossiers.file(id, name, language)
        if name != DATA:
            return await self._reports.file(id, name, language)
        package = await self._reports.file(id, PACKAGE, language)
        async with self._packing:
            return await asyncio.to_thread(zipped, package)

    async def _own(self, booking: str, trial: str) -> Trial:
        for each in await self._trials.trials(booking):
            if each.id == trial:
                return each
        raise NoSuchResult

    async def _result(self, trial: Trial, language: str) -> Result:
        runs = await self._trials.runs(trial.id)
        ends = await asyncio.to_thread(self._ends, runs)
        kept = await self._db.read(lambda db: _kept(db, trial, language))
        papers = tuple(_paper(kind, kept, ends) for kind in (REPORT, DOSSIER))
        current = {each.kind for each in papers if each.is_current}
        there = {file.name for made in kept.made for file in made.files} | {DATA}
        return Result(
            trial=trial,
            simulated=any(each.run.simulated for each in runs),
            recorded=bool(ends),
            under_way=any(each.run.state.is_live for each in runs),
            tried=_tried(trial, runs),
            papers=papers,
            files=tuple(name for name, kind in FILES.items() if kind in current and name in there),
        )

    def _ends(self, runs: Iterable[RunCounts]) -> frozenset[RunEnd]:
        found = ((one.run.id, self._trials.read_evidence(one.run.id, _end, None)) for one in runs)
        return frozenset(RunEnd(run, *end) for run, end in found if end is not None)

    async def _make(self, trial: Trial, kind: str, language: str) -> None:
        if kind == REPORT:
            await self._reports.make(trial.id, language)
            return
        kept = await self._db.read(lambda db: _kept(db, trial, language))
        last = _newest(kept, DOSSIER)
        inputs = last.inputs if last else {}
        others = [each for each in inputs.get("others", ()) if each in kept.own]
        condition = inputs.get("condition", "")
        await self._dossiers.make(trial.id, language, others=others, condition=condition)


def _end(db: Database) -> tuple[int, str] | None:
    last = last_segment(db)
    return (last.n, last.head) if last else None


def _kept(db: Database, trial: Trial, language: str) -> _Kept:
    made = [each for each in reports_of(db, trial.id) if each.language == language]
    changes = [each.added for each in attachments_of(db, trial.id)]
    with suppress(Unknown):  # no investment sheet yet
        changes.append(newest_sheet(db, trial.id).entered)
    own = store.list_trials(db, party_id=trial.draft.party_id)
    amended = trial.versions[-1].made if len(trial.versions) > 1 else None
    named = frozenset(each.id for each in own)
    return _Kept(tuple(made), max(changes, default=None), named, amended)


def _newest(kept: _Kept, kind: str) -> MadeReport | None:
    return next((each for each in kept.made if each.kind == kind), None)


def _paper(kind: str, kept: _Kept, ends: frozenset[RunEnd]) -> Paper:
    made = _newest(kept, kind)
    if made is None:
        return Paper(kind, None, is_current=False)
    amended_since = kept.amended is not None and kept.amended > made.made
    current = frozenset(made.ends) == ends and not amended_since
    if kind == DOSSIER:
        in_time = kept.changed is None or kept.changed <= made.made
        # beside a trial of another party it is the lab's paper, not this party's
        alone = kept.own.issuperset(made.inputs.get("others", ()))
        current = current and in_time and alone
    return Paper(kind, made.made, current)


def _tried(trial: Trial, runs: Sequence[RunCounts]) -> tuple[Tried, ...]:
    left = plan_left(trial.draft, [RunMade(each.run, each.produced) for each in runs])
    plan = {each.condition: each for each in left.conditions}

    def tried(condition: Condition) -> Tried:
        own = [each.by_verdict for each in runs if each.run.condition == condition.name]
        good, scrap, rework = (
            sum(each[verdict] for each in own)
            for verdict in (Verdict.GOOD, Verdict.SCRAP, Verdict.REWORK)
        )
        of = plan[condition.name]
        share = share_of_runs([(each[Verdict.GOOD], _judged(each)) for each in own])
        counts = (of.runs_planned, of.runs_done, of.runs_left)
        return Tried(condition.name, *counts, good, scrap, rework, share)

    return tuple(tried(each) for each in trial.draft.conditions)


def _judged(parts: Mapping[Verdict, int]) -> int:
    return sum(parts[verdict] for verdict in (Verdict.GOOD, Verdict.SCRAP, Verdict.REWORK))


def zipped(package: Path) -> Path:
    """The data package beside its files as one archive, the same bytes for the same files."""
    archive = package.with_name(DATA)
    if archive.exists() and archive.stat().st_mtime_ns >= package.stat().st_mtime_ns:
        return archive
    fresh = archive.with_suffix(".new")
    with ZipFile(fresh, "w", ZIP_DEFLATED) as writing:
        for name in (PACKAGE, *CSV):
            entry = ZipInfo(name, ZIP_DAY)
            entry.compress_type = ZIP_DEFLATED
            with package.with_name(name).open("rb") as source, writing.open(entry, "w") as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
    fresh.replace(archive)
    return archive
