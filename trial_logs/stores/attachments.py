"""The files of trials as lab.db lists them; their bytes lie in the data folder."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from trial_logs.attachments import Attachment, AttachmentKind, NewFile
from trial_logs.errors import Unknown
from trial_logs.stamps import from_ms, to_ms

COLUMNS = "id, trial_id, name, kind, sha256, size, media_type, added_ms, by"


def add(db: Database, trial_id: str, file: NewFile, by: str, now: datetime) -> Attachment:
    """List a file; the same content of the same kind again is the file already listed."""
    if not list(db.query("SELECT 1 FROM trial_trial WHERE id = ?", [trial_id])):
        raise Unknown(trial=trial_id)
    row = (trial_id, file.name, file.kind, file.sha256, file.size, file.media_type, to_ms(now), by)
    with db.atomic():
        db.execute(
            "INSERT INTO trial_attachment"
            " (trial_id, name, kind, sha256, size, media_type, added_ms, by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            row,
        )
    return next(
        each
        for each in attachments_of(db, trial_id)
        if (each.file.sha256, each.file.kind) == (file.sha256, file.kind)
    )


def attachments_of(db: Database, trial_id: str) -> list[Attachment]:
    """The files of a trial, oldest first."""
    sql = f"SELECT {COLUMNS} FROM trial_attachment WHERE trial_id = ? ORDER BY id"  # noqa: S608
    return [
        Attachment(
            number, trial, NewFile(name, AttachmentKind(kind), sha, size, media), from_ms(at), by
        )
        for number, trial, name, kind, sha, size, media, at, by in db.execute(sql, [trial_id])
    ]


def attachment(db: Database, trial_id: str, number: int) -> Attachment:
    """One file of a trial. Raises Unknown `trial.unknown_attachment`."""
    for each in attachments_of(db, trial_id):
        if each.number == number:
            return each
    raise Unknown("trial.unknown_attachment", trial=trial_id, number=number)
