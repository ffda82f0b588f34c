"""The tables of what belongs to a trial beside its plan: files, released fields, who looked."""

from __future__ import annotations

SHARING_TABLES = (
    """CREATE TABLE trial_attachment (
        id INTEGER PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        name TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('photo', 'drawing', 'quote', 'program', 'other')),
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL CHECK (size > 0),
        media_type TEXT NOT NULL,
        added_ms INTEGER NOT NULL,
        by TEXT NOT NULL,
        UNIQUE (trial_id, sha256, kind)
    ) STRICT""",
    """CREATE TABLE trial_release (
        id INTEGER PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        field TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        by TEXT NOT NULL,
        revoked_ms INTEGER,
        revoked_by TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    """CREATE UNIQUE INDEX trial_release_one_standing ON trial_release (trial_id, field)
        WHERE revoked_ms IS NULL""",
    """CREATE TABLE trial_vendor_link (
        token_sha256 TEXT PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        made_ms INTEGER NOT NULL,
        by TEXT NOT NULL,
        revoked_ms INTEGER
    ) STRICT""",
    """CREATE UNIQUE INDEX trial_vendor_link_one_standing ON trial_vendor_link (trial_id)
        WHERE revoked_ms IS NULL""",
    """CREATE TABLE trial_access (
        id INTEGER PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        at_ms INTEGER NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX trial_access_trial ON trial_access (trial_id, at_ms)",
)
