"""The command ledger: a row before the wire, an end for every row, never a replay.

accepted → sent → done | failed | refused | unknown. A time-out is unknown, never failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from trial_logs.stamps import from_ms, to_ms


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One command as the ledger holds it; times are aware UTC lab time."""

    id: str
    device: str
    verb: str
    arguments: Mapping[str, Any]
    issuer: str
    lease: int | None
    issued: datetime
    state: str
    closed: datetime | None = None
    code: str = ""
    answer: str = ""


def accept(db: Database, row: LedgerRow, expires: datetime | None) -> None:
    """Write a command down before anything is sent."""
    db.execute(
        "INSERT INTO lab_command (id, device, verb, arguments, issuer, lease, issued_ms,"
        " expires_ms, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'accepted')",
        [
            row.id,
            row.device,
            row.verb,
            json.dumps(row.arguments, ensure_ascii=False, sort_keys=True),
            row.issuer,
            row.lease,
            to_ms(row.issued),
            to_ms(expires) if expires else None,
        ],
    )


def mark_sent(db: Database, command: str, now: datetime) -> None:
    """The command is about to go on the wire."""
    db.execute(
        "UPDATE lab_command SET state = 'sent', sent_ms = ? WHERE id = ? AND state = 'accepted'",
        [to_ms(now), command],
    )


def close(
    db: Database, command: str, state: str, now: datetime, code: str = "", answer: str = ""
) -> bool:
    """Give an open command its end; an end once given stays. Whether this one was taken."""
    cursor = db.execute(
        "UPDATE lab_command SET state = ?, closed_ms = ?, code = ?, answer = ?"
        " WHERE id = ? AND closed_ms IS NULL",
        [state, to_ms(now), code, answer, command],
    )
    return cursor.rowcount == 1


def close_left_open(db: Database, now: datetime) -> int:
    """At start: what an earlier life left open was sent or not, nobody knows. Returns how many."""
    cursor = db.execute(
        "UPDATE lab_command SET state = 'unknown', closed_ms = ?, code = 'lab.controller_restarted'"
        " WHERE closed_ms IS NULL",
        [to_ms(now)],
    )
    return int(cursor.rowcount)


def record_stops(db: Database, rows: Iterable[LedgerRow]) -> None:
    """Stops are written down after they are done: stopping waits for no ledger."""
    for row in rows:
        accept(db, row, None)
        close(db, row.id, row.state, row.closed or row.issued, row.code, row.answer)


def find(db: Database, command: str) -> LedgerRow | None:
    """One command by its id."""
    return next(iter(_rows(db.query("SELECT * FROM lab_command WHERE id = ?", [command]))), None)


def log(db: Database, device: str | None = None, limit: int = 50) -> list[LedgerRow]:
    """The newest commands first, of one device or of all."""
    where, params = ("WHERE device = ?", [device]) if device else ("", [])
    rows = db.query(
        f"SELECT * FROM lab_command {where} ORDER BY issued_ms DESC, rowid DESC LIMIT ?",  # noqa: S608
        [*params, limit],
    )
    return list(_rows(rows))


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterable[LedgerRow]:
    for row in rows:
        yield LedgerRow(
            id=row["id"],
            device=row["device"],
            verb=row["verb"],
            arguments=json.loads(row["arguments"]),
            issuer=row["issuer"],
            lease=row["lease"],
            issued=from_ms(row["issued_ms"]),
            state=row["state"],
            closed=from_ms(row["closed_ms"]) if row["closed_ms"] is not None else None,
            code=row["code"],
            answer=row["answer"],
        )
