"""Tables of this room, one set per kind of file: `lab` (lab.db), `evidence`, `telemetry`.

Call `lab.apply(db)` and so on; applying twice changes nothing. Stamps: `_ms` and `_us` since the
epoch, UTC.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from trial_logs import rollups
from trial_logs.stores.plan_tables import PLAN_TABLES
from trial_logs.stores.sharing_tables import SHARING_TABLES

lab = Migrations("trial_logs.lab")
evidence = Migrations("trial_logs.evidence")
telemetry = Migrations("trial_logs.telemetry")

LAB_TABLES = (
    """CREATE TABLE trial_trial (
        id TEXT PRIMARY KEY,
        booking_id TEXT NOT NULL,
        party_id TEXT NOT NULL,
        equipment_id TEXT NOT NULL,
        title TEXT NOT NULL,
        question TEXT NOT NULL,
        part TEXT NOT NULL,
        material TEXT NOT NULL,
        baseline TEXT NOT NULL,
        confidentiality TEXT NOT NULL CHECK (confidentiality IN ('party', 'vendor', 'public')),
        created_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX trial_trial_booking ON trial_trial (booking_id)",
    """CREATE TABLE trial_limit (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        characteristic TEXT NOT NULL,
        nominal REAL NOT NULL,
        tolerance REAL NOT NULL CHECK (tolerance >= 0),
        unit TEXT NOT NULL,
        PRIMARY KEY (trial_id, characteristic)
    ) STRICT""",
    """CREATE TABLE trial_condition (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        settings TEXT NOT NULL,
        bands TEXT NOT NULL,
        PRIMARY KEY (trial_id, name)
    ) STRICT""",
    """CREATE TABLE trial_run (
        id TEXT PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        equipment_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        condition TEXT NOT NULL,
        operator TEXT NOT NULL,
        simulated INTEGER NOT NULL CHECK (simulated IN (0, 1)),
        state TEXT NOT NULL CHECK (state IN
            ('planned', 'running', 'paused', 'finished', 'aborted', 'interrupted')),
        started_ms INTEGER,
        ended_ms INTEGER CHECK (ended_ms >= started_ms),
        cause TEXT NOT NULL DEFAULT '',
        UNIQUE (trial_id, number),
        FOREIGN KEY (trial_id, condition) REFERENCES trial_condition (trial_id, name)
    ) STRICT""",
    """CREATE UNIQUE INDEX trial_run_one_live_per_equipment ON trial_run (equipment_id)
        WHERE state IN ('running', 'paused')""",
    """CREATE TABLE trial_run_span (
        run_id TEXT NOT NULL REFERENCES trial_run (id),
        state TEXT NOT NULL CHECK (state IN ('running', 'paused')),
        since_ms INTEGER NOT NULL,
        until_ms INTEGER CHECK (until_ms >= since_ms)
    ) STRICT""",
    "CREATE INDEX trial_run_span_run ON trial_run_span (run_id)",
    """CREATE UNIQUE INDEX trial_run_span_one_open ON trial_run_span (run_id)
        WHERE until_ms IS NULL""",
    """CREATE TABLE trial_run_head (
        run_id TEXT NOT NULL REFERENCES trial_run (id),
        recorded_ms INTEGER NOT NULL,
        segments INTEGER NOT NULL,
        head TEXT NOT NULL,
        numbers TEXT NOT NULL,
        PRIMARY KEY (run_id, segments)
    ) STRICT""",
    """CREATE VIEW trial_run_overview AS
        SELECT run.id AS run, trial.title, run.number, run.condition, run.state, run.operator,
            datetime(run.started_ms / 1000, 'unixepoch') AS started_utc,
            datetime(run.ended_ms / 1000, 'unixepoch') AS ended_utc,
            run.simulated,
            (SELECT numbers FROM trial_run_head AS h WHERE h.run_id = run.id
                ORDER BY segments DESC LIMIT 1) AS numbers
        FROM trial_run AS run JOIN trial_trial AS trial ON trial.id = run.trial_id
        ORDER BY run.started_ms""",
)

