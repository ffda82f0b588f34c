"""Trials, plans and runs in lab.db: the only place that reads and writes the `trial_` tables.

Every function takes the database and, where it matters, `now`; a refusal is a `TrialError` and
changes nothing.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlite_utils import Database

from trial_logs.errors import (
    AlreadyExists,
    EquipmentBusy,
    Invalid,
    NotPossibleNow,
    Unknown,
)
from trial_logs.model import (
    RUN_TABLE,
    Confidentiality,
    Run,
    RunAction,
    RunHeader,
    RunState,
    StateSpan,
    Trial,
    TrialDraft,
)
from trial_logs.plan_rules import draft_problems
from trial_logs.plan_versions import amendment_problems, refuse_amending
from trial_logs.stamps import from_ms, to_ms
from trial_logs.stores import plan_versions, plans

REFUSAL = {
    RunAction.START: "trial.already_started",
    RunAction.PAUSE: "trial.not_running",
    RunAction.RESUME: "trial.not_paused",
    RunAction.FINISH: "trial.not_running",
    RunAction.ABORT: "trial.not_running",
    RunAction.INTERRUPT: "trial.not_running",
}
TEXT_COLUMNS = (
    "booking_id", "party_id", "equipment_id", "title",
    "question", "part", "material", "baseline", "confidentiality",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordedHead:
    """The end of a run's evidence chain as lab.db took it, with the numbers computed from it."""

    run_id: str
    recorded: datetime
    segments: int
    head: str
    numbers: str


def next_trial_id(db: Database, day: date) -> str:
    """The next free trial number of a day, `T20261120-01`; `day` is the lab's own date."""
    prefix = f"T{day:%Y%m%d}-"
    taken = db.execute("SELECT id FROM trial_trial WHERE id LIKE ?", [prefix + "%"])
    numbers = [int(tail) for (each,) in taken if (tail := each.removeprefix(prefix)).isdecimal()]
    return f"{prefix}{max(numbers, default=0) + 1:02}"


def create_trial(db: Database, trial_id: str, draft: TrialDraft, now: datetime) -> Trial:
    """Store a trial with its plan. The same draft under the same id again is the same trial.

    Raises Invalid with all problems, or AlreadyExists when the id holds another trial.
    """
    problems = tuple(draft_problems(draft))
    if problems:
        raise Invalid(problems)
    known = _trial_row(db, trial_id)
    if known is not None:
        return _same_trial(db, trial_id, draft)
    with db.atomic():
        row = {name: getattr(draft, name) for name in TEXT_COLUMNS}
        db.table("trial_trial").insert({"id": trial_id, **row, "created_ms": to_ms(now)})
        plans.insert_plan(db, trial_id, draft)
        plan_versions.keep_version(db, trial_id, draft, now)
    return get_trial(db, trial_id)


def amend_plan(
    db: Database,
    trial_id: str,
    draft: TrialDraft,
    now: datetime,
    *,
    by: str,
    why: str,
    after_runs: bool = False,
) -> Trial:
    """Put another plan in force as the trial's next version; the ones before stay as they were.

    After the first run only with `after_runs`, and every report says so. Raises Unknown, Invalid
    with all problems, NotPossibleNow while a run is live, after runs, or where nothing changes.
    """
    trial, runs = get_trial(db, trial_id), list_runs(db, trial_id)
    refuse_amending(trial, runs, after_runs=after_runs)
    problems = (
        *draft_problems(draft),
        *amendment_problems(trial, draft, runs, by=by, why=why),
    )
    if problems:
        raise Invalid(problems)
    if draft == trial.draft:
        raise NotPossibleNow("trial.plan_unchanged", trial=trial_id)
    with db.atomic():
        if not trial.versions:  # stored by a release that kept none
            plan_versions.keep_version(db, trial_id, trial.draft, trial.created)
        texts = {name: getattr(draft, name) for name in TEXT_COLUMNS}
        db.table("trial_trial").update(trial_id, texts)
        plans.replace_plan(db, trial_id, draft)
        plan_versions.keep_version(db, trial_id, draft, now, by, why)
    return get_trial(db, trial_id)


def _same_trial(db: Database, trial_id: str, draft: TrialDraft) -> Trial:
    trial = get_trial(db, trial_id)
    if trial.draft != draft:
        raise AlreadyExists(trial=trial_id)
    return trial


def get_trial(db: Database, trial_id: str) -> Trial:
    """The trial with its plan; Unknown when there is none."""
    row = _trial_row(db, trial_id)
    if row is None:
        raise Unknown(trial=trial_id)
    return _trial(db, row)


