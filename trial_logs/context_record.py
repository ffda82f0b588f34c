"""Reading back what people and the booking said of a run; files of earlier releases say nothing."""

from __future__ import annotations

from typing import Any

from trial_logs.context import Consumable, Mode, ModeSet, OrderEdge, Serial, StopExplained
from trial_logs.record import Evidence
from trial_logs.stamps import from_us


def has_context(db: Evidence) -> bool:
    """Whether the file has these tables; they came after the first release."""
    return bool(db.table("serial").exists())


def modes(db: Evidence) -> list[ModeSet]:
    """What the equipment was used for, in order."""
    rows = _rows(db, "SELECT t_us, mode, by FROM mode ORDER BY id")
    return [ModeSet(from_us(t), Mode(mode), by) for t, mode, by in rows]


def explained(db: Evidence) -> list[StopExplained]:
    """Why machines stood still, in the order people said so."""
    rows = _rows(db, "SELECT t_us, stop_us, device, cause, text, by FROM stop_cause ORDER BY id")
    return [StopExplained(from_us(t), from_us(stop), *rest) for t, stop, *rest in rows]


def consumables(db: Evidence) -> list[Consumable]:
    """What was used up, in order, with what was taken back."""
    rows = _rows(db, "SELECT t_us, name, amount, unit, by, why FROM consumable ORDER BY id")
    return [Consumable(from_us(t), *rest) for t, *rest in rows]


def orders(db: Evidence) -> list[OrderEdge]:
    """Since when a booking was, or was not, in force."""
    rows = _rows(db, "SELECT t_us, in_force, booking FROM order_edge ORDER BY id")
    return [OrderEdge(from_us(t), bool(on), booking) for t, on, booking in rows]


def serials(db: Evidence) -> dict[int, Serial]:
    """The mark that counts now of each part that has one."""
    rows = _rows(db, "SELECT t_us, part_no, serial, by FROM serial ORDER BY id")
    return {no: Serial(from_us(t), no, serial, by) for t, no, serial, by in rows}


def _rows(db: Evidence, sql: str) -> list[tuple[Any, ...]]:
    return list(db.execute(sql)) if has_context(db) else []
