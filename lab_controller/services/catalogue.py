"""`lab.toml` in the booking room's words: equipment, opening hours, closures."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from booking.calendar import LabCalendar
from booking.hours import WeekHours
from booking.model import BookingPolicy, Capability, Closure, Equipment, Text
from lab_controller import config
from lab_controller.config import Settings


def calendar_of(settings: Settings) -> LabCalendar:
    """When the lab is open."""
    lab = settings.lab
    return LabCalendar(
        hours=WeekHours.parse(dict(lab.hours)),
        zone=lab.timezone,
        closed_on_holidays=not lab.open_on_holidays,
        closures=tuple(_closure(settings, closed) for closed in lab.closures),
    )


def _closure(settings: Settings, closed: config.Closed) -> Closure:
    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), settings.zone)

    last = date.fromisoformat(closed.last) + timedelta(days=1)
    return Closure(
        midnight(date.fromisoformat(closed.first)),
        midnight(last),
        Text(closed.reason, closed.reason),
    )


def equipment_of(settings: Settings) -> list[Equipment]:
    """All equipment of the file."""
    return [_equipment(one) for one in settings.equipment]


def _equipment(one: config.Equipment) -> Equipment:
    maker = " ".join(part for part in (one.vendor, one.model) if part)
    return Equipment(
        id=one.id,
        name=_text(one.name),
        category=one.category,
        vendor=maker,
        description=_text(one.summary) if one.summary else Text("", ""),
        capabilities=tuple(
            Capability(_text(ability.label), _text(ability.value)) for ability in one.abilities
        ),
        fee_yen_per_hour=one.fee_yen_per_hour,
        policy=BookingPolicy(**one.policy.model_dump(), qualification=one.qualification),
    )


def _text(names: config.Names) -> Text:
    return Text(names.ja, names.en)
