"""The shapes of stopping: what is asked, and what became of it on each device; as in `wire`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lab_controller.wire import LatchShape, Request, Shape


class StopRequest(Request):
    """A stop; `device` None stops the whole lab."""

    device: str | None = None
    reason: str = ""


class DeviceStopShape(Shape):
    """What became of the stop on one device."""

    device: str
    name: str
    outcome: Literal["SENT", "CONFIRMED", "FAILED"]
    detail: str
    estop: str


class StopShape(Shape):
    """The stop as a whole: on one device or (None) the lab, by whom, why, when (wall clock)."""

    device: str | None
    by: str
    reason: str
    cause: str
    at: datetime
    latch: LatchShape
    devices: list[DeviceStopShape]
    notice: str


class ResetRequest(Request):
    """Lifting the latch needs a reason."""

    reason: str = Field(min_length=1)
    device: str | None = None
