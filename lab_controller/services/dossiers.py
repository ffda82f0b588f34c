"""A trial's purchase dossier, made in a worker process so that the loop never waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from lab_controller.clock import LabClock
from lab_controller.config import Settings
from lab_controller.database import Database, Writer
from lab_controller.errors import LabError
from lab_controller.i18n import catalogue
from lab_controller.services.attachments import AttachmentLost, Attachments
from lab_controller.services.investments import Investments
from lab_controller.services.making import Making
from lab_controller.services.reports import Made, Order, made_file, order_of, source_of, taken_of
from trial_logs import store
from trial_logs.attachments import Attachment as Kept
from trial_logs.attachments import AttachmentKind
from trial_logs.digest import RunEnd
from trial_logs.dossier.content import (
    Attachment,
    DossierContent,
    Left,
    TriedHere,
    dossier_content,
)
from trial_logs.dossier.document import PRINTABLE, render_dossier
from trial_logs.dossier.economics import InvestmentSheet
from trial_logs.dossier.grant_pack import Pack
from trial_logs.dossier.quotes import QuoteFile, is_quote, quoted, with_pages
from trial_logs.errors import Unknown
from trial_logs.exports.money_sheet import write_money
from trial_logs.exports.package import sha256_of
from trial_logs.run_order import Made as RunMade
from trial_logs.run_order import plan_left
from trial_logs.stores.investment_sheets import newest_sheet
from trial_logs.stores.reports import MadeFile, take_report

PDF, WORKBOOK = "dossier.pdf", "dossier.xlsx"
NAMES = (PDF, WORKBOOK)
MOST_PICTURES = 12


class UnknownDossierFile(LabError):
    """No such file, or the dossier has not been made yet."""

    code = "lab.unknown_dossier_file"


@dataclass(frozen=True, slots=True)
class DossierOrder:
    """What the worker needs: plain values and paths.

    `others` are the trials set beside it. `on` is the day the grant packs are judged by.
    """

    trial: Order
    others: tuple[Order, ...]
    sheet: InvestmentSheet | None
    packs: tuple[Pack, ...]
    on: date
    condition: str
    left: tuple[Left, ...]
    attachments: tuple[Attachment, ...]
    pictures: dict[str, Path]
    quotes: tuple[QuoteFile, ...]


class Dossiers:
    """The dossier use cases of the lab."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: LabClock,
        lab_db: Writer,
        investments: Investments,
        attachments: Attachments,
    ) -> None:
        self._settings, self._clock, self._db = settings, clock, lab_db
        self._investments, self._attachments = investments, attachments
        self._making = Making()

    async def make(
        self, trial: str, language: str, *, others: Sequence[str] = (), condition: str = ""
    ) -> Made:
        """Make the dossier of a trial, beside others. Raises NoRecord, Unknown."""
        order = await self._db.read(lambda db: self._order(db, trial, language, others, condition))
        order = await self._with_files(order)
        made = await made_of(self._making, order)
        taken = taken_of(order.trial, made, "dossier", self._clock)
        beside = {"others": [each.trial.id for each in order.others], "condition": condition}
        taken = replace(taken, inputs={**taken.inputs, **beside})
        await self._db.write(lambda db: take_report(db, taken))
        return made

    async def file(self, trial: str, name: str, language: str) -> Path:
        """One file of a dossier that has been made. Raises UnknownDossierFile."""
        path = await made_file(self._db, trial, self._home(trial, language), name, NAMES)
        if path is None:
            raise UnknownDossierFile(name=name, known=", ".join(NAMES))
        return path

    def _home(self, trial: str, language: str) -> Path:
        return self._settings.lab.data_dir / "dossiers" / trial / language

    def _order(
        self, db: Database, id: str, language: str, others: Sequence[str], condition: str
    ) -> DossierOrder:
        home = self._home(id, language)
        own = order_of(db, self._settings, id, language, home)
        if condition:
            own.trial.planned(condition)
        named = [other for other in dict.fromkeys(others) if other != id]
        return DossierOrder(
            trial=own,
            others=tuple(order_of(db, self._settings, each, language, home) for each in named),
            sheet=_sheet(db, id),
            packs=self._investments.packs,
            on=self._investments.today,
            condition=condition,
            left=_left(db, own),
            attachments=(),
            pictures={},
            quotes=(),
        )

    async def _with_files(self, order: DossierOrder) -> DossierOrder:
        """The order with the trial's files; one whose bytes are gone is only listed."""
        trial = order.trial.trial.id
        kept = await self._attachments.all(trial)
        found = {one.number: await self._place(trial, one) for one in kept}
        photos = [one for one in kept if _is_photo(one) and found[one.number]][:MOST_PICTURES]
        places = {_picture(one): path for one in photos if (path := found[one.number])}
        named = quoted(order.sheet)
        asked = [one for one in kept if is_quote(one.file.name, one.file.kind.value, named)]
        quotes = tuple(
            QuoteFile(one.file.sha256, found[one.number], one.file.media_type) for one in asked
        )
        listed = tuple(_attachment(each, places) for each in kept)
        return replace(order, attachments=listed, pictures=places, quotes=quotes)

    async def _place(self, trial: str, kept: Kept) -> Path | None:
        with suppress(AttachmentLost):
            return (await self._attachments.one(trial, kept.number))[1]
        return None