def list_trials(
    db: Database, *, booking_id: str | None = None, party_id: str | None = None
) -> list[Trial]:
    """Trials, newest first, of one booking or one party where given."""
    rows = db.query(
        "SELECT * FROM trial_trial WHERE (:booking IS NULL OR booking_id = :booking)"
        " AND (:party IS NULL OR party_id = :party) ORDER BY created_ms DESC, id DESC",
        {"booking": booking_id, "party": party_id},
    )
    return [_trial(db, row) for row in list(rows)]


def _trial_row(db: Database, trial_id: str) -> dict[str, Any] | None:
    return next(iter(db.query("SELECT * FROM trial_trial WHERE id = ?", [trial_id])), None)


def _trial(db: Database, row: dict[str, Any]) -> Trial:
    texts = {name: row[name] for name in TEXT_COLUMNS if name != "confidentiality"}
    draft = TrialDraft(
        **texts,
        confidentiality=Confidentiality(row["confidentiality"]),
        limits=plans.limits_of(db, row["id"]),
        conditions=plans.conditions_of(db, row["id"]),
        protocol=plans.protocol_of(db, row["id"]),
    )
    versions = plan_versions.versions_of(db, row["id"])
    return Trial(row["id"], from_ms(row["created_ms"]), draft, versions)


def plan_run(
    db: Database,
    trial_id: str,
    condition: str,
    *,
    operator: str,
    simulated: bool,
    lot: str = "",
    rehearsal: bool = False,
) -> Run:
    """Add the trial's next run under one of its conditions, state planned.

    Raises Unknown for a condition or lot that is not of the plan.
    """
    trial = get_trial(db, trial_id)
    trial.planned(condition)
    if lot and lot not in [each.name for each in trial.draft.protocol.lots]:
        raise Unknown("trial.unknown_lot", trial=trial_id, lot=lot)
    (last,) = db.execute(
        "SELECT coalesce(max(number), 0) FROM trial_run WHERE trial_id = ?", [trial_id]
    ).fetchone()
    run_id = f"{trial_id}-R{last + 1}"
    with db.atomic():
        db.table("trial_run").insert(
            {
                "id": run_id,
                "trial_id": trial_id,
                "equipment_id": trial.draft.equipment_id,
                "number": last + 1,
                "condition": condition,
                "operator": operator,
                "simulated": simulated,
                "state": RunState.PLANNED,
                "lot": lot,
                "rehearsal": rehearsal,
            }
        )
    return get_run(db, run_id)


def get_run(db: Database, run_id: str) -> Run:
    """The run with its spans; Unknown when there is none."""
    row = next(iter(db.query("SELECT * FROM trial_run WHERE id = ?", [run_id])), None)
    if row is None:
        raise Unknown("trial.unknown_run", run=run_id)
    return _run(db, row)


def list_runs(db: Database, trial_id: str) -> list[Run]:
    """The runs of a trial by number."""
    rows = db.query("SELECT * FROM trial_run WHERE trial_id = ? ORDER BY number", [trial_id])
    return [_run(db, row) for row in list(rows)]


def live_runs(db: Database) -> list[Run]:
    """Runs that are running or paused, one at most per equipment."""
    rows = db.query("SELECT * FROM trial_run WHERE state IN ('running', 'paused') ORDER BY id")
    return [_run(db, row) for row in list(rows)]


def _run(db: Database, row: dict[str, Any]) -> Run:
    spans = db.execute(
        "SELECT state, since_ms, until_ms FROM trial_run_span WHERE run_id = ? ORDER BY rowid",
        [row["id"]],
    )
    names = ("id", "trial_id", "equipment_id", "number", "condition", "operator", "cause", "lot")
    return Run(
        **{name: row[name] for name in names},
        simulated=bool(row["simulated"]),
        rehearsal=bool(row["rehearsal"]),
        state=RunState(row["state"]),
        started=_maybe(row["started_ms"]),
        ended=_maybe(row["ended_ms"]),
        spans=tuple(StateSpan(RunState(s), from_ms(a), _maybe(b)) for s, a, b in spans),
    )


def _maybe(stamp: int | None) -> datetime | None:
    return None if stamp is None else from_ms(stamp)


def start_run(db: Database, run_id: str, now: datetime) -> Run:
    """planned → running; EquipmentBusy while another run holds the equipment."""
    return _move(db, run_id, RunAction.START, now, "")


def pause_run(db: Database, run_id: str, now: datetime, cause: str = "") -> Run:
    """running → paused."""
    return _move(db, run_id, RunAction.PAUSE, now, cause)


def resume_run(db: Database, run_id: str, now: datetime) -> Run:
    """paused → running."""
    return _move(db, run_id, RunAction.RESUME, now, "")


