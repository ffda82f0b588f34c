"""The versions of a trial's plan in lab.db: written once each, never changed."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from trial_logs.model import PlanVersion, TrialDraft
from trial_logs.plan_versions import digest, plan_json
from trial_logs.stamps import from_ms, to_ms


def versions_of(db: Database, trial_id: str) -> tuple[PlanVersion, ...]:
    """Every version of a trial's plan, oldest first; none of one an earlier release stored."""
    rows = db.execute(
        "SELECT number, made_ms, by, why, plan, sha256 FROM trial_plan_version"
        " WHERE trial_id = ? ORDER BY number",
        [trial_id],
    )
    return tuple(
        PlanVersion(number, from_ms(made), by, why, plan, sha256)
        for number, made, by, why, plan, sha256 in rows
    )


def keep_version(
    db: Database, trial_id: str, draft: TrialDraft, made: datetime, by: str = "", why: str = ""
) -> None:
    """Add a plan as the trial's next version."""
    (last,) = db.execute(
        "SELECT coalesce(max(number), 0) FROM trial_plan_version WHERE trial_id = ?", [trial_id]
    ).fetchone()
    plan = plan_json(draft)
    row = {"trial_id": trial_id, "number": last + 1, "made_ms": to_ms(made), "by": by, "why": why}
    db.table("trial_plan_version").insert({**row, "plan": plan, "sha256": digest(plan)})