def _sheet(db: Database, trial: str) -> InvestmentSheet | None:
    try:
        return newest_sheet(db, trial).sheet
    except Unknown:
        return None


def _left(db: Database, order: Order) -> tuple[Left, ...]:
    """What the plan still wants; parts do not matter here."""
    made = [RunMade(run, 0) for run in store.list_runs(db, order.trial.id)]
    found = plan_left(order.trial.draft, made).conditions
    return tuple(Left(each.condition, each.runs_left) for each in found if each.runs_left)


def _is_photo(kept: Kept) -> bool:
    return kept.file.kind is AttachmentKind.PHOTO and kept.file.media_type in PRINTABLE


def _picture(kept: Kept) -> str:
    return f"picture-{kept.number}.{PRINTABLE[kept.file.media_type]}"


def _attachment(kept: Kept, places: Mapping[str, Path]) -> Attachment:
    file = kept.file
    picture = _picture(kept) if _is_photo(kept) else ""
    return Attachment(
        file.name, file.sha256, file.size, file.kind.value, picture if picture in places else ""
    )


async def made_of(making: Making, order: DossierOrder) -> Made:
    """The dossier, without its quotes where reading one of them killed the worker."""
    try:
        return await making.make(order.trial.folder, write_dossier, order)
    except BrokenProcessPool:
        if not order.quotes:
            raise
    quotes = tuple(replace(each, path=None, code="crashed") for each in order.quotes)
    return await making.make(order.trial.folder, write_dossier, replace(order, quotes=quotes))


def write_dossier(order: DossierOrder) -> Made:
    """Make the dossier (in the worker): one trial's record is open at a time."""
    order.trial.folder.mkdir(parents=True, exist_ok=True)
    path = order.trial.folder / PDF
    words = catalogue(order.trial.language)
    with TemporaryDirectory() as folder:
        drawn = with_pages(order.attachments, order.quotes, Path(folder))
        content = content_of(replace(order, attachments=drawn))
        printed = render_dossier(content, words, path, order.trial.fonts, order.pictures)
    report = content.report
    ends = tuple(RunEnd(run.run_id, run.segments, run.head) for run in report.runs)
    paths = [path]
    if content.economics:
        paths.append(order.trial.folder / WORKBOOK)
        date_us = report.date_us
        write_money(paths[1], report.trial_id, content.digest, date_us, content.economics, words)
    sums = tuple(MadeFile(one.name, sha256_of(one), one.stat().st_size) for one in paths)
    return Made(tuple(paths), printed.missing, sums, ends, content.digest)


def content_of(order: DossierOrder) -> DossierContent:
    """The dossier's content, read from the evidence of all its trials."""
    trial = _tried(order.trial)
    return dossier_content(
        trial,
        on=order.on,
        sheet=order.sheet,
        packs=order.packs,
        others=[_tried(other) for other in order.others],
        attachments=order.attachments,
        left=order.left,
        condition=order.condition,
    )


def _tried(order: Order) -> TriedHere:
    with source_of(order) as source:
        return TriedHere(order.trial.draft, source.content)
