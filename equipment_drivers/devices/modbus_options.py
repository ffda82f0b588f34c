"""What is configured of a Modbus connection and of a device on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from equipment_drivers.contract import Options
from equipment_drivers.devices.modbus_registers import (
    BIT_TABLES,
    LAST_ADDRESS,
    Kind,
    Order,
    Place,
    Table,
    Unrepresentable,
    Write,
    writes,
)
from equipment_drivers.model import Operation, Safety

BITS_OF_A_CHARACTER = 11
FAST_BAUDRATE = 19200
FAST_QUIET_S = 0.00175

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class ModbusOptions(Options):
    """A TCP server (`host`, `port`) or a serial bus (`serial_port`, `baudrate`, …).

    Times in real seconds. `timeout_s` bounds each answer and must be longer than the slowest the
    device ever gives: on a serial bus a late answer cannot be told from the next one. A busy
    device is asked again `busy_retries` times, `busy_pause_s` apart, when reading, never when
    writing. `gap`: registers of no interest that may be read along to save a request; 0 for a
    device that refuses to read what it does not have.
    """

    transport: Literal["tcp", "rtu"]
    host: str = ""
    port: int = Field(default=502, gt=0, le=65535)
    serial_port: str = ""
    baudrate: int = Field(default=19200, gt=0)
    parity: Literal["N", "E", "O"] = "E"
    stopbits: Literal[1, 2] = 1
    poll_s: float = Field(default=1.0, gt=0)
    timeout_s: float = Field(default=1.0, gt=0)
    connect_timeout_s: float = Field(default=5.0, gt=0)
    confirm_s: float = Field(default=1.0, gt=0)
    confirm_every_s: float = Field(default=0.05, gt=0)
    busy_retries: int = Field(default=2, ge=0)
    busy_pause_s: float = Field(default=0.1, ge=0)
    gap: int = Field(default=0, ge=0, le=100)
    stop_deadline_s: float = Field(default=1.0, gt=0, le=10)

    @model_validator(mode="after")
    def _one_wire(self) -> Self:
        if self.transport == "tcp" and not self.host:
            raise ValueError("transport tcp needs host")
        if self.transport == "rtu" and not self.serial_port:
            raise ValueError("transport rtu needs serial_port")
        return self

    def plug(self) -> Path | None:
        return Path(self.serial_port) if self.transport == "rtu" else None

    @property
    def quiet_s(self) -> float:
        """The silence that parts two frames on a serial bus: 3.5 characters (serial line 2.5.1)."""
        if self.transport == "tcp":
            return 0.0
        if self.baudrate > FAST_BAUDRATE:
            return FAST_QUIET_S
        return 3.5 * BITS_OF_A_CHARACTER / self.baudrate


class PlaceOptions(Options):
    """Where a value lies: `address` counts from 0 as on the wire (register 40001 is holding 0)."""

    table: Table = "holding"
    address: int = Field(ge=0, le=LAST_ADDRESS)
    type: Kind | None = None
    word_order: Order = "big"
    byte_order: Order = "big"
    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _can_lie_there(self) -> Self:
        bits = self.table in BIT_TABLES
        if self.type is not None and (self.type == "bit") is not bits:
            raise ValueError(f"{self.type} does not lie in table {self.table}")
        if self.scale == 0:
            raise ValueError("scale is 0")
        if self.place.end - 1 > LAST_ADDRESS:
            raise ValueError("reaches beyond the last address")
        return self

    @property
    def place(self) -> Place:
        """The same as a place of the register map."""
        plain: Kind = "bit" if self.table in BIT_TABLES else "uint16"
        return Place(
            self.table,
            self.address,
            self.type or plain,
            self.word_order,
            self.byte_order,
            self.scale,
            self.offset,
        )


class SignalOptions(PlaceOptions):
    """One measured value. A value outside `min` to `max` is not plausible and told as BAD."""

    name: Name
    unit: str = "1"
    precision: int = Field(default=1, ge=0, le=9)
    min: float | None = None
    max: float | None = None


class OutputOptions(PlaceOptions):
    """One value that can be set, by the command `set_NAME`, within `min` to `max`.

    `safe` is what it is set to when the device is left and, unless `stop` is false, when it is
    stopped.
    """

    name: Name
    table: Literal["coil", "holding"] = "coil"
    unit: str = "1"
    precision: int = Field(default=1, ge=0, le=9)
    min: float = 0.0
    max: float = 1.0
    safe: float
    stop: bool = True

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        if not self.min <= self.safe <= self.max:
            raise ValueError("safe is not within min and max")
        for value in (self.min, self.max, self.safe):
            try:
                self.place.encode(value)
            except Unrepresentable as error:
                raise ValueError(f"{value:g}: {error}") from error
        return self


class KnownValue(PlaceOptions):
    """A register whose value is known: what shows at connect that map and device fit."""

    equals: float


class StateOptions(Options):
    """How a signal's value tells what the device does: `map = {"0" = "idle", "1" = "busy"}`.

    A value that is not in the map is `unknown`.
    """

    signal: Name
    map: Mapping[int, Operation]


class SafetyOptions(Options):
    """How a signal's value tells the device's own safety state: `map = {"1" = "normal"}`."""

    signal: Name
    map: Mapping[int, Safety]


class CounterOptions(Options):
    """A signal that counts finished parts. One that jumps by more than `most` was set anew.

    `duration` names a signal with the cycle time in seconds; without it the time since the part
    before (or since the connection came up) is taken.
    """

    signal: Name
    verdict: Literal["good", "scrap", "unknown"] = "unknown"
    duration: Name | None = None
    most: int = Field(default=20, gt=0)


class ModbusDeviceOptions(Options):
    """One unit; the device's address is its unit id. Signals turn stale after `max_age_s`."""

    kind: Literal["machine_tool", "sensor"] = "machine_tool"
    moves: bool = False
    signals: tuple[SignalOptions, ...] = ()
    outputs: tuple[OutputOptions, ...] = ()
    known_values: tuple[KnownValue, ...] = ()
    state: StateOptions | None = None
    safety: SafetyOptions | None = None
    counters: tuple[CounterOptions, ...] = ()
    max_age_s: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        shown: list[SignalOptions | OutputOptions] = [*self.signals, *self.outputs]
        names = [one.name for one in shown]
        if not names:
            raise ValueError("neither signals nor outputs")
        if len(set(names)) != len(names):
            raise ValueError("a name is given twice")
        used = [one.signal for one in (self.state, self.safety, *self.counters) if one]
        used += [one.duration for one in self.counters if one.duration]
        if strange := sorted(set(used) - set(names)):
            raise ValueError(f"no signal {', '.join(strange)}")
        if self.kind == "sensor" and self.outputs:
            raise ValueError("a sensor has no outputs")
        return self

    @model_validator(mode="after")
    def _stops_by_one_message(self) -> Self:
        """Two frames behind each other are one broken frame on a serial bus, and stop nothing."""
        if self.outputs and len(self.stop_writes) != 1:
            raise ValueError("one message must stop it: stop = false for outputs that lie apart")
        return self

    @property
    def stop_writes(self) -> list[Write]:
        """What is written to stop the device."""
        return writes([(one.place, one.safe) for one in self.outputs if one.stop])
