"""The table of a trial's plans: each version as it was, with who changed it and why."""

from __future__ import annotations

PLAN_TABLES = (
    """CREATE TABLE trial_plan_version (
        id INTEGER PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        number INTEGER NOT NULL CHECK (number >= 1),
        made_ms INTEGER NOT NULL,
        by TEXT NOT NULL CHECK (number = 1 OR by <> ''),
        why TEXT NOT NULL CHECK (number = 1 OR why <> ''),
        plan TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        UNIQUE (trial_id, number)
    ) STRICT""",
    """CREATE TRIGGER trial_plan_version_stays BEFORE UPDATE ON trial_plan_version
        BEGIN SELECT RAISE(ABORT, 'a version of a plan is never changed'); END""",
    """CREATE TRIGGER trial_plan_version_is_kept BEFORE DELETE ON trial_plan_version
        BEGIN SELECT RAISE(ABORT, 'a version of a plan is never deleted'); END""",
)
