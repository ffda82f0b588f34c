"""The shapes that travel between the controller and its clients; nothing but data.

Times are aware UTC in ISO 8601; `text` fields are already in the reader's language.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Base of all wire shapes: built from the rooms' own objects by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Request(BaseModel):
    """Base of what clients send: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# -- problems -------------------------------------------------------------------------------


class ProblemShape(Shape):
    """One reason why not, with what would help."""

    code: str
    text: str
    field: str = ""
    params: dict[str, str] = {}
    overridable: bool = False
    next_start: datetime | None = None


class Refusal(Shape):
    """The body of every answer that is not a success."""

    code: str
    text: str
    params: dict[str, str] = {}
    problems: list[ProblemShape] = []


# -- the lab --------------------------------------------------------------------------------


class LatchShape(Shape):
    """The stop latch: `scopes` names devices, or `lab` for everything."""

    latched: bool
    scopes: list[str] = []
    by: str = ""
    reason: str = ""
    at: datetime | None = None
    cause: str = ""


class LabShape(Shape):
    """The lab at a glance."""

    name: str
    language: str
    timezone: str
    now: datetime
    factor: float
    simulated: bool
    permit: bool
    latch: LatchShape


# -- devices --------------------------------------------------------------------------------


class ReadingShape(Shape):
    """A last value: value, unit, quality, and apart from them its age and whether it is stale."""

    signal: str
    value: float | None
    unit: str
    quality: str
    age_s: float
    stale: bool
    precision: int = 1


class JobShape(Shape):
    """A running job; `fraction` is an estimate."""

    command: str
    fraction: float
    counts: dict[str, int]


class MessageShape(Shape):
    """Something the device said."""

    code: str
    text: str
    at: datetime


class InterlockShape(Shape):
    """One interlock over a device: whether it permits now, and if not, why."""

    id: str
    name: str
    ok: bool
    limit: str
    why: str = ""


class DeviceShape(Shape):
    """A device on its three axes. `estop` says where its physical stop button is.

    `stoppable` is False only where it is known that software cannot stop it.
    """

    id: str
    name: str
    kind: str
    connection: str
    equipment: str | None
    link: str
    link_text: str
    operation: str
    safety: str
    may_actuate: bool
    lease: int | None
    lease_holder: str | None
    lease_kind: str = ""
    stop_means: str
    stoppable: bool
    estop: str
    outcome_unknown: str
    detail: dict[str, str]
    readings: list[ReadingShape]
    commands: list[str]
    job: JobShape | None
    messages: list[MessageShape]
    interlocks: list[InterlockShape] = []


class CommandRequest(Request):
    """One command to a device."""

    verb: str
    arguments: dict[str, Any] = {}
    lease: int | None = None
    wait: bool = True


class SettlementShape(Shape):
    """What became known of an unknown outcome, who says so and when."""

    outcome: str
    text: str
    by: str
    at: datetime
    note: str


class CommandShape(Shape):
    """A command as the ledger holds it; `text` says what its code means."""

    id: str
    device: str
    verb: str
    arguments: dict[str, Any]
    issuer: str
    lease: int | None
    issued: datetime
    state: str
    closed: datetime | None
    code: str
    answer: str
    text: str = ""
    device_name: str = ""
    settlement: SettlementShape | None = None


# -- booking --------------------------------------------------------------------------------


class EquipmentShape(Shape):
    """Bookable equipment."""

    id: str
    name: str
    category: str
    vendor: str
    model: str
    summary: str
    abilities: list[str]
    devices: list[str]
    qualification: str | None
    fee_yen_per_hour: int
    min_minutes: int
    max_minutes: int
    step_minutes: int


class SlotShape(Shape):
    """One stretch of a day that can, or cannot, be booked."""

    start: datetime
    end: datetime
    free: bool


class PartyShape(Shape):
    """An organisation."""

    id: str
    name: str
    kana: str
    role: str


class PersonShape(Shape):
    """A person of a party and what they are qualified for."""

    id: str
    party: str
    name: str
    qualifications: list[str]


class PersonRequest(Request):
    """A new person of a party."""

    name: str = Field(min_length=1)
    kana: str = ""


class QualificationRequest(Request):
    """A certificate shown at the desk."""

    qualification_class: str = Field(min_length=1)
    issued_on: date
    expires_on: date | None = None
    certificate_no: str = ""


class BookingRequestShape(Request):
    """A request for a slot, for a known party or with the contact of a new one."""

    equipment: str
    start: datetime
    end: datetime
    purpose: str = ""
    head_count: int = 1
    party: str | None = None
    company: str = ""
    company_kana: str = ""
    contact: str = ""
    phone: str = ""
    email: str = ""
    operator: str | None = None
    idempotency_key: str = Field(min_length=8, max_length=80)
    override_reason: str | None = None


class BookingShape(Shape):
    """A booking. `public_state` is one of the four plain words."""

    id: str
    number: str
    equipment: str
    equipment_name: str
    party: str
    party_name: str
    operator: str | None
    operator_name: str
    start: datetime
    end: datetime
    state: str
    state_text: str
    public_state: str
    purpose: str
    head_count: int
    contact: str = ""
    phone: str = ""
    reason: str = ""
    armed: bool = False
    lease: int | None = None
    lease_until: datetime | None = None
    trial: str | None = None


class Decision(Request):
    """A step of a booking's life taken by staff."""

    reason: str = ""
    head_count: int | None = None
    operator: str | None = None
    override_reason: str | None = None


# -- readings and jobs ----------------------------------------------------------------------


class BucketShape(Shape):
    """One bucket of a plotted window; empty ones are gaps."""

    start: datetime
    mean: float | None
    low: float | None
    high: float | None
    count: int
    quality: str


class WindowShape(Shape):
    """A window of one signal."""

    device: str
    signal: str
    unit: str
    buckets: list[BucketShape]


class GcodeShape(Shape):
    """A checked job file kept by the lab; at least `seconds` of printing (not heating), mm, g."""

    id: str
    name: str
    lines: int
    seconds: float = 0.0
    filament_mm: float = 0.0
    filament_g: float = 0.0


class StreamMessage(Shape):
    """One frame of the live stream: what changed since the last one."""

    now: datetime
    lab: LabShape | None = None
    devices: list[DeviceShape] = []
    changed: list[str] = []