PROTOCOL_TABLES = (
    # SQLite cannot take NOT NULL from a column: a limit may now be one-sided
    """CREATE TABLE trial_limit_new (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        characteristic TEXT NOT NULL,
        nominal REAL,
        tolerance REAL CHECK (tolerance >= 0),
        unit TEXT NOT NULL,
        gauge TEXT NOT NULL DEFAULT '',
        low REAL,
        high REAL CHECK (high >= low),
        PRIMARY KEY (trial_id, characteristic)
    ) STRICT""",
    """INSERT INTO trial_limit_new (trial_id, position, characteristic, nominal, tolerance, unit)
        SELECT trial_id, position, characteristic, nominal, tolerance, unit FROM trial_limit""",
    "DROP TABLE trial_limit",
    "ALTER TABLE trial_limit_new RENAME TO trial_limit",
    "ALTER TABLE trial_run ADD COLUMN lot TEXT NOT NULL DEFAULT ''",
    """ALTER TABLE trial_run ADD COLUMN rehearsal INTEGER NOT NULL DEFAULT 0
        CHECK (rehearsal IN (0, 1))""",
    """CREATE TABLE trial_protocol (
        trial_id TEXT PRIMARY KEY REFERENCES trial_trial (id),
        template TEXT NOT NULL,
        baseline_method TEXT NOT NULL,
        baseline_cycle_time_s REAL,
        baseline_cycle_times_s TEXT NOT NULL,
        baseline_people REAL,
        baseline_scrap INTEGER,
        baseline_inspected INTEGER,
        baseline_cost_per_hour_yen INTEGER,
        baseline_yearly_volume INTEGER,
        baseline_source TEXT NOT NULL,
        parts_per_run INTEGER,
        runs_per_condition INTEGER NOT NULL,
        planned_cycle_s REAL,
        microstop_s REAL NOT NULL,
        randomised INTEGER NOT NULL CHECK (randomised IN (0, 1)),
        seed INTEGER
    ) STRICT""",
    """CREATE TABLE trial_factor (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        unit TEXT NOT NULL,
        levels TEXT NOT NULL,
        PRIMARY KEY (trial_id, name)
    ) STRICT""",
    """CREATE TABLE trial_lot (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        quantity INTEGER,
        note TEXT NOT NULL,
        PRIMARY KEY (trial_id, name)
    ) STRICT""",
    """CREATE TABLE trial_stop_rule (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        value REAL,
        PRIMARY KEY (trial_id, kind)
    ) STRICT""",
    """CREATE TABLE trial_stop_cause (
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        position INTEGER NOT NULL,
        code TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (trial_id, code)
    ) STRICT""",
)

