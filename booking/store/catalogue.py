"""Equipment as configured, and its outages. What is gone from the configuration is retired."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime

from booking.calendar import LabCalendar
from booking.errors import BadInput, UnknownEquipment, UnknownOutage
from booking.hours import WeekHours
from booking.model import BookingPolicy, Capability, Equipment, Outage, Text
from booking.store import audit
from booking.store.rows import Database, Row, from_ms, new_id, one, rows, to_ms


def sync_lab(db: Database, calendar: LabCalendar, now: datetime, by: str = "config") -> None:
    """Store the zone the views show times in, with its offset of today."""
    offset = calendar.local(now).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else 0
    row = one(db, "SELECT * FROM booking_lab")
    if row and (row["zone"], row["utc_offset_minutes"]) == (calendar.zone, minutes):
        return
    db.table("booking_lab").update(1, {"zone": calendar.zone, "utc_offset_minutes": minutes})
    audit.note(db, now, by, "sync", "lab", "lab", became=calendar.zone)


def lab_zone(db: Database) -> str:
    """The zone the lab's times are shown in, as last stored."""
    row = one(db, "SELECT zone FROM booking_lab")
    assert row is not None  # written with the table
    return str(row["zone"])


def sync_catalogue(
    db: Database, equipment: Iterable[Equipment], now: datetime, by: str = "config"
) -> None:
    """Make the table say what the configuration says; an id that is gone is retired."""
    stored = {row["id"]: row for row in rows(db, "SELECT * FROM booking_equipment")}
    wanted = list(equipment)
    for position, item in enumerate(wanted):
        _sync_one(db, item, position, stored.get(item.id), now, by)
    for gone in stored.keys() - {item.id for item in wanted}:
        if stored[gone]["retired_at"] is None:
            db.table("booking_equipment").update(
                gone, {"retired_at": to_ms(now), "changed_at": to_ms(now)}
            )
            audit.note(db, now, by, "retire", "equipment", gone, was="active", became="retired")


def list_equipment(db: Database, *, retired: bool = False) -> list[Equipment]:
    """The catalogue in its configured order; with `retired` also what is no longer there."""
    sql = """SELECT * FROM booking_equipment
        WHERE :retired OR retired_at IS NULL ORDER BY position, id"""
    capabilities = _capabilities(db)
    return [
        _equipment(row, capabilities.get(row["id"], ()))
        for row in rows(db, sql, {"retired": retired})
    ]


def find_equipment(db: Database, equipment_id: str) -> Equipment | None:
    """One piece of equipment, retired or not, or None."""
    row = one(db, "SELECT * FROM booking_equipment WHERE id = :id", id=equipment_id)
    return (
        None
        if row is None
        else _equipment(row, _capabilities(db, equipment_id).get(equipment_id, ()))
    )


def equipment_by_id(db: Database, equipment_id: str) -> Equipment:
    """One piece of equipment, retired or not; raises UnknownEquipment."""
    found = find_equipment(db, equipment_id)
    if found is None:
        raise UnknownEquipment(id=equipment_id)
    return found


def add_outage(
    db: Database,
    equipment_id: str,
    start: datetime,
    end: datetime | None,
    reason: str,
    now: datetime,
    by: str,
    *,
    planned: bool = False,
) -> Outage:
    """Take equipment out of use; bookings already there stay, for staff to move or cancel.

    Raises UnknownEquipment, BadInput `booking.end_before_start`.
    """
    equipment_by_id(db, equipment_id)
    if end is not None and end <= start:
        raise BadInput("booking.end_before_start")
    outage = Outage(new_id(), equipment_id, start, end, reason, planned)
    db.table("booking_outages").insert(
        {
            "id": outage.id,
            "equipment_id": equipment_id,
            "start_at": to_ms(start),
            "end_at": to_ms(end),
            "reason": reason,
            "planned": int(planned),
        }
    )
    audit.note(db, now, by, "add", "outage", outage.id, became=equipment_id, reason=reason)
    return outage


