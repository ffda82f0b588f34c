"""The controller's own tables: commands, leases and the finished jobs that wait for a verdict."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("lab_controller")


@migrations()
def commands_and_leases(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE lab_lease (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            equipment TEXT NOT NULL,
            holder_kind TEXT NOT NULL CHECK (holder_kind IN ('booking', 'demo', 'maintenance')),
            holder TEXT NOT NULL,
            granted_by TEXT NOT NULL,
            granted_ms INTEGER NOT NULL,
            until_ms INTEGER NOT NULL,
            ended_ms INTEGER,
            end_reason TEXT
        ) STRICT
        """
    )
    db.execute("CREATE INDEX lab_lease_open ON lab_lease (equipment) WHERE ended_ms IS NULL")
    db.execute(
        """
        CREATE TABLE lab_command (
            id TEXT PRIMARY KEY,
            device TEXT NOT NULL,
            verb TEXT NOT NULL,
            arguments TEXT NOT NULL,
            issuer TEXT NOT NULL,
            lease INTEGER REFERENCES lab_lease (number),
            issued_ms INTEGER NOT NULL,
            expires_ms INTEGER,
            state TEXT NOT NULL CHECK (
                state IN ('accepted', 'sent', 'done', 'failed', 'refused', 'unknown')),
            sent_ms INTEGER,
            closed_ms INTEGER,
            code TEXT NOT NULL DEFAULT '',
            answer TEXT NOT NULL DEFAULT ''
        ) STRICT
        """
    )
    db.execute("CREATE INDEX lab_command_device ON lab_command (device, issued_ms)")
    db.execute(
        """
        CREATE VIEW lab_command_log AS
        SELECT datetime(issued_ms / 1000, 'unixepoch') AS issued_utc, device, verb, arguments,
               issuer, state, code, answer, lease, id
        FROM lab_command ORDER BY issued_ms DESC
        """
    )


def migrate(db: Database) -> None:
    """Bring the controller's tables up to date."""
    migrations.apply(db)
