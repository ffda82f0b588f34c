"""One booking decided (every rule, the table's own guard, audit) among few and many others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.rounds import Result, cost
from booking import desk, migrations
from booking.calendar import LabCalendar
from booking.hours import WEEKDAYS, WeekHours
from booking.model import BookingPolicy, BookingRequest, Equipment, Text
from booking.store import catalogue, directory
from lab_controller.database import Database, connect

NOW = datetime(2026, 11, 19, 15, tzinfo=UTC)  # midnight in Tokyo
ROUND_THE_CLOCK = WeekHours.parse(dict.fromkeys(WEEKDAYS, "00:00-24:00"))
CALENDAR = LabCalendar(ROUND_THE_CLOCK, closed_on_holidays=False)
EQUIPMENT = [
    Equipment(f"bench-{n}", Text(f"台{n}", f"Bench {n}"), "bench", policy=BookingPolicy())
    for n in range(50)
]
FEW, MANY = 10_000, 100_000
DECISIONS, DAYS_AHEAD = 50, 80

# Each bench has a booking a day for 80 days ahead and all others in the past, four a day: the
# rules read the days they judge, so only what a file gathers over the years differs.
COPIES = """WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < :count)
    INSERT INTO booking_bookings ({columns}) SELECT {values} FROM booking_bookings, copy
    WHERE id IN (SELECT subject_id FROM booking_audit)"""
HOUR_MS = 3_600_000
STAMPS = ("start_at", "end_at", "busy_from", "busy_until", "check_in_from", "no_show_at")
UNIQUE = ("id", "number", "idempotency_key")


def wish(equipment: Equipment, day: int, hour: int) -> BookingRequest:
    """Two hours on the bench."""
    start = NOW + timedelta(days=day, hours=hour)
    key = f"{equipment.id}-{day}-{hour}"
    return BookingRequest(equipment.id, start, start + timedelta(hours=2), key, party_id="sakura")


def request(db: Database, wanted: BookingRequest) -> None:
    """What the portal and the console do with it."""
    desk.request_booking(db, wanted, CALENDAR, NOW, "staff:bench")


def filled(path: Path, count: int) -> Database:
    """A lab of 50 benches with so many bookings."""
    db = connect(path)
    migrations.migrate(db)
    with db.atomic():
        catalogue.sync_catalogue(db, EQUIPMENT, NOW)
        directory.add_party(db, name="サクラ精密", now=NOW, by="staff:bench", party_id="sakura")
        for equipment in EQUIPMENT:
            request(db, wish(equipment, 1, 13))
        ahead = DAYS_AHEAD - 1
        copy(db, "ahead", ahead, 24 * HOUR_MS)
        copy(db, "past", count // len(EQUIPMENT) - 1 - ahead, -6 * HOUR_MS, -48 * HOUR_MS)
    held = db.execute("SELECT count(*) FROM booking_bookings").fetchone()[0]
    assert held == count, held
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return db


def copy(db: Database, name: str, count: int, step_ms: int, shift_ms: int = 0) -> None:
    """Copy the bookings made by hand, each copy a step further on."""
    columns = list(db.table("booking_bookings").columns_dict)
    moved = {column: f"{column} + {shift_ms} + n * {step_ms}" for column in STAMPS}
    named = {column: f"{column} || '-{name}-' || n" for column in UNIQUE}
    values = [(moved | named).get(column, column) for column in columns]
    sql = COPIES.format(columns=", ".join(columns), values=", ".join(values))
    db.execute(sql, {"count": count})


def decide(db: Database) -> None:
    """Decide wishes on free slots of all benches, then undo them."""
    db.execute("BEGIN IMMEDIATE")
    for number in range(DECISIONS):
        request(db, wish(EQUIPMENT[number % len(EQUIPMENT)], 1 + number, 16))
    db.execute("ROLLBACK")


def results() -> Iterator[Result]:
    """The time of a decision must not follow the number of bookings on file."""
    with tempfile.TemporaryDirectory() as folder:
        few = filled(Path(folder) / "few.db", FEW)
        many = filled(Path(folder) / "many.db", MANY)
        yield Result(
            "booking decision with 100,000 on file",
            "the same with 10,000 on file",
            cost(lambda: decide(many), lambda: decide(few)),
            at_most=1.3,
        )
        few.close()
        many.close()