def end_outage(db: Database, outage_id: str, now: datetime, by: str) -> Outage:
    """Put the equipment back into use from now on; ended before: nothing changes."""
    row = one(db, "SELECT * FROM booking_outages WHERE id = :id", id=outage_id)
    if row is None:
        raise UnknownOutage(id=outage_id)
    outage = _outage(row)
    end = max(now, outage.start)
    if outage.end is not None and outage.end <= end:
        return outage
    db.table("booking_outages").update(outage_id, {"end_at": to_ms(end)})
    audit.note(db, now, by, "end", "outage", outage_id, was=outage.equipment_id)
    return replace(outage, end=end)


def outages_between(
    db: Database, start: datetime, end: datetime, equipment_id: str | None = None
) -> list[Outage]:
    """Outages that share time with [start, end)."""
    sql = """SELECT * FROM booking_outages
        WHERE (:equipment IS NULL OR equipment_id = :equipment)
            AND start_at < :end AND (end_at IS NULL OR end_at > :start)
        ORDER BY start_at"""
    params = {"equipment": equipment_id, "start": to_ms(start), "end": to_ms(end)}
    return [_outage(row) for row in rows(db, sql, params)]


def _sync_one(
    db: Database, item: Equipment, position: int, old: Row | None, now: datetime, by: str
) -> None:
    new: dict[str, object] = {
        "name_ja": item.name.ja,
        "name_en": item.name.en,
        "category": item.category,
        "vendor": item.vendor,
        "description_ja": item.description.ja,
        "description_en": item.description.en,
        "fee_yen_per_hour": item.fee_yen_per_hour,
        "policy": json.dumps(asdict(item.policy), ensure_ascii=False),
        "position": position,
        "retired_at": None,
    }
    changed = [key for key, value in new.items() if old is None or old[key] != value]
    if old is None:
        db.table("booking_equipment").insert({"id": item.id, **new, "changed_at": to_ms(now)})
    elif changed:
        db.table("booking_equipment").update(item.id, {**new, "changed_at": to_ms(now)})
    if _sync_capabilities(db, item):
        changed.append("capabilities")
    if old is None:
        audit.note(db, now, by, "add", "equipment", item.id, became="active")
    elif changed:
        audit.note(db, now, by, "change", "equipment", item.id, became=" ".join(changed))


def _sync_capabilities(db: Database, item: Equipment) -> bool:
    """Whether anything had to be changed."""
    if item.capabilities == _capabilities(db, item.id).get(item.id, ()):
        return False
    db.execute("DELETE FROM booking_capabilities WHERE equipment_id = ?", [item.id])
    db.table("booking_capabilities").insert_all(
        {
            "equipment_id": item.id,
            "position": position,
            "label_ja": row.label.ja,
            "label_en": row.label.en,
            "value_ja": row.value.ja,
            "value_en": row.value.en,
        }
        for position, row in enumerate(item.capabilities)
    )
    return True


def _capabilities(
    db: Database, equipment_id: str | None = None
) -> dict[str, tuple[Capability, ...]]:
    sql = """SELECT * FROM booking_capabilities
        WHERE :id IS NULL OR equipment_id = :id ORDER BY equipment_id, position"""
    found: dict[str, tuple[Capability, ...]] = {}
    for row in rows(db, sql, {"id": equipment_id}):
        capability = Capability(
            Text(row["label_ja"], row["label_en"]), Text(row["value_ja"], row["value_en"])
        )
        found[row["equipment_id"]] = (*found.get(row["equipment_id"], ()), capability)
    return found


def _equipment(row: Row, capabilities: tuple[Capability, ...]) -> Equipment:
    return Equipment(
        id=row["id"],
        name=Text(row["name_ja"], row["name_en"]),
        category=row["category"],
        vendor=row["vendor"],
        description=Text(row["description_ja"], row["description_en"]),
        capabilities=capabilities,
        fee_yen_per_hour=row["fee_yen_per_hour"],
        policy=_policy(row["policy"]),
        retired=row["retired_at"] is not None,
    )


def _policy(stored: str) -> BookingPolicy:
    values = json.loads(stored)
    if values["hours"] is not None:
        days = values["hours"]["days"]
        values["hours"] = WeekHours(
            tuple(tuple((opens, closes) for opens, closes in day) for day in days)
        )
    return BookingPolicy(**values)


def _outage(row: Row) -> Outage:
    return Outage(
        id=row["id"],
        equipment_id=row["equipment_id"],
        start=from_ms(row["start_at"]),
        end=from_ms(row["end_at"]),
        reason=row["reason"],
        planned=bool(row["planned"]),
    )
