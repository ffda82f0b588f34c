"""The controller's own tables: leases, commands, and what people found out about lost outcomes."""

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


@migrations()
def reasons_and_settlements(db: Database) -> None:
    for column in ("why", "ended_by", "end_note"):
        db.execute(f"ALTER TABLE lab_lease ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
    db.execute(
        """
        CREATE TABLE lab_settlement (
            id INTEGER PRIMARY KEY,
            command TEXT NOT NULL REFERENCES lab_command (id),
            outcome TEXT NOT NULL CHECK (
                outcome IN ('carried_out', 'not_carried_out', 'at_rest')),
            settled_by TEXT NOT NULL,
            settled_ms INTEGER NOT NULL,
            note TEXT NOT NULL
        ) STRICT
        """
    )
    db.execute("CREATE INDEX lab_settlement_command ON lab_settlement (command)")
    db.execute(
        """
        CREATE VIEW lab_unsettled AS
        SELECT * FROM lab_command
        WHERE state = 'unknown' AND (lease IS NOT NULL OR verb = 'safe_state')
          AND id NOT IN (SELECT command FROM lab_settlement)
        """
    )


@migrations()
def commands_keep_the_parameters_of_their_end(db: Database) -> None:
    db.execute("ALTER TABLE lab_command ADD COLUMN params TEXT NOT NULL DEFAULT '{}'")


def migrate(db: Database) -> None:
    """Bring the controller's tables up to date."""
    migrations.apply(db)
