"""Keeping the files of trials: bytes under their digest, the list in lab.db."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import NamedTemporaryFile

from lab_controller.clock import LabClock
from lab_controller.database import Writer
from lab_controller.errors import LabError
from lab_controller.jobfiles import FileTooLarge
from trial_logs import attachments as rules
from trial_logs import store
from trial_logs.attachments import Attachment, AttachmentKind
from trial_logs.stores import attachments as rows

MIB = 2**20


class AttachmentLost(LabError):
    """The list names a file whose bytes are no longer there."""

    code = "lab.attachment_lost"


class Attachments:
    """The folder of attachments, one below it for each trial."""

    def __init__(self, clock: LabClock, lab_db: Writer, folder: Path, most_mb: int) -> None:
        self._clock, self._db, self._folder, self.most_mb = clock, lab_db, folder, most_mb

    @property
    def most_bytes(self) -> int:
        """The largest file that is kept."""
        return self.most_mb * MIB

    async def keep(
        self, trial: str, name: str, kind: AttachmentKind, content: bytes, *, by: str
    ) -> Attachment:
        """Keep a file; the same content again is the same file.

        Raises FileTooLarge, Invalid for a file that is not what it says, Unknown for no trial.
        """
        if len(content) > self.most_bytes:
            raise FileTooLarge(limit=self.most_mb)
        file = await asyncio.to_thread(rules.judged, name, kind, content)
        found = await self._db.read(lambda db: store.get_trial(db, trial))
        await asyncio.to_thread(self._write, self._path(found.id, file.sha256), content)
        now = self._clock.now()
        return await self._db.write(lambda db: rows.add(db, found.id, file, by, now))

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as fresh:
            fresh.write(content)
        Path(fresh.name).replace(path)  # what bears a digest as its name is whole

    async def all(self, trial: str) -> list[Attachment]:
        """The files of a trial, oldest first."""
        await self._db.read(lambda db: store.get_trial(db, trial))
        return await self._db.read(lambda db: rows.attachments_of(db, trial))

    async def one(self, trial: str, number: int) -> tuple[Attachment, Path]:
        """A file and where its bytes lie. Raises Unknown or AttachmentLost."""
        found = await self._db.read(lambda db: rows.attachment(db, trial, number))
        path = self._path(found.trial_id, found.file.sha256)
        if not await asyncio.to_thread(path.is_file):
            raise AttachmentLost(name=found.file.name)
        return found, path

    def _path(self, trial: str, sha256: str) -> Path:
        """Both parts are the lab's own: a number it gave out and a digest it took."""
        return self._folder / trial / sha256
