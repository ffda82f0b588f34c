"""Every change, who made it, when and why. Entries are only ever added.

Names, telephone numbers and other personal values are never written here, so they can be erased.
"""

from __future__ import annotations

from datetime import datetime

from booking.model import AuditEntry
from booking.store.rows import Database, from_ms, rows, to_ms


def note(
    db: Database,
    now: datetime,
    by: str,
    what: str,
    subject: str,
    subject_id: str,
    *,
    was: str = "",
    became: str = "",
    reason: str = "",
) -> None:
    """Write one entry."""
    entry = {
        "at": to_ms(now),
        "who": by,
        "what": what,
        "subject": subject,
        "subject_id": subject_id,
        "was": was,
        "became": became,
        "reason": reason,
    }
    db.execute(
        "INSERT INTO booking_audit (at, who, what, subject, subject_id, was, became, reason)"
        " VALUES (:at, :who, :what, :subject, :subject_id, :was, :became, :reason)",
        entry,
    )


def history(db: Database, subject_id: str) -> list[AuditEntry]:
    """All entries about one thing, oldest first."""
    sql = "SELECT * FROM booking_audit WHERE subject_id = :id ORDER BY id"
    return [
        AuditEntry(
            at=from_ms(row["at"]),
            by=row["who"],
            what=row["what"],
            subject=row["subject"],
            subject_id=row["subject_id"],
            was=row["was"],
            became=row["became"],
            reason=row["reason"],
        )
        for row in rows(db, sql, {"id": subject_id})
    ]
