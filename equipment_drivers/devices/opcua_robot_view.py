"""What a robot's values mean: readings, operation, safety; no wire here.

Operation and safety follow OPC 40010-1 (task control state machine, SafetyStateType).
"""

from __future__ import annotations

from collections.abc import Mapping

from equipment_drivers.contract import Clock, Emit
from equipment_drivers.devices.opcua_values import Sample
from equipment_drivers.devices.opcua_view import View
from equipment_drivers.model import DeviceMessage, Operation, Safety

OPERATIONS = {"Idle": Operation.IDLE, "Ready": Operation.READY, "Executing": Operation.BUSY}
ITEM_OPERATIONS = {
    "NotExecuting": Operation.IDLE,
    "Executing": Operation.BUSY,
    "OutOfService": Operation.MAINTENANCE,
}
MODES = (
    "OTHER",
    "MANUAL_REDUCED_SPEED",
    "MANUAL_HIGH_SPEED",
    "AUTOMATIC",
    "AUTOMATIC_EXTERNAL",
)
MODE_SAFETY = {
    "MANUAL_REDUCED_SPEED": Safety.REDUCED,
    "AUTOMATIC": Safety.NORMAL,
    "AUTOMATIC_EXTERNAL": Safety.NORMAL,
}
REMOTE_MODES = ("AUTOMATIC", "AUTOMATIC_EXTERNAL")

UNITS = {
    "speed_override": "%",
    "parts_good": "1",
    "parts_scrap": "1",
    "cycle_time": "s",
    "energy": "kW.h",
    "power": "W",
}
"""Signals besides the axes (`axis_1` …, in deg)."""


class RobotView(View):
    """The present picture of one robot; `scales` are the sizes of its axes' units in degrees."""

    state_keys = frozenset(
        {"state", "substate", "item_state", "emergency_stop", "protective_stop", "mode"}
    ) | {"program", "micro_stop"}

    def __init__(self, device: str, *, clock: Clock, emit: Emit) -> None:
        super().__init__(device, clock=clock, emit=emit)
        self.scales: Mapping[str, float | None] = {}

    def measure(self, key: str) -> tuple[str, float | None] | None:
        """See `View`."""
        unit = "deg" if key.startswith("axis_") else UNITS.get(key)
        return None if unit is None else (unit, self.scales.get(key, 1.0))

    def detail(self) -> dict[str, str]:
        """Program, sub-state, cause of a short stop, operational mode."""
        detail = {
            key: str(self.value(key))
            for key in ("program", "substate", "micro_stop")
            if self.value(key) not in (None, "")
        }
        return detail | ({"mode": self.mode} if self.mode else {})

    def noticed(self, key: str, before: Sample, sample: Sample) -> None:
        """A short stop is told when it began, by the robot's clock where that is not ahead."""
        if key == "micro_stop" and sample.value and sample.value != before.value:
            now = self._clock.now()
            at = min(sample.source or now, now)
            text = str(sample.value)
            self._emit(DeviceMessage(self.device, "message.micro_stop", text, at))

    @property
    def mode(self) -> str:
        """The operational mode's name, empty where unknown."""
        number = self.number("mode")
        return MODES[int(number)] if number is not None and 0 <= number < len(MODES) else ""

    @property
    def operation(self) -> Operation:
        """By the task control, or by the item state where the server has no task control."""
        if not self.knows("state"):
            return ITEM_OPERATIONS.get(str(self.value("item_state")), Operation.UNKNOWN)
        operation = OPERATIONS.get(str(self.value("state")), Operation.UNKNOWN)
        if operation is Operation.READY and self.value("substate") == "Suspended":
            return Operation.PAUSED
        return operation

    @property
    def safety(self) -> Safety:
        """A stop that is signalled counts even when another signal is missing."""
        emergency, protective = self.value("emergency_stop"), self.value("protective_stop")
        if emergency is True:
            return Safety.DEVICE_ESTOP
        if protective is True:
            return Safety.PROTECTIVE_STOP
        if emergency is None or protective is None:
            return Safety.UNKNOWN
        return MODE_SAFETY.get(self.mode, Safety.UNKNOWN)
