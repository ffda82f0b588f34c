"""The plan of a trial in lab.db: limits, conditions and protocol as they are in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from trial_logs.model import Band, Condition, Limit, TrialDraft
from trial_logs.protocol import (
    Baseline,
    Factor,
    Lot,
    Protocol,
    SampleSize,
    StopCause,
    StopKind,
    StopRule,
)

REFERRED = "trial_condition"
"""Runs refer to its rows: they are changed in place."""
REPLACED = (
    "trial_protocol", "trial_limit", "trial_factor", "trial_lot",
    "trial_stop_rule", "trial_stop_cause",
)  # fmt: skip


def replace_plan(db: Database, trial_id: str, draft: TrialDraft) -> None:
    """Put another plan into these tables. Every condition a run refers to must be in it."""
    for table in REPLACED:
        db.table(table).delete_where("trial_id = ?", [trial_id])
    kept = [each.name for each in draft.conditions]
    gone = f"trial_id = ? AND name NOT IN ({', '.join('?' * len(kept))})"
    db.table(REFERRED).delete_where(gone, [trial_id, *kept])
    insert_plan(db, trial_id, draft)


def insert_plan(db: Database, trial_id: str, draft: TrialDraft) -> None:
    """Store limits, conditions and protocol of a new trial, in the order given."""
    protocol = draft.protocol
    rows: Mapping[str, list[dict[str, Any]]] = {
        "trial_limit": [asdict(limit) for limit in draft.limits],
        "trial_condition": [_condition_row(each) for each in draft.conditions],
        "trial_factor": [
            {"name": each.name, "unit": each.unit, "levels": _json(each.levels)}
            for each in protocol.factors
        ],
        "trial_lot": [asdict(each) for each in protocol.lots],
        "trial_stop_rule": [asdict(each) for each in protocol.stop_rules],
        "trial_stop_cause": [asdict(each) for each in protocol.stop_causes],
    }
    db.table("trial_protocol").insert({"trial_id": trial_id, **_protocol_row(protocol)})
    for table, found in rows.items():
        numbered = [{"trial_id": trial_id, "position": n, **row} for n, row in enumerate(found)]
        if table == REFERRED:
            db.table(table).upsert_all(numbered, pk=("trial_id", "name"))
        else:
            db.table(table).insert_all(numbered)


def _condition_row(condition: Condition) -> dict[str, Any]:
    return {
        "name": condition.name,
        "settings": _json(dict(condition.settings)),
        "bands": _json([asdict(band) for band in condition.bands]),
    }


def _protocol_row(protocol: Protocol) -> dict[str, Any]:
    baseline = asdict(protocol.baseline) | {"cycle_times_s": _json(protocol.baseline.cycle_times_s)}
    return {
        "template": protocol.template,
        **{f"baseline_{name}": value for name, value in baseline.items()},
        **asdict(protocol.sample),
        "planned_cycle_s": protocol.planned_cycle_s,
        "microstop_s": protocol.microstop_s,
        "randomised": protocol.randomised,
        "seed": protocol.seed,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def limits_of(db: Database, trial_id: str) -> tuple[Limit, ...]:
    """The acceptance limits of a trial, in order."""
    columns = "characteristic, nominal, tolerance, unit, gauge, low, high"
    return tuple(Limit(*row) for row in _rows(db, "trial_limit", columns, trial_id))


def conditions_of(db: Database, trial_id: str) -> tuple[Condition, ...]:
    """The conditions of a trial, in order."""
    return tuple(
        Condition(name, json.loads(settings), tuple(Band(**band) for band in json.loads(bands)))
        for name, settings, bands in _rows(db, "trial_condition", "name, settings, bands", trial_id)
    )


def protocol_of(db: Database, trial_id: str) -> Protocol:
    """The protocol of a trial; of one stored by a release that knew none, an empty one."""
    found = db.query("SELECT * FROM trial_protocol WHERE trial_id = ?", [trial_id])
    row = next(iter(found), None)
    if row is None:
        return Protocol()
    baseline = {name: row[f"baseline_{name}"] for name in Baseline.__dataclass_fields__}
    return Protocol(
        template=row["template"],
        baseline=Baseline(
            **baseline | {"cycle_times_s": tuple(json.loads(baseline["cycle_times_s"]))}
        ),
        factors=tuple(
            Factor(name, tuple(json.loads(levels)), unit)
            for name, levels, unit in _rows(db, "trial_factor", "name, levels, unit", trial_id)
        ),
        lots=tuple(Lot(*lot) for lot in _rows(db, "trial_lot", "name, quantity, note", trial_id)),
        sample=SampleSize(row["parts_per_run"], row["runs_per_condition"]),
        stop_rules=tuple(
            StopRule(StopKind(kind), value)
            for kind, value in _rows(db, "trial_stop_rule", "kind, value", trial_id)
        ),
        stop_causes=tuple(
            StopCause(*cause) for cause in _rows(db, "trial_stop_cause", "code, name", trial_id)
        ),
        planned_cycle_s=row["planned_cycle_s"],
        microstop_s=row["microstop_s"],
        randomised=bool(row["randomised"]),
        seed=row["seed"],
    )


def _rows(db: Database, table: str, columns: str, trial_id: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT {columns} FROM [{table}] WHERE trial_id = ? ORDER BY position"  # noqa: S608
    return db.execute(sql, [trial_id]).fetchall()
