"""The command ledger: a row before the wire, an end for every row, never a replay.

accepted → sent → done | failed | refused | unknown. A time-out is unknown, never failed. What a
person found out about an unknown outcome is a further row (a settlement); the command stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from trial_logs.stamps import from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became known of an unknown outcome: carried_out, not_carried_out, or at_rest.

    `at_rest`: the device was since read back at rest; whether it obeyed nobody can tell.
    """

    outcome: str
    by: str
    at: datetime
    note: str


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
    params: Mapping[str, str] = field(default_factory=dict)
    settlement: Settlement | None = None


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
    db: Database,
    command: str,
    state: str,
    now: datetime,
    code: str = "",
    answer: str = "",
    params: Mapping[str, str] | None = None,
) -> bool:
    """Give an open command its end; an end once given stays. Whether this one was taken.

    `params` fill the sentence of `code`.
    """
    filling = json.dumps(dict(params or {}), ensure_ascii=False, sort_keys=True)
    cursor = db.execute(
        "UPDATE lab_command SET state = ?, closed_ms = ?, code = ?, answer = ?, params = ?"
        " WHERE id = ? AND closed_ms IS NULL",
        [state, to_ms(now), code, answer, filling, command],
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
    """Stops are written down after they are done: stopping waits for no ledger.

    One that is written down already (by an earlier life of the controller) stays as it is.
    """
    for row in rows:
        if find(db, row.id) is not None:
            continue
        accept(db, row, None)
        ended = row.closed or row.issued
        close(db, row.id, row.state, ended, row.code, row.answer, row.params)


def settle(db: Database, command: str, found: Settlement) -> None:
    """Write down what became known of an unknown outcome."""
    db.execute(
        "INSERT INTO lab_settlement (command, outcome, settled_by, settled_ms, note)"
        " VALUES (?, ?, ?, ?, ?)",
        [command, found.outcome, found.by, to_ms(found.at), found.note],
    )


def settle_at_rest(db: Database, devices: Iterable[str], by: str, now: datetime) -> None:
    """These devices were read back at rest: nothing of what was unknown goes on."""
    found = Settlement("at_rest", by, now, "")
    for device in devices:
        for command in unsettled(db, device):
            settle(db, command, found)


def unsettled(db: Database, device: str) -> list[str]:
    """Ids of the device's unknown commands nobody has looked into, oldest first."""
    rows = db.query(
        "SELECT id FROM lab_unsettled WHERE device = ? ORDER BY issued_ms, rowid", [device]
    )
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which commands to list: of a device, in a state (`unsettled` too), since when, how many."""

    device: str | None = None
    state: str | None = None
    since: datetime | None = None
    limit: int = 50


SELECT = """
    SELECT c.*, s.outcome, s.settled_by, s.settled_ms, s.note
    FROM lab_command c LEFT JOIN lab_settlement s
      ON s.id = (SELECT max(id) FROM lab_settlement WHERE command = c.id)
"""
FILTERS = {
    "device": "c.device = :device",
    "state": "c.state = :state",
    "unsettled": "c.id IN (SELECT id FROM lab_unsettled)",
    "since": "c.issued_ms >= :since",
}


def find(db: Database, command: str) -> LedgerRow | None:
    """One command by its id."""
    return next(iter(_rows(db.query(f"{SELECT} WHERE c.id = ?", [command]))), None)


def log(db: Database, wanted: Wanted) -> list[LedgerRow]:
    """The newest commands first, of those that are wanted."""
    given: dict[str, Any] = {
        "device": wanted.device,
        "state": None if wanted.state == "unsettled" else wanted.state,
        "unsettled": wanted.state == "unsettled" or None,
        "since": to_ms(wanted.since) if wanted.since else None,
    }
    used = [FILTERS[name] for name, value in given.items() if value is not None]
    where = "WHERE " + " AND ".join(used) if used else ""
    sql = f"{SELECT} {where} ORDER BY c.issued_ms DESC, c.rowid DESC LIMIT :limit"
    return list(_rows(db.query(sql, {**given, "limit": wanted.limit})))


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
            params=json.loads(row["params"]),
            settlement=_settlement(row),
        )


def _settlement(row: Mapping[str, Any]) -> Settlement | None:
    if row["outcome"] is None:
        return None
    return Settlement(row["outcome"], row["settled_by"], from_ms(row["settled_ms"]), row["note"])
