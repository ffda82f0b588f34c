"""What is configured of a machine behind OPC UA that has no driver of its own: its node list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from equipment_drivers.contract import Options
from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_tree import NODE_ID
from equipment_drivers.model import Operation, Safety

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Step = tuple[str, str]
Path = Annotated[tuple[Step, ...], Field(min_length=1)]
Plain = bool | int | float | str
Counter = Literal["parts", "parts_good", "parts_scrap", "cycle_time"]

COUNTER_UNITS = {"parts": "1", "parts_good": "1", "parts_scrap": "1", "cycle_time": "s"}


def _by_uri(text: str) -> str:
    if NODE_ID.match(text) is None:
        raise ValueError("write nsu=URI;s=NAME (never ns=NUMBER), or a list of [URI, NAME]")
    return text


Where = Annotated[str, AfterValidator(_by_uri)] | Path
"""A node: `nsu=URI;s=…`, or its path below Objects as [namespace URI, browse name] pairs."""


class SignalOptions(Options):
    """One value that is measured: what the server says times `scale`, in `unit`.

    `optional`: the machine may come without it; otherwise a server without it is another machine.
    """

    name: Name
    node: Where
    unit: str = "1"
    scale: float = 1.0
    max_age_s: float = Field(default=10.0, gt=0)
    precision: int = Field(default=1, ge=0, le=6)
    optional: bool = False


class StateOptions(Options):
    """Which value of a node is which operation; values as text (`"3"`, `"true"`, `"Running"`)."""

    node: Where
    values: Mapping[str, Operation] = Field(min_length=1)


class SafetyOptions(Options):
    """Which value of a node is which safety; every other value is unknown."""

    node: Where
    values: Mapping[str, Safety] = Field(min_length=1)


class SetpointOptions(Options):
    """One value that may be written, from `min` to `max` in `unit`: the command `set_NAME`.

    The node must read back as written, give or take `tolerance`, within the connection's
    `confirm_s`. `rest`: what is written when the machine is brought to rest.
    """

    name: Name
    node: Where
    unit: str = "1"
    scale: float = Field(default=1.0, gt=0)
    min: float
    max: float
    tolerance: float = Field(default=0.001, ge=0)
    rest: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is above max")
        if self.rest is not None and not self.min <= self.rest <= self.max:
            raise ValueError("rest is not between min and max")
        return self


class MethodOptions(Options):
    """One method that may be called, always with these `args`: the command NAME.

    `args` are pairs of OPC UA type and value, as ["Int64", 0]. With `reaches` the machine must
    show that operation within the connection's `start_s`, or it has not done what it was told.
    """

    name: Name
    object: Where
    method: Step
    args: tuple[tuple[str, Plain], ...] = ()
    reaches: Operation | None = None


class ConfirmOptions(Options):
    """Where it shows that the machine stopped: the node's path and the values it has then."""

    node: Path
    equals: tuple[Plain, ...] = Field(min_length=1)


class StopOptions(Options):
    """The method that stops the machine, by paths: the stopper finds it without a driver."""

    object: Path
    method: Step
    args: tuple[tuple[str, Plain], ...] = ()
    confirm: ConfirmOptions | None = None


class MachineOptions(OpcuaOptions):
    """One endpoint. A written value must read back within `confirm_s`, looked at every
    `confirm_every_s`; a method's effect must show within `start_s`; all real time."""

    confirm_s: float = Field(default=2.0, gt=0)
    confirm_every_s: float = Field(default=0.05, gt=0)
    start_s: float = Field(default=5.0, gt=0)


class MachineDeviceOptions(Options):
    """One machine; nothing can be commanded but what is listed under `setpoints` and `methods`.

    `counters` are nodes that count finished parts, or hold the last cycle time in seconds;
    `message` is a text people should see when it changes. `moves`: it has something that can hurt.
    Without `state` it is ready whenever it is reached; without `safety` it has no such signal.
    """

    signals: tuple[SignalOptions, ...] = ()
    counters: Mapping[Counter, Where] = Field(default_factory=dict)
    state: StateOptions | None = None
    safety: SafetyOptions | None = None
    message: Where | None = None
    setpoints: tuple[SetpointOptions, ...] = ()
    methods: tuple[MethodOptions, ...] = ()
    stop: StopOptions | None = None
    moves: bool = True
    max_age_s: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for names in (self._signal_names(), self._verbs()):
            seen: set[str] = set()
            for name in names:
                if name in seen:
                    raise ValueError(f"{name} is there twice")
                seen.add(name)
        return self

    def _signal_names(self) -> Iterator[str]:
        yield from self.counters
        yield from (one.name for one in self.signals)

    def _verbs(self) -> Iterator[str]:
        yield from (f"set_{one.name}" for one in self.setpoints)
        yield from (one.name for one in self.methods)
