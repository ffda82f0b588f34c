"""The words a device is described with: three independent axes, readings with unit and quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Link(StrEnum):
    """State of a connection (one wire). The devices on it share it."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    SYNCING = "syncing"
    ONLINE = "online"
    DEGRADED = "degraded"
    BACKOFF = "backoff"
    CONFIG_ERROR = "config_error"
    AUTH_ERROR = "auth_error"
    IDENTITY_ERROR = "identity_error"

    @property
    def carries_commands(self) -> bool:
        """Whether a command may be put on this wire."""
        return self in (Link.ONLINE, Link.DEGRADED)

    @property
    def is_terminal(self) -> bool:
        """Whether only a change of configuration can bring the wire back."""
        return self in (Link.CONFIG_ERROR, Link.AUTH_ERROR, Link.IDENTITY_ERROR)


class Operation(StrEnum):
    """What the device is doing, in OPC 40010 words; UNKNOWN whenever the link is not up."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    READY = "ready"
    BUSY = "busy"
    PAUSED = "paused"
    STOPPING = "stopping"
    FAULT = "fault"
    MAINTENANCE = "maintenance"


class Safety(StrEnum):
    """The device's own safety signal. NONE: it has no such signal. UNKNOWN is never green."""

    NONE = "none"
    UNKNOWN = "unknown"
    NORMAL = "normal"
    REDUCED = "reduced"
    PROTECTIVE_STOP = "protective_stop"
    SAFEGUARD_STOP = "safeguard_stop"
    DEVICE_ESTOP = "device_estop"
    LAB_LATCHED = "lab_latched"


class Quality(StrEnum):
    """Worth of one value. Age is a separate matter and is derived from the received time."""

    GOOD = "GOOD"
    UNCERTAIN = "UNCERTAIN"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one signal.

    `value` is None when the quality is BAD and no number was had; booleans are 0.0 and 1.0.
    `unit` is a UCUM-like code (`Cel`, `W`, `kW.h`, `mm`, `%`, `s`, `1`). Times: aware UTC lab time.
    """

    device: str
    signal: str
    value: float | None
    unit: str
    quality: Quality
    received: datetime
    source: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The connection's link moved to another state; `code` is the driver error that caused it."""

    connection: str
    link: Link
    at: datetime
    code: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's own two axes, and what it says of itself (firmware, program, position) as text."""

    device: str
    operation: Operation
    safety: Safety
    at: datetime
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CycleFinished:
    """One part is finished. `verdict` is good, scrap, rework, or unknown where nobody can tell.

    `duration_s` is infinite where it is not known. `told_by`: `device`, or `operator`, a person.
    """

    device: str
    at: datetime
    duration_s: float
    verdict: str = "unknown"
    told_by: str = "device"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a long command is: `fraction` 0..1 is an estimate, the counts are facts."""

    device: str
    command_id: str
    fraction: float
    counts: Mapping[str, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceMessage:
    """Something the device said that a person should see (a fault, a prompt, an adopted job).

    `params` are further parameters of the code's sentence, beside `text` and `device`.
    """

    device: str
    code: str
    text: str
    at: datetime
    params: Mapping[str, str] = field(default_factory=dict)


Fact = Reading | LinkChanged | DeviceState | CycleFinished | JobProgress | DeviceMessage
