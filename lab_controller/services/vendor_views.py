"""Letting a vendor see what a factory released of its trial, and writing down who looked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from lab_controller.clock import LabClock
from lab_controller.database import Database, Writer
from lab_controller.errors import LabError
from lab_controller.services.attachments import AttachmentLost, Attachments
from trial_logs import store
from trial_logs.attachments import Attachment
from trial_logs.bare_picture import NotBare, bare
from trial_logs.model import Run
from trial_logs.release import (
    FIELDS,
    Released,
    RunFacts,
    Seen,
    TrialFacts,
    VendorView,
    checked,
    photos,
    vendor_view,
)
from trial_logs.stores import attachments as files
from trial_logs.stores import releases

VENDOR = "vendor"
STAFF_AGAIN_AFTER = timedelta(hours=1)


class LinkOver(LabError):
    """No such link, or it was taken back: one answer for both."""

    code = "lab.unknown_vendor_link"


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a trial is released, whether a link stands, and who looked (newest first).

    `token` is the link's, told once when it is made: only its digest is kept.
    """

    trial: str
    fields: tuple[Released, ...]
    has_link: bool
    seen: tuple[Seen, ...]
    token: str = ""


class VendorViews:
    """The releases of the lab's trials."""

    def __init__(self, clock: LabClock, lab_db: Writer, attachments: Attachments) -> None:
        self._clock, self._db, self._attachments = clock, lab_db, attachments

    # -- what staff do, asked by the factory -------------------------------------------------

    async def standing(self, trial: str) -> Standing:
        """What is released, and who looked. Raises Unknown for no trial."""
        return await self._db.read(lambda db: _standing(db, trial))

    async def release(
        self, trial: str, fields: Sequence[str], *, by: str, new_link: bool = False
    ) -> Standing:
        """Release fields; the first time, or when asked, a link is made and the old one ends."""
        wanted, now, token = checked(fields), self._clock.now(), secrets.token_urlsafe(32)

        def step(db: Database) -> Standing:
            store.get_trial(db, trial)
            releases.release(db, trial, wanted, by, now)
            wants = new_link or not releases.has_link(db, trial)
            made = wants and bool(releases.released(db, trial))
            if made:
                releases.new_link(db, trial, token, by, now)
            return _standing(db, trial, token if made else "")

        return await self._db.write(step)

    async def revoke(self, trial: str, fields: Sequence[str], *, by: str) -> Standing:
        """Take fields back, all where none is named; with none left the link ends."""
        wanted, now = checked(fields) or tuple(FIELDS), self._clock.now()

        def step(db: Database) -> Standing:
            store.get_trial(db, trial)
            releases.revoke(db, trial, wanted, by, now)
            return _standing(db, trial)

        return await self._db.write(step)

    async def staff_looked(self, trial: str, who: str, what: str) -> None:
        """Write down that staff opened a trial or a file of it; a screen that stays open, once."""
        now = self._clock.now()
        since = now - STAFF_AGAIN_AFTER
        if await self._db.read(lambda db: releases.has_seen(db, trial, who, what, since)):
            return
        await self._db.write(lambda db: releases.note_access(db, trial, who, what, now))

    # -- what a vendor does ------------------------------------------------------------------

    async def view(self, token: str, trial: str | None = None) -> VendorView:
        """What a link shows; each look is written down. Raises LinkOver."""
        facts, fields = await self._opened(token, trial)
        await self._note(facts, "view")
        view = vendor_view(facts, fields)
        sections = [replace(each, digests=await self._digests(facts, each.photos))
                    for each in view.sections]  # fmt: skip
        return replace(view, sections=tuple(sections))

    async def photo(self, token: str, number: int) -> tuple[Attachment, bytes]:
        """A bare copy of a released picture. Raises LinkOver for any other file, and where no copy
        can be made.
        """
        facts, fields = await self._opened(token)
        shown = [each.number for each in photos(facts.files)] if "photos" in fields else []
        if number not in shown:
            raise LinkOver
        await self._note(facts, "photo")
        try:
            return await self._bare(facts, number)
        except NotBare as broken:
            raise LinkOver from broken

    async def _bare(self, facts: TrialFacts, number: int) -> tuple[Attachment, bytes]:
        """The original stays where and as it is."""
        found, path = await self._attachments.one(facts.trial.id, number)

        def copied() -> bytes:
            return bare(path.read_bytes(), found.file.media_type)

        return found, await asyncio.to_thread(copied)

    async def _digests(
        self, facts: TrialFacts, numbers: Sequence[int]
    ) -> tuple[tuple[str, str], ...]:
        originals = {each.number: each.file.sha256 for each in facts.files}
        told = []
        for number in numbers:
            copy = ""
            with suppress(NotBare, AttachmentLost):
                _, picture = await self._bare(facts, number)
                copy = await asyncio.to_thread(_sha256, picture)
            told.append((originals[number], copy))
        return tuple(told)

    async def _opened(self, token: str, wanted: str | None = None) -> tuple[TrialFacts, set[str]]:
        def read(db: Database) -> tuple[TrialFacts, set[str]] | None:
            trial = releases.trial_of_link(db, token)
            if trial is None or wanted not in (None, trial):
                return None
            return _facts(db, trial), {each.field for each in releases.released(db, trial)}

        found = await self._db.read(read)
        if found is None:
            raise LinkOver
        return found

    async def _note(self, facts: TrialFacts, what: str) -> None:
        now = self._clock.now()
        await self._db.write(lambda db: releases.note_access(db, facts.trial.id, VENDOR, what, now))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _standing(db: Database, trial: str, token: str = "") -> Standing:
    store.get_trial(db, trial)
    fields, seen = releases.released(db, trial), releases.accesses(db, trial)
    return Standing(trial, tuple(fields), releases.has_link(db, trial), tuple(seen), token)


def _facts(db: Database, trial: str) -> TrialFacts:
    runs = [_run_facts(db, run) for run in store.list_runs(db, trial) if run.state.is_over]
    return TrialFacts(
        store.get_trial(db, trial),
        tuple(run for run in runs if run is not None),
        tuple(files.attachments_of(db, trial)),
    )


def _run_facts(db: Database, run: Run) -> RunFacts | None:
    heads = store.recorded_heads(db, run.id)
    if not heads:
        return None
    return RunFacts(run.number, run.condition, run.simulated, json.loads(heads[-1].numbers))
