"""One configured Modbus unit: what it can be told, and what its registers say of it.

No I/O: registers go in, facts come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import Field, create_model

from equipment_drivers.contract import (
    ANY_TIME,
    KNOWN,
    Arguments,
    CommandSpec,
    DeviceConfig,
    DeviceSpec,
    Effect,
    NoArguments,
    SignalSpec,
)
from equipment_drivers.devices.modbus_options import (
    CounterOptions,
    ModbusDeviceOptions,
    ModbusOptions,
    OutputOptions,
    SignalOptions,
)
from equipment_drivers.devices.modbus_registers import Block, Place, blocks
from equipment_drivers.errors import BadOption
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Fact,
    Operation,
    Quality,
    Reading,
    Safety,
)

LAST_UNIT: Mapping[str, int] = {"tcp": 255, "rtu": 247}

Registers = Mapping[Block, Sequence[int] | None]
"""What each request brought; None: the unit refused it."""
Values = Mapping[str, float | None]
Word = TypeVar("Word")


class SwitchArguments(Arguments):
    """On or off."""

    value: bool


@dataclass(slots=True)
class Count:
    """One counter as it stood, and when it last moved."""

    options: CounterOptions
    value: float
    moved: datetime


class UnitView:
    """One device: its specs, its read requests, and its last known counters and state."""

    def __init__(self, device: DeviceConfig, options: ModbusOptions) -> None:
        assert isinstance(device.options, ModbusDeviceOptions)
        self.id = device.id
        self.options = device.options
        self.unit = unit_number(device, options.transport)
        self.outputs = {f"set_{one.name}": one for one in self.options.outputs}
        shown: list[SignalOptions | OutputOptions] = [*self.options.signals, *self.options.outputs]
        self._shown = {one.name: one for one in shown}
        self.places = {name: one.place for name, one in self._shown.items()}
        self.blocks = blocks(list(self.places.values()), options.gap)
        self.spec = self._make_spec(options)
        self._counts: dict[str, Count] = {}
        self._told: tuple[Operation, Safety, Mapping[str, str]] | None = None

    def _make_spec(self, options: ModbusOptions) -> DeviceSpec:
        longest = 2 * options.timeout_s + options.confirm_s
        reading = longest + len(self.blocks) * options.timeout_s * (options.busy_retries + 1)
        commands = [CommandSpec("refresh", NoArguments, Effect.READ, ANY_TIME, reading)]
        commands += [
            CommandSpec(verb, arguments(one), Effect.ACTUATE, KNOWN, longest)
            for verb, one in self.outputs.items()
        ]
        signals = {
            name: SignalSpec(name, one.unit, self.options.max_age_s, one.precision)
            for name, one in self._shown.items()
        }
        by_verb = {command.verb: command for command in commands}
        return DeviceSpec(self.id, self.options.kind, by_verb, signals, self.options.moves)

    def forget(self) -> None:
        """Nothing is known any more: the next state is told, the next counts are a beginning."""
        self._counts.clear()
        self._told = None

    # -- what its registers say -------------------------------------------------------------

    def facts(self, found: Registers, now: datetime) -> Iterator[Fact]:
        """The readings, finished parts and, when it is news, the state of one poll."""
        values = {name: self._value(name, place, found) for name, place in self.places.items()}
        for name, value in values.items():
            quality = Quality.BAD if value is None else Quality.GOOD
            yield Reading(self.id, name, value, self._shown[name].unit, quality, now)
        yield from self._state(values, now)
        for counter in self.options.counters:
            yield from self._counted(counter, values, now)

    def reading(self, output: OutputOptions, words: Sequence[int], now: datetime) -> Reading:
        """What an output was read back as."""
        value = output.place.decode(words)
        quality = Quality.BAD if value is None else Quality.GOOD
        return Reading(self.id, output.name, value, output.unit, quality, now)

    def away(self, now: datetime) -> Iterator[Fact]:
        """The unit does not answer while others on its wire do."""
        self._counts.clear()
        for name, one in self._shown.items():
            yield Reading(self.id, name, None, one.unit, Quality.BAD, now)
        safety = Safety.UNKNOWN if self.options.safety else Safety.NONE
        yield from self._tell(Operation.UNKNOWN, safety, {"state": "silent"}, now)

    def _value(self, name: str, place: Place, found: Registers) -> float | None:
        for block, words in found.items():
            if block.holds(place):
                value = None if words is None else place.decode(block.part(place, words))
                return value if value is not None and self._plausible(name, value) else None
        return None

    def _plausible(self, name: str, value: float) -> bool:
        shown = self._shown[name]
        if isinstance(shown, OutputOptions):
            return True  # what somebody set at the machine is no measuring error
        low = shown.min is None or value >= shown.min
        return low and (shown.max is None or value <= shown.max)

    def _state(self, values: Values, now: datetime) -> Iterator[Fact]:
        """An operation that is not mapped is READY as long as anything could be read at all."""
        state, safety = self.options.state, self.options.safety
        shown = Safety.NONE
        if safety is not None:
            shown = meaning(safety.map, values[safety.signal], Safety.UNKNOWN)
        if state is not None:
            operation = meaning(state.map, values[state.signal], Operation.UNKNOWN)
        else:
            lost = all(value is None for value in values.values())
            operation = Operation.UNKNOWN if lost else Operation.READY
        detail = {"state": f"{values[state.signal]}"} if state else {}
        yield from self._tell(operation, shown, detail, now)

    def _tell(
        self, operation: Operation, safety: Safety, detail: Mapping[str, str], now: datetime
    ) -> Iterator[Fact]:
        if self._told != (operation, safety, detail):
            self._told = (operation, safety, detail)
            yield DeviceState(self.id, operation, safety, now, detail)

    def _counted(
        self, options: CounterOptions, values: Values, now: datetime
    ) -> Iterator[CycleFinished | DeviceMessage]:
        """One fact for each part since the last poll; the first value is only a beginning."""
        value = values[options.signal]
        if value is None:
            return
        known = self._counts.get(options.signal)
        if known is None:
            self._counts[options.signal] = Count(options, value, now)
            return
        parts = round(value - known.value)
        if parts == 0:
            return
        moved, known.value, known.moved = known.moved, value, now
        if not 0 < parts <= options.most:
            yield DeviceMessage(self.id, "message.counter_set_anew", options.signal, now)
            return
        each = values.get(options.duration) if options.duration else None
        seconds = (now - moved).total_seconds() / parts if each is None else each
        for _ in range(parts):
            yield CycleFinished(self.id, now, seconds, options.verdict)


def meaning(words: Mapping[int, Word], value: float | None, unknown: Word) -> Word:
    """What a value means by its map; a value that is missing or not whole means nothing."""
    if value is None or not value.is_integer():
        return unknown
    return words.get(int(value), unknown)


def unit_number(device: DeviceConfig, transport: str) -> int:
    """The unit id a device's address names. Raises BadOption."""
    if re.fullmatch(r"\d{1,3}", device.address):
        number = int(device.address)
        if (transport == "tcp" or number) and number <= LAST_UNIT[transport]:
            return number
    raise BadOption(option="address", cause=f"{device.id}: {device.address!r}")


def arguments(output: OutputOptions) -> type[Arguments]:
    """The arguments of the command that sets an output: on or off, or a number within bounds."""
    if output.place.kind == "bit":
        return SwitchArguments
    bounded = Field(ge=output.min, le=output.max, allow_inf_nan=False)
    return create_model(f"Set_{output.name}", __base__=Arguments, value=(float, bounded))
