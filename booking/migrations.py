"""The tables of the room: STRICT, prefix `booking_`, times as UTC milliseconds since the epoch."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from booking.store.views import VIEWS

MIGRATIONS = Migrations("booking")

CATALOGUE = (
    """CREATE TABLE booking_lab (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        zone TEXT NOT NULL,
        utc_offset_minutes INTEGER NOT NULL
    ) STRICT""",
    "INSERT INTO booking_lab VALUES (1, 'Asia/Tokyo', 540)",
    """CREATE TABLE booking_equipment (
        id TEXT PRIMARY KEY,
        name_ja TEXT NOT NULL,
        name_en TEXT NOT NULL,
        category TEXT NOT NULL,
        vendor TEXT NOT NULL,
        description_ja TEXT NOT NULL,
        description_en TEXT NOT NULL,
        fee_yen_per_hour INTEGER NOT NULL CHECK (fee_yen_per_hour >= 0),
        policy TEXT NOT NULL CHECK (json_valid(policy)),
        position INTEGER NOT NULL,
        retired_at INTEGER,
        changed_at INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE booking_capabilities (
        equipment_id TEXT NOT NULL REFERENCES booking_equipment(id),
        position INTEGER NOT NULL,
        label_ja TEXT NOT NULL,
        label_en TEXT NOT NULL,
        value_ja TEXT NOT NULL,
        value_en TEXT NOT NULL,
        PRIMARY KEY (equipment_id, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE booking_outages (
        id TEXT PRIMARY KEY,
        equipment_id TEXT NOT NULL REFERENCES booking_equipment(id),
        start_at INTEGER NOT NULL,
        end_at INTEGER CHECK (end_at >= start_at),
        reason TEXT NOT NULL,
        planned INTEGER NOT NULL CHECK (planned IN (0, 1))
    ) STRICT""",
    "CREATE INDEX booking_outages_of_equipment ON booking_outages (equipment_id, start_at)",
)

DIRECTORY = (
    """CREATE TABLE booking_parties (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL CHECK (name <> ''),
        kana TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('factory', 'vendor', 'staff', 'manager')),
        phone TEXT NOT NULL,
        email TEXT NOT NULL,
        active INTEGER NOT NULL CHECK (active IN (0, 1)),
        created_at INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE booking_people (
        id TEXT PRIMARY KEY,
        party_id TEXT NOT NULL REFERENCES booking_parties(id),
        name TEXT NOT NULL CHECK (name <> ''),
        kana TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('factory', 'vendor', 'staff', 'manager')),
        phone TEXT NOT NULL,
        email TEXT NOT NULL,
        active INTEGER NOT NULL CHECK (active IN (0, 1)),
        created_at INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX booking_people_of_party ON booking_people (party_id)",
    """CREATE TABLE booking_qualifications (
        id TEXT PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES booking_people(id),
        qualification_class TEXT NOT NULL CHECK (qualification_class <> ''),
        issued_on TEXT NOT NULL CHECK (issued_on IS date(issued_on)),
        expires_on TEXT CHECK (expires_on IS date(expires_on) AND expires_on >= issued_on),
        certificate_no TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX booking_qualifications_of_person ON booking_qualifications (person_id)",
)

# 33 days is the longest span the rules let through (31 days and two buffers of one day):
# look-ups by time may rely on it.
BOOKINGS = (
    """CREATE TABLE booking_numbers (
        year INTEGER PRIMARY KEY,
        last INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE booking_bookings (
        id TEXT PRIMARY KEY,
        number TEXT NOT NULL UNIQUE,
        code TEXT NOT NULL,
        equipment_id TEXT NOT NULL REFERENCES booking_equipment(id),
        party_id TEXT NOT NULL REFERENCES booking_parties(id),
        contact_id TEXT REFERENCES booking_people(id),
        operator_id TEXT REFERENCES booking_people(id),
        instructor TEXT NOT NULL,
        start_at INTEGER NOT NULL,
        end_at INTEGER NOT NULL,
        busy_from INTEGER NOT NULL,
        busy_until INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('requested', 'waitlisted', 'confirmed',
            'checked_in', 'completed', 'declined', 'cancelled', 'no_show')),
        reason TEXT NOT NULL,
        purpose TEXT NOT NULL,
        head_count INTEGER NOT NULL CHECK (head_count >= 1),
        language TEXT NOT NULL CHECK (language IN ('ja', 'en')),
        check_in_from INTEGER NOT NULL,
        no_show_at INTEGER NOT NULL,
        remind_at INTEGER NOT NULL,
        late_cancel_from INTEGER NOT NULL,
        reminded_at INTEGER,
        cancelled_late INTEGER NOT NULL CHECK (cancelled_late IN (0, 1)),
        idempotency_key TEXT NOT NULL UNIQUE,
        request_digest TEXT NOT NULL,
        requested_at INTEGER NOT NULL,
        requested_by TEXT NOT NULL,
        changed_at INTEGER NOT NULL,
        CHECK (busy_from <= start_at AND start_at < end_at AND end_at <= busy_until),
        CHECK (busy_until - busy_from <= 33 * 86400000)
    ) STRICT""",
    """CREATE INDEX booking_holding ON booking_bookings (equipment_id, busy_from, busy_until)
        WHERE state IN ('requested', 'confirmed', 'checked_in')""",
    "CREATE INDEX booking_by_start ON booking_bookings (start_at)",
    "CREATE INDEX booking_of_party ON booking_bookings (party_id, start_at)",
    """CREATE INDEX booking_expected ON booking_bookings (no_show_at)
        WHERE state = 'confirmed'""",
    """CREATE INDEX booking_to_remind ON booking_bookings (remind_at)
        WHERE state = 'confirmed' AND reminded_at IS NULL""",
    """CREATE TABLE booking_visits (
        id TEXT PRIMARY KEY,
        booking_id TEXT NOT NULL UNIQUE REFERENCES booking_bookings(id),
        party_id TEXT NOT NULL REFERENCES booking_parties(id),
        equipment_id TEXT NOT NULL REFERENCES booking_equipment(id),
        head_count INTEGER NOT NULL CHECK (head_count >= 1),
        arrived_at INTEGER NOT NULL,
        left_at INTEGER CHECK (left_at >= arrived_at)
    ) STRICT""",
    "CREATE INDEX booking_visits_by_arrival ON booking_visits (arrived_at)",
)

# Stored spans never overlap, so the last neighbour that begins before the new end is the only one
# that can reach into the new span.
OVERLAP = (
    """CREATE TRIGGER booking_refuse_overlap_on_insert BEFORE INSERT ON booking_bookings
        WHEN NEW.state IN ('requested', 'confirmed', 'checked_in')
    BEGIN
        SELECT RAISE(ABORT, 'booking.overlap') WHERE NEW.busy_from < (
            SELECT busy_until FROM booking_bookings
            WHERE equipment_id = NEW.equipment_id
                AND state IN ('requested', 'confirmed', 'checked_in')
                AND busy_from < NEW.busy_until
            ORDER BY busy_from DESC LIMIT 1
        );
    END""",
    """CREATE TRIGGER booking_refuse_overlap_on_update BEFORE UPDATE ON booking_bookings
        WHEN NEW.state IN ('requested', 'confirmed', 'checked_in')
    BEGIN
        SELECT RAISE(ABORT, 'booking.overlap') WHERE NEW.busy_from < (
            SELECT busy_until FROM booking_bookings
            WHERE equipment_id = NEW.equipment_id
                AND state IN ('requested', 'confirmed', 'checked_in')
                AND busy_from < NEW.busy_until
                AND id <> OLD.id
            ORDER BY busy_from DESC LIMIT 1
        );
    END""",
)

AUDIT = (
    """CREATE TABLE booking_audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        subject TEXT NOT NULL,
        subject_id TEXT NOT NULL,
        was TEXT NOT NULL,
        became TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX booking_audit_of_subject ON booking_audit (subject_id, id)",
    """CREATE TRIGGER booking_audit_is_not_edited BEFORE UPDATE ON booking_audit
    BEGIN SELECT RAISE(ABORT, 'booking.audit_is_append_only'); END""",
    """CREATE TRIGGER booking_audit_is_not_deleted BEFORE DELETE ON booking_audit
    BEGIN SELECT RAISE(ABORT, 'booking.audit_is_append_only'); END""",
)


@MIGRATIONS()
def first_tables(db: Database) -> None:
    """Catalogue, directory, bookings with their overlap triggers, visits, audit and views."""
    for statement in (*CATALOGUE, *DIRECTORY, *BOOKINGS, *OVERLAP, *AUDIT, *VIEWS):
        db.execute(statement)


def migrate(db: Database) -> None:
    """Bring the room's tables up to date; done already: nothing happens."""
    MIGRATIONS.apply(db)
