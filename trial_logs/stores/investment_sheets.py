"""The investment sheets of trials in lab.db: the newest counts, the older ones stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from trial_logs.dossier.economics import InvestmentSheet
from trial_logs.dossier.investment import canonical, of_json
from trial_logs.errors import Unknown
from trial_logs.stamps import from_ms, to_ms

NONE = "sheet.none"


@dataclass(frozen=True, slots=True)
class EnteredSheet:
    """A sheet with who entered it and when."""

    trial_id: str
    entered: datetime
    by: str
    sheet: InvestmentSheet


def enter_sheet(
    db: Database, trial_id: str, sheet: InvestmentSheet, by: str, now: datetime
) -> EnteredSheet:
    """Keep a sheet; the same one again adds nothing. Raises Unknown for no such trial."""
    if not db.execute("SELECT 1 FROM trial_trial WHERE id = ?", [trial_id]).fetchone():
        raise Unknown(trial=trial_id)
    newest = next(iter(sheets_of(db, trial_id)), None)
    if newest is None or newest.sheet != sheet:
        row = {"trial_id": trial_id, "entered_ms": to_ms(now), "by": by, "sheet": canonical(sheet)}
        db.table("trial_sheet").insert(row)
    return newest_sheet(db, trial_id)


def newest_sheet(db: Database, trial_id: str) -> EnteredSheet:
    """The sheet that counts. Raises Unknown `sheet.none` where none was entered."""
    found = next(iter(sheets_of(db, trial_id)), None)
    if found is None:
        raise Unknown(NONE, trial=trial_id)
    return found


def sheets_of(db: Database, trial_id: str) -> list[EnteredSheet]:
    """Every sheet of a trial, newest first."""
    rows = db.execute(
        "SELECT entered_ms, by, sheet FROM trial_sheet WHERE trial_id = ? ORDER BY id DESC",
        [trial_id],
    )
    return [EnteredSheet(trial_id, from_ms(at), by, of_json(text)) for at, by, text in rows]
