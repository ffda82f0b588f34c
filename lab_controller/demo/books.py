"""The demo's books: known parties, qualified people, and a day of bookings around now.

Everything goes through the booking room's own functions with their `now` argument, so past
bookings were really requested, confirmed, checked in and completed by its rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from booking import desk, migrations
from booking.calendar import LabCalendar
from booking.model import BookingRequest, Role
from booking.store import catalogue, directory
from lab_controller.config import load
from lab_controller.database import Database, Writer
from lab_controller.services.catalogue import calendar_of, equipment_of

BY = "demo"
Step = Callable[[Database, LabCalendar, datetime], None]


def seed_people(config: Path) -> None:
    """Parties, people and their certificates only."""
    _write(config, _people)


def seed_day(config: Path) -> None:
    """The same, and a day of bookings around the lab's now."""
    _write(config, _people, _bookings)


def _write(config: Path, *steps: Step) -> None:
    settings = load(config)
    calendar, now = calendar_of(settings), settings.clock.now()
    writer = Writer(settings.lab.data_dir / "lab.db")
    try:
        writer.submit(migrations.migrate).result()
        writer.submit(lambda db: catalogue.sync_lab(db, calendar, now)).result()
        equipment = equipment_of(settings)
        writer.submit(lambda db: catalogue.sync_catalogue(db, equipment, now)).result()
        for step in steps:
            writer.submit(lambda db, step=step: step(db, calendar, now)).result()  # type: ignore[misc]
    finally:
        writer.close()


def _people(db: Database, calendar: LabCalendar, now: datetime) -> None:
    for party in _table("party"):
        id = party["id"]
        directory.add_party(
            db,
            name=party["name"],
            kana=party["kana"],
            role=Role(party["role"]),
            phone="03-0000-0000",
            party_id=id,
            now=now,
            by=BY,
        )
        person = directory.add_person(
            db, id, name=party["operator"], now=now, by=BY, person_id=f"{id}-operator"
        )
        for number, certificate in enumerate(party["certificates"], start=1):
            directory.add_qualification(
                db,
                person.id,
                qualification_class=certificate,
                issued_on=now.date() - timedelta(days=300),
                expires_on=now.date() + timedelta(days=800),
                certificate_no=f"{id.upper()}-{number}",
                now=now,
                by=BY,
            )


def _bookings(db: Database, calendar: LabCalendar, now: datetime) -> None:
    base = datetime.fromtimestamp(now.timestamp() // 1800 * 1800, UTC)
    for number, row in enumerate(_table("booking")):
        start = base + timedelta(hours=row["starts_h"])
        wanted = BookingRequest(
            equipment_id=row["equipment"],
            start=start,
            end=start + timedelta(hours=row["lasts_h"]),
            idempotency_key=f"demo-{number}-{start.isoformat()}",
            party_id=row["party"],
            purpose=row["purpose"],
            head_count=2,
            operator_id=f"{row['party']}-operator",
        )
        asked = min(now, start) - timedelta(days=2)
        booking = desk.request_booking(db, wanted, calendar, asked, BY)
        if "c" in row["steps"]:
            desk.confirm(db, booking.id, calendar, asked + timedelta(hours=1), BY)
        if "i" in row["steps"]:
            desk.check_in(db, booking.id, calendar, start, BY)
        if "o" in row["steps"]:
            desk.check_out(db, booking.id, wanted.end, BY)


def _table(name: str) -> list[dict[str, Any]]:
    text = (files("lab_controller.demo") / "books.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)[name]
    return rows
