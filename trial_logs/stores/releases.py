"""What is released to a vendor, the link it is read by, and who looked: all in lab.db.

Of a link only the SHA-256 of its token is kept: who reads the database cannot use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlite_utils import Database

from trial_logs.release import Released, Seen
from trial_logs.stamps import from_ms, to_ms


def released(db: Database, trial_id: str) -> list[Released]:
    """The fields that stand released, in the order they were."""
    rows = db.execute(
        "SELECT field, at_ms, by FROM trial_release WHERE trial_id = ? AND revoked_ms IS NULL"
        " ORDER BY id",
        [trial_id],
    )
    return [Released(field, from_ms(at), by) for field, at, by in rows]


def release(db: Database, trial_id: str, fields: Sequence[str], by: str, now: datetime) -> None:
    """Release fields; one that stands released stays as it is."""
    for field in fields:
        db.execute(
            "INSERT INTO trial_release (trial_id, field, at_ms, by) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [trial_id, field, to_ms(now), by],
        )


def revoke(db: Database, trial_id: str, fields: Sequence[str], by: str, now: datetime) -> None:
    """Take fields back; with none left the link ends too."""
    for field in fields:
        db.execute(
            "UPDATE trial_release SET revoked_ms = ?, revoked_by = ?"
            " WHERE trial_id = ? AND field = ? AND revoked_ms IS NULL",
            [to_ms(now), by, trial_id, field],
        )
    if not released(db, trial_id):
        end_link(db, trial_id, now)


def has_link(db: Database, trial_id: str) -> bool:
    """Whether a link stands."""
    sql = "SELECT 1 FROM trial_vendor_link WHERE trial_id = ? AND revoked_ms IS NULL"
    return db.execute(sql, [trial_id]).fetchone() is not None


def new_link(db: Database, trial_id: str, token: str, by: str, now: datetime) -> None:
    """Let a token open the trial's released fields; the one before it ends."""
    end_link(db, trial_id, now)
    db.execute(
        "INSERT INTO trial_vendor_link (token_sha256, trial_id, made_ms, by) VALUES (?, ?, ?, ?)",
        [_digest(token), trial_id, to_ms(now), by],
    )


def end_link(db: Database, trial_id: str, now: datetime) -> None:
    """End the link, if one stands."""
    db.execute(
        "UPDATE trial_vendor_link SET revoked_ms = ? WHERE trial_id = ? AND revoked_ms IS NULL",
        [to_ms(now), trial_id],
    )


def trial_of_link(db: Database, token: str) -> str | None:
    """The trial a token opens now; None for any other text."""
    sql = "SELECT trial_id FROM trial_vendor_link WHERE token_sha256 = ? AND revoked_ms IS NULL"
    row = db.execute(sql, [_digest(token)]).fetchone()
    return row and str(row[0])


def note_access(db: Database, trial_id: str, who: str, what: str, now: datetime) -> None:
    """Write down that somebody looked."""
    db.execute(
        "INSERT INTO trial_access (trial_id, at_ms, who, what) VALUES (?, ?, ?, ?)",
        [trial_id, to_ms(now), who, what],
    )


def has_seen(db: Database, trial_id: str, who: str, what: str, since: datetime) -> bool:
    """Whether the same look was written down since."""
    row = db.execute(
        "SELECT 1 FROM trial_access WHERE trial_id = ? AND who = ? AND what = ? AND at_ms > ?",
        [trial_id, who, what, to_ms(since)],
    ).fetchone()
    return row is not None


def accesses(db: Database, trial_id: str, most: int = 100) -> list[Seen]:
    """Who looked, newest first."""
    rows = db.execute(
        "SELECT at_ms, who, what FROM trial_access WHERE trial_id = ? ORDER BY id DESC LIMIT ?",
        [trial_id, most],
    )
    return [Seen(from_ms(at), who, what) for at, who, what in rows]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).hexdigest()