REPORT_TABLES = (
    """CREATE TABLE trial_report (
        id INTEGER PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        kind TEXT NOT NULL,
        language TEXT NOT NULL,
        made_ms INTEGER NOT NULL,
        digest TEXT NOT NULL,
        ends TEXT NOT NULL,
        inputs TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX trial_report_trial ON trial_report (trial_id)",
    """CREATE TABLE trial_report_file (
        report_id INTEGER NOT NULL REFERENCES trial_report (id),
        name TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (report_id, name)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX trial_report_file_sha256 ON trial_report_file (sha256)",
)

SHEET_TABLES = (
    """CREATE TABLE trial_sheet (
        id INTEGER PRIMARY KEY,
        trial_id TEXT NOT NULL REFERENCES trial_trial (id),
        entered_ms INTEGER NOT NULL,
        by TEXT NOT NULL,
        sheet TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX trial_sheet_trial ON trial_sheet (trial_id)",
)

EVIDENCE_TABLES = (
    "CREATE TABLE header (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL) STRICT",
    """CREATE TABLE run_event (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        state TEXT NOT NULL,
        by TEXT NOT NULL,
        cause TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        device TEXT NOT NULL,
        signal TEXT NOT NULL,
        unit TEXT NOT NULL,
        UNIQUE (device, signal, unit)
    ) STRICT""",
    """CREATE TABLE reading (
        id INTEGER PRIMARY KEY,
        series INTEGER NOT NULL,
        t_us INTEGER NOT NULL,
        value REAL,
        quality INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 2),
        source_us INTEGER
    ) STRICT""",
    "CREATE INDEX reading_series ON reading (series, t_us)",
    """CREATE TABLE part_event (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        source TEXT NOT NULL,
        cycle_time_s REAL,
        cause TEXT NOT NULL,
        by TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE measurement (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        characteristic TEXT NOT NULL,
        value REAL NOT NULL,
        unit TEXT NOT NULL,
        gauge TEXT NOT NULL,
        by TEXT NOT NULL,
        part_no INTEGER
    ) STRICT""",
    """CREATE TABLE note (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        text TEXT NOT NULL,
        by TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE device_state (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        device TEXT NOT NULL,
        link TEXT NOT NULL,
        operation TEXT NOT NULL,
        safety TEXT NOT NULL,
        cause TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE gap (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        device TEXT NOT NULL,
        opened INTEGER NOT NULL CHECK (opened IN (0, 1)),
        cause TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE correction (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        about TEXT NOT NULL CHECK (about IN ('part_event', 'measurement')),
        row INTEGER NOT NULL,
        by TEXT NOT NULL CHECK (by <> ''),
        why TEXT NOT NULL CHECK (why <> ''),
        verdict TEXT,
        value REAL
    ) STRICT""",
    """CREATE TABLE segment (
        n INTEGER PRIMARY KEY,
        at_us INTEGER NOT NULL,
        ranges TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        previous TEXT NOT NULL,
        head TEXT NOT NULL
    ) STRICT""",
    """CREATE VIEW readings AS
        SELECT strftime('%Y-%m-%d %H:%M:%f', r.t_us / 1e6, 'unixepoch') AS time_utc,
            s.device, s.signal, r.value, s.unit,
            CASE r.quality WHEN 0 THEN 'GOOD' WHEN 1 THEN 'UNCERTAIN' ELSE 'BAD' END AS quality
        FROM reading AS r JOIN series AS s ON s.id = r.series ORDER BY r.id""",
)

CONTEXT_TABLES = (
    """CREATE TABLE mode (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        mode TEXT NOT NULL CHECK (mode IN ('production', 'setup', 'trial', 'maintenance')),
        by TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE stop_cause (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        stop_us INTEGER NOT NULL,
        device TEXT NOT NULL,
        cause TEXT NOT NULL,
        text TEXT NOT NULL,
        by TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE consumable (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        name TEXT NOT NULL CHECK (name <> ''),
        amount REAL NOT NULL,
        unit TEXT NOT NULL,
        by TEXT NOT NULL,
        why TEXT NOT NULL CHECK (amount >= 0 OR why <> '')
    ) STRICT""",
    """CREATE TABLE order_edge (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        in_force INTEGER NOT NULL CHECK (in_force IN (0, 1)),
        booking TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE serial (
        id INTEGER PRIMARY KEY,
        t_us INTEGER NOT NULL,
        part_no INTEGER NOT NULL,
        serial TEXT NOT NULL CHECK (serial <> ''),
        by TEXT NOT NULL
    ) STRICT""",
)

TELEMETRY_TABLES = (
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        device TEXT NOT NULL,
        signal TEXT NOT NULL,
        unit TEXT NOT NULL,
        UNIQUE (device, signal, unit)
    ) STRICT""",
    """CREATE TABLE sample (
        ts_us INTEGER NOT NULL,
        series INTEGER NOT NULL,
        value REAL,
        quality INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 2),
        source_us INTEGER,
        PRIMARY KEY (ts_us, series)
    ) STRICT, WITHOUT ROWID""",
    """CREATE VIEW samples AS
        SELECT strftime('%Y-%m-%d %H:%M:%f', t.ts_us / 1e6, 'unixepoch') AS time_utc,
            s.device, s.signal, t.value, s.unit,
            CASE t.quality WHEN 0 THEN 'GOOD' WHEN 1 THEN 'UNCERTAIN' ELSE 'BAD' END AS quality
        FROM sample AS t JOIN series AS s ON s.id = t.series ORDER BY t.ts_us""",
)

NEVER_US = -(1 << 62)
"""Before every stamp."""
JOURNALS = ("j0", "j1", "j2", "j3", "j4", "j5", "j6", "j7")
UNSEALED = (*JOURNALS, "late")
"""Where samples lie until they are sealed; all have the same columns."""

JOURNAL_TABLE = """CREATE TABLE {name} (
        ts_us INTEGER NOT NULL,
        series INTEGER NOT NULL,
        value REAL,
        quality INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 2),
        source_us INTEGER,
        PRIMARY KEY ({key})
    ) STRICT, WITHOUT ROWID"""

ROLLUP_TABLE = """CREATE TABLE {name} (
        series INTEGER NOT NULL,
        t_us INTEGER NOT NULL,
        minimum REAL,
        maximum REAL,
        total REAL NOT NULL,
        count INTEGER NOT NULL,
        worst INTEGER NOT NULL,
        PRIMARY KEY (series, t_us)
    ) STRICT, WITHOUT ROWID"""

QUALITY_WORD = "CASE {column} WHEN 0 THEN 'GOOD' WHEN 1 THEN 'UNCERTAIN' ELSE 'BAD' END"

ROLLUP_VIEW = f"""CREATE VIEW {{view}} AS
        SELECT strftime('%Y-%m-%d %H:%M', r.t_us / 1000000, 'unixepoch') AS time_utc,
            s.device, s.signal, r.total / nullif(r.count, 0) AS mean, r.minimum, r.maximum,
            s.unit, r.count AS readings, {QUALITY_WORD.format(column="r.worst")} AS worst
        FROM {{name}} AS r JOIN series AS s ON s.id = r.series"""  # noqa: S608

SEALED_TABLES = (
    "DROP VIEW samples",
    "ALTER TABLE sample RENAME TO j0",
    *(JOURNAL_TABLE.format(name=name, key="ts_us, series") for name in JOURNALS[1:]),
    JOURNAL_TABLE.format(name="late", key="series, ts_us"),
    # what is known of a series in this month: sealed up to here, its longest chunk, and the
    # period of the finest rows retention has left (1: the samples themselves)
    f"ALTER TABLE series ADD COLUMN sealed_us INTEGER NOT NULL DEFAULT {NEVER_US}",
    "ALTER TABLE series ADD COLUMN longest_us INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE series ADD COLUMN finest_us INTEGER NOT NULL DEFAULT 1",
    # a table with rowids: blobs waste up to four times their size in a WITHOUT ROWID one
    """CREATE TABLE chunk (
        id INTEGER PRIMARY KEY,
        series INTEGER NOT NULL,
        t0_us INTEGER NOT NULL,
        t1_us INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        minimum REAL,
        maximum REAL,
        total REAL NOT NULL,
        count INTEGER NOT NULL,
        worst INTEGER NOT NULL,
        packed BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX chunk_series ON chunk (series, t0_us)",
    ROLLUP_TABLE.format(name="r60"),
    ROLLUP_TABLE.format(name="r3600"),
    ROLLUP_VIEW.format(view="minutes", name="r60"),
    ROLLUP_VIEW.format(view="hours", name="r3600"),
    f"""CREATE VIEW samples AS
        SELECT strftime('%Y-%m-%d %H:%M:%f', t.ts_us / 1e6, 'unixepoch') AS time_utc,
            s.device, s.signal, t.value, s.unit,
            {QUALITY_WORD.format(column="t.quality")} AS quality
        FROM ({" UNION ALL ".join(f"SELECT * FROM {name}" for name in UNSEALED)}) AS t
        JOIN series AS s ON s.id = t.series ORDER BY t.ts_us""",  # noqa: S608
)


def _create(db: Database, statements: tuple[str, ...]) -> None:
    for statement in statements:
        db.execute(statement)


@lab()
def m001_trials_plans_runs(db: Database) -> None:
    """Trials, their plan, runs and the recorded heads of their evidence."""
    _create(db, LAB_TABLES)


@lab()
def m002_protocols(db: Database) -> None:
    """The protocol of a trial; gauges and one-sided limits; lot and rehearsal of a run."""
    _create(db, PROTOCOL_TABLES)


@lab()
def m003_investment_sheets(db: Database) -> None:
    """What a factory filled in for the purchase dossier of a trial."""
    _create(db, SHEET_TABLES)


@lab()
def m003_reports(db: Database) -> None:
    """Which files were made of a trial, with their bytes' digests and what made them."""
    _create(db, REPORT_TABLES)


@evidence()
def m001_run_record(db: Database) -> None:
    """Everything one run records, and its chain of segments."""
    _create(db, EVIDENCE_TABLES)


@evidence()
def m002_context(db: Database) -> None:
    """What people and the booking say of a run: mode, causes of stops, consumables, serials."""
    _create(db, CONTEXT_TABLES)


@evidence()
def m003_rollups(db: Database) -> None:
    """What the readings amount to over stretches of time."""
    _create(db, rollups.TABLES)


@telemetry()
def m001_journal(db: Database) -> None:
    """The journal of samples of one UTC month."""
    _create(db, TELEMETRY_TABLES)


@telemetry()
def m002_sealed_chunks(db: Database) -> None:
    """Sealed chunks and roll-ups; the samples so far are a journal that is not sealed yet."""
    _create(db, SEALED_TABLES)


@lab()
def m004_sharing(db: Database) -> None:
    """Files of a trial, fields released to a vendor, links to them, and who looked."""
    _create(db, SHARING_TABLES)


@lab()
def m005_plan_versions(db: Database) -> None:
    """Every version of a trial's plan, with who changed it and why."""
    _create(db, PLAN_TABLES)
