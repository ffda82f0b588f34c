"""A device's state as a run's record keeps it: its axes, and why it does not go on."""

from __future__ import annotations

from datetime import datetime, timedelta

from equipment_drivers.model import DeviceMessage, Operation, Safety
from lab_controller.board import DeviceView
from trial_logs.model import DeviceStateSeen

SHORT_STOP = "micro_stop"
"""What a device says of itself where it waits in the midst of its cycle: the cause."""
STANDS = (Operation.FAULT, Operation.PAUSED)
STOPS = (Safety.PROTECTIVE_STOP, Safety.SAFEGUARD_STOP, Safety.DEVICE_ESTOP)
FRESH = timedelta(seconds=2)


def seen(view: DeviceView, at: datetime, cause: str = "") -> DeviceStateSeen:
    """The device from `at` on; waiting in the midst of a cycle is paused, whatever it runs.

    Without a cause from the link, it is the device's own word or its newest message.
    """
    short = view.detail.get(SHORT_STOP, "")
    waits = bool(short) and view.operation is Operation.BUSY
    operation = Operation.PAUSED if waits else view.operation
    why = cause or (short if waits else _told(view, at) if stands(view) else "")
    return DeviceStateSeen(at, view.device, view.link, operation, view.safety, why)


def stands(view: DeviceView) -> bool:
    """Whether the device stands still by itself or for safety."""
    return view.operation in STANDS or view.own_safety in STOPS


def cause_of(message: DeviceMessage) -> str:
    """The cause a message names, as a code."""
    return message.code.removeprefix("message.")


def _told(view: DeviceView, at: datetime) -> str:
    newest = view.messages[-1] if view.messages else None
    fresh = newest is not None and abs(at - newest.at) <= FRESH
    return cause_of(newest) if newest is not None and fresh else ""
