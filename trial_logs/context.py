"""What only people and the booking know of a run: its mode, why it stopped, what it used up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Mode(StrEnum):
    """What the equipment is used for from a moment on.

    TRIAL is trying out settings (条件出し): no part of it is production yet.
    """

    PRODUCTION = "production"
    SETUP = "setup"
    TRIAL = "trial"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class ModeSet:
    """Somebody said what the equipment is used for from here on."""

    at: datetime
    mode: Mode
    by: str


@dataclass(frozen=True, slots=True)
class StopExplained:
    """Somebody said why `device` stood still from `stop_at` on; the last word counts.

    `cause` is a code of the protocol or of the lab, `text` what else there is to say.
    """

    at: datetime
    stop_at: datetime
    device: str
    cause: str
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class Consumable:
    """Something used up. What was written down by mistake is taken back by a negative amount."""

    at: datetime
    name: str
    amount: float
    unit: str
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class OrderEdge:
    """From here on a confirmed booking is, or no longer is, in force."""

    at: datetime
    in_force: bool
    booking: str


@dataclass(frozen=True, slots=True)
class Serial:
    """The mark by which a part of the run can be found again; the last one counts."""

    at: datetime
    part_no: int
    serial: str
    by: str
