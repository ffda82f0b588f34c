"""The shapes of what is asked of ledger and leases, and of what they tell; as in `wire`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lab_controller.wire import Request, Shape


class SettleRequest(Request):
    """What a person saw at the machine."""

    carried_out: bool
    note: str = Field(min_length=1)


class JobLogShape(Shape):
    """The last lines of a job's own log."""

    command: str
    lines: list[str]


class TakeRequest(Request):
    """Staff take equipment, whoever has it; the reason is written down. Minutes of lab time."""

    reason: str = Field(min_length=1)
    minutes: int = Field(default=60, gt=0, le=24 * 60)
    kind: Literal["maintenance", "demo"] = "maintenance"


class LeaseShape(Shape):
    """One lease as written down: who held what, from when to when, given and ended by whom."""

    number: int
    equipment: str
    equipment_name: str
    kind: str
    holder: str
    by: str
    why: str
    granted: datetime
    until: datetime
    ended: datetime | None
    end_reason: str
    end_text: str
    ended_by: str
    note: str
