"""A small lab to book in: a printer bench and a robot cell, one factory, one qualified person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlite_utils import Database

from booking.calendar import LabCalendar
from booking.hours import WeekHours
from booking.model import (
    BookingPolicy,
    BookingRequest,
    Capability,
    Closure,
    Equipment,
    NewParty,
    Party,
    Person,
    Text,
)
from booking.store import catalogue, directory

# Friday, 2026-11-20, 09:00 in Tokyo; Monday the 23rd is a holiday.
NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)

NINE_TO_FIVE = WeekHours.parse(dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"))
CALENDAR = LabCalendar(
    NINE_TO_FIVE,
    closures=(
        Closure(
            datetime(2026, 12, 28, 15, tzinfo=UTC),
            datetime(2027, 1, 3, 15, tzinfo=UTC),
            Text("年末年始", "New Year"),
        ),
    ),
)

PRINTER = Equipment(
    id="fdm-1",
    name=Text("FDMプリンター台", "FDM printer bench"),
    category="printer",
    vendor="Example",
    description=Text("樹脂の治具を作る", "Makes jigs of plastic"),
    capabilities=(
        Capability(Text("造形範囲", "Build volume"), Text("250 mm 角", "250 mm cube")),
        Capability(Text("材料", "Materials"), Text("PLA, PETG", "PLA, PETG")),
    ),
    fee_yen_per_hour=1000,
    policy=BookingPolicy(
        setup_minutes=15, teardown_minutes=15, max_head_count=6, qualification="fdm_printer"
    ),
)
ROBOT = Equipment(
    id="cobot-1",
    name=Text("協働ロボットセル", "Cobot cell"),
    category="robot",
    policy=BookingPolicy(
        step_minutes=60,
        min_minutes=60,
        notice_minutes=0,
        hours=WeekHours.parse({"fri": "06:00-24:00"}),
    ),
)


def tokyo(text: str) -> datetime:
    """`2026-11-20 10:00` on the lab's clock as UTC."""
    return datetime.fromisoformat(f"{text}+09:00").astimezone(UTC)


def wish(
    start: str = "2026-11-20 13:00",
    end: str = "2026-11-20 15:00",
    *,
    equipment: str = "fdm-1",
    party: str | None = "sakura",
    key: str = "key-00000001",
    **more: object,
) -> BookingRequest:
    """A request of the sample factory."""
    base = BookingRequest(equipment, tokyo(start), tokyo(end), key, party_id=party)
    return replace(base, **more)  # type: ignore[arg-type]


VISITOR = NewParty(
    company="髙﨑製作所",
    contact_name="髙﨑 一郎",
    phone=" \uff10\uff13\uff0d1234\uff0d5678",
    email="takasaki@example.jp",
    kana="たかさきせいさくしょ",
)


def furnish(
    db: Database, equipment: Iterable[Equipment] = (PRINTER, ROBOT)
) -> tuple[Party, Person]:
    """Fill the tables; the factory's operator holds the printer certificate for three years."""
    catalogue.sync_catalogue(db, equipment, NOW)
    party = directory.add_party(
        db, name="サクラ精密", now=NOW, by="staff:t", party_id="sakura", phone="03-0000-0000"
    )
    person = directory.add_person(
        db, "sakura", name="佐倉 花", now=NOW, by="staff:t", person_id="hana"
    )
    directory.add_qualification(
        db,
        "hana",
        qualification_class="fdm_printer",
        issued_on=date(2025, 4, 1),
        expires_on=date(2028, 3, 31),
        now=NOW,
        by="staff:t",
    )
    return party, person


def minutes(count: int) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)
