"""What the values of a machine configured by node list mean; no wire here."""

from __future__ import annotations

from equipment_drivers.contract import Clock, Emit
from equipment_drivers.devices.opcua_machine_options import COUNTER_UNITS, MachineDeviceOptions
from equipment_drivers.devices.opcua_values import Sample, Value
from equipment_drivers.devices.opcua_view import View
from equipment_drivers.model import DeviceMessage, Operation, Safety

STATE, SAFETY, MESSAGE = "_state", "_safety", "_message"


class MachineView(View):
    """The present picture of one machine; `doubted` are signals whose unit is another one."""

    state_keys = frozenset({STATE, SAFETY})

    def __init__(
        self,
        device: str,
        options: MachineDeviceOptions,
        *,
        clock: Clock,
        emit: Emit,
    ) -> None:
        super().__init__(device, clock=clock, emit=emit)
        self._options = options
        self._signals = {one.name: one for one in options.signals}
        self.doubted: frozenset[str] = frozenset()

    def measure(self, key: str) -> tuple[str, float | None] | None:
        """See `View`."""
        if key in self._options.counters:
            return COUNTER_UNITS[key], 1.0
        signal = self._signals.get(key)
        if signal is None:
            return None
        return signal.unit, None if key in self.doubted else signal.scale

    def noticed(self, key: str, before: Sample, sample: Sample) -> None:
        """A new text of the machine is told."""
        if key == MESSAGE and sample.value and sample.value != before.value:
            now = self._clock.now()
            text = str(sample.value)
            self._emit(DeviceMessage(self.device, "message.machine_says", text, now))

    def detail(self) -> dict[str, str]:
        """The state and the message as the machine says them."""
        shown = {"state": self.value(STATE), "message": self.value(MESSAGE)}
        return {key: as_text(value) for key, value in shown.items() if value not in (None, "")}

    @property
    def operation(self) -> Operation:
        """By the table of its state; a value that is not in it is unknown."""
        if self._options.state is None:
            return Operation.READY
        return self._options.state.values.get(as_text(self.value(STATE)), Operation.UNKNOWN)

    @property
    def safety(self) -> Safety:
        """By the table of its safety; a value that is not in it is unknown."""
        if self._options.safety is None:
            return Safety.NONE
        return self._options.safety.values.get(as_text(self.value(SAFETY)), Safety.UNKNOWN)


def as_text(value: Value) -> str:
    """A value as it is written in a table: `true`, `3`, `Running`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