def finish_run(db: Database, run_id: str, now: datetime) -> Run:
    """running or paused → finished."""
    return _move(db, run_id, RunAction.FINISH, now, "")


def abort_run(db: Database, run_id: str, now: datetime, cause: str) -> Run:
    """running or paused → aborted; `cause` is a code or words of the person who decided."""
    return _move(db, run_id, RunAction.ABORT, now, cause)


def interrupt_run(db: Database, run_id: str, now: datetime, cause: str) -> Run:
    """running or paused → interrupted: the lab's fault, or its stop."""
    return _move(db, run_id, RunAction.INTERRUPT, now, cause)


def interrupt_running(db: Database, now: datetime, cause: str = "lab.restart") -> list[Run]:
    """Mark every live run interrupted, after a restart; returns them as they stand now."""
    return [interrupt_run(db, run.id, now, cause) for run in live_runs(db)]


def _move(db: Database, run_id: str, action: RunAction, now: datetime, cause: str) -> Run:
    run = get_run(db, run_id)
    state = RUN_TABLE.get((run.state, action))
    if state is None:
        raise NotPossibleNow(REFUSAL[action], run=run_id, state=run.state)
    # a clock set back must not end a span before it began
    stamp = max([to_ms(now)] + [to_ms(span.since) for span in run.spans])
    change: dict[str, Any] = {"state": state, "cause": cause}
    if action is RunAction.START:
        change["started_ms"] = stamp
    if state.is_over:
        change["ended_ms"] = stamp
    with db.atomic():
        db.execute(
            "UPDATE trial_run_span SET until_ms = ? WHERE run_id = ? AND until_ms IS NULL",
            [stamp, run_id],
        )
        if state.is_live:
            span = {"run_id": run_id, "state": state, "since_ms": stamp, "until_ms": None}
            db.table("trial_run_span").insert(span)
        _change_run(db, run, change)
    return get_run(db, run_id)


def _change_run(db: Database, run: Run, change: dict[str, Any]) -> None:
    try:
        db.table("trial_run").update(run.id, change)
    except sqlite3.IntegrityError as error:
        holder = [live.id for live in live_runs(db) if live.equipment_id == run.equipment_id]
        if not holder:
            raise
        raise EquipmentBusy(run=holder[0], equipment=run.equipment_id) from error


def run_header(trial: Trial, run: Run, energy: tuple[tuple[str, str], ...] = ()) -> RunHeader:
    """What the evidence of this run starts with; `energy` are (device, signal) of its meters."""
    condition = trial.planned(run.condition)
    protocol = trial.draft.protocol
    return RunHeader(
        run_id=run.id,
        trial_id=trial.id,
        number=run.number,
        equipment_id=run.equipment_id,
        condition=condition,
        operator=run.operator,
        simulated=run.simulated,
        limits=trial.draft.limits,
        energy=energy,
        lot=run.lot,
        rehearsal=run.rehearsal,
        planned_cycle_s=protocol.planned_cycle_s,
        microstop_s=protocol.microstop_s,
        stop_causes=protocol.stop_causes,
        plan_sha256=trial.plan_sha256,
    )


def close_run_evidence(
    db: Database, run_id: str, *, head: str, segments: int, numbers: str, now: datetime
) -> RecordedHead:
    """Take the end of the run's evidence chain and its numbers (canonical JSON) into lab.db.

    Called when the run is over, and again after each later correction; earlier heads stay.
    """
    run = get_run(db, run_id)
    if not run.state.is_over:
        raise NotPossibleNow("trial.still_live", run=run_id, state=run.state)
    with db.atomic():
        db.execute(
            "INSERT INTO trial_run_head (run_id, recorded_ms, segments, head, numbers)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (run_id, segments) DO NOTHING",
            [run_id, to_ms(now), segments, head, numbers],
        )
    return recorded_heads(db, run_id)[-1]


def recorded_heads(db: Database, run_id: str) -> list[RecordedHead]:
    """Every head lab.db took for the run, oldest first."""
    rows = db.execute(
        "SELECT run_id, recorded_ms, segments, head, numbers FROM trial_run_head"
        " WHERE run_id = ? ORDER BY segments",
        [run_id],
    )
    return [RecordedHead(r, from_ms(at), n, head, numbers) for r, at, n, head, numbers in rows]


def runs_without_head(db: Database) -> list[Run]:
    """Runs that are over but whose evidence was never closed, as after a crash."""
    rows = db.query(
        "SELECT * FROM trial_run WHERE state IN ('finished', 'aborted', 'interrupted')"
        " AND id NOT IN (SELECT run_id FROM trial_run_head) ORDER BY id"
    )
    return [_run(db, row) for row in list(rows)]
