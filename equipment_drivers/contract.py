"""What a driver is: one plain class per kind of wire, with static specs and a stop plan as data.

A driver instance owns one connection and the devices that hang on it. It speaks through `emit`
(facts: readings, states, cycles), answers commands, and never hears of a booking or a person.
Its life is run by `lifecycle.Connection`: connect → resync → serve until the wire is lost → close.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from equipment_drivers.errors import Stopped
from equipment_drivers.model import Fact, Operation

API_VERSION = 1


class Clock(Protocol):
    """Lab time for stamps, real monotonic seconds for wire timeouts."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


Emit = Callable[[Fact], None]
"""How a driver speaks: facts, in the order in which they were seen."""


class Options(BaseModel):
    """Base of a driver's connection and device options: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def plug(self) -> Path | None:
        """The path that appears when the wire is plugged in; None: nothing shows it."""
        return None


class Arguments(BaseModel):
    """Base of a command's arguments: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoArguments(Arguments):
    """The verb says it all."""


class Effect(StrEnum):
    """What a command can do to the world; only READ goes without a lease."""

    READ = "read"
    CONFIGURE = "configure"
    ACTUATE = "actuate"


ANY_TIME = frozenset(Operation)
KNOWN = ANY_TIME - {Operation.UNKNOWN}
"""When a command may be allowed: always, or whenever it is known what the device does."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One typed request. `timeout_s` is real time; None for a job that runs as long as it runs.

    `calms`: it only ever takes motion or energy away, so no interlock may stand in its way.
    """

    verb: str
    args: type[Arguments]
    effect: Effect
    allowed: frozenset[Operation]
    timeout_s: float | None = 10.0
    calms: bool = False


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """One named quantity. Stale when older than `max_age_s` (lab time)."""

    name: str
    unit: str
    max_age_s: float
    precision: int = 1


@dataclass(frozen=True, slots=True)
class StopStep:
    """One message of a stop plan, as data the stopper can carry out without driver code.

    `kind` and `payload`:
    - `descriptor`: {"write_hex": …, "expect": regex of the reply or ""}; the bytes go to the
      duplicate of the connection's descriptor.
    - `opcua_call`: {"endpoint", "object": [[namespace uri, browse name], …] below Objects,
      "method": [uri, name], "args": [[variant type, value], …], e.g. [["Int64", 0]],
      "confirm": {"path": [[uri, name], …], "equals": [value, …]} or null,
      "security": {"policy": "Basic256Sha256", "mode": "SignAndEncrypt", "certificate_file",
      "private_key_file", "trust_dir"} or null, "user": text or "", "password": text or ""}
    - `socket`: {"host", "port", "greeting": regex of what the peer says first or "",
      "write_hex", "expect": regex of the reply's bytes or "", "keep_hex": bytes that keep a
      warm connection alive or ""}; the stopper's own TCP connection, kept open
    - `http`: {"method", "url", "headers": {…}, "body": text,
      "confirm": {"url", "key": JSON key, "equals": value} or null}
    """

    kind: str
    connection: str
    payload: Mapping[str, object]
    deadline_s: float = 1.0


@dataclass(frozen=True, slots=True)
class StopPlan:
    """How this device is stopped. `means` is a text key saying what stop does to it.

    No steps: software cannot stop it; people are shown where its button is.
    """

    device: str
    means: str
    steps: tuple[StopStep, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """What one device can be told and what it measures; static.

    `moves`: it has something that can hurt a person, whoever starts it; such a device must say in
    the configuration where its physical emergency stop is.
    """

    device: str
    kind: str
    commands: Mapping[str, CommandSpec]
    signals: Mapping[str, SignalSpec]
    moves: bool = False


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """Static description of a driver. `verified_on` empty: 実機未検証."""

    id: str
    kind: str
    connection_options: type[Options]
    device_options: type[Options]
    api_version: int = API_VERSION
    verified_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One device of a connection as configured: `address` is the driver's own way to find it."""

    id: str
    address: str
    options: Options


Wired = Sequence[DeviceConfig]
"""All devices on one wire."""


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a running command carries: identity, fencing number, and whether it may still act.

    `may_act` is asked before every actuating write; it turns False when the latch falls, the
    stopper's permit lapses or the lease ends. `journal` takes the lines of a job's own log.
    """

    command_id: str
    lease: int | None
    may_act: Callable[[], bool] = field(default=lambda: True)
    journal: Callable[[str], None] = field(default=lambda line: None)

    def demand(self) -> None:
        """Raise `Stopped` when this command may not act any more."""
        if not self.may_act():
            raise Stopped(command=self.command_id)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What the device said and what was read back."""

    text: str = ""
    values: Mapping[str, float | int | str] = field(default_factory=dict)


class StopOutcome(StrEnum):
    """SENT: bytes are out. CONFIRMED: the device says it stopped. FAILED: press the button."""

    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class StopReport:
    """What became of a stop or a safe-state request on one device."""

    device: str
    outcome: StopOutcome
    detail: str = ""


@runtime_checkable
class Driver(Protocol):
    """One connection and its devices. All coroutines run on the controller's loop."""

    spec: ClassVar[DriverSpec]

    def __init__(
        self, connection: str, options: Options, devices: Wired, *, clock: Clock, emit: Emit
    ) -> None: ...

    @property
    def max_silence_s(self) -> float:
        """Real seconds without traffic after which the peer counts as gone."""
        ...

    def device_spec(self, device: str) -> DeviceSpec:
        """Commands and signals of one device; no I/O."""
        ...

    def stop_plan(self, device: str) -> StopPlan:
        """How the stopper stops it, as data; no I/O."""
        ...

    def stop_descriptor(self) -> int | None:
        """The open descriptor the stopper may duplicate, or None."""
        ...

    async def connect(self) -> None:
        """Open, shake hands, verify identity; the caller bounds it (WireFault, SetupFault)."""
        ...

    async def resync(self) -> None:
        """Read everything back, without moving anything, and emit a DeviceState per device."""
        ...

    async def serve(self) -> None:
        """Run until the wire is lost; always ends in a WireFault (or cancellation)."""
        ...

    async def execute(
        self, device: str, verb: str, args: Arguments, context: CommandContext
    ) -> CommandResult:
        """Carry out one command; the checks that need no wire come first."""
        ...

    async def stop_now(self, device: str) -> StopReport:
        """Stop this device at once: no queue, no lock, no lease."""
        ...

    async def safe_state(self, device: str) -> StopReport:
        """Bring it to its documented resting state (heaters 0, outputs off)."""
        ...

    async def close(self) -> None:
        """Close the wire: never raises, leaves no task and no descriptor, may be called twice."""
        ...
