"""The words of booking: equipment and its policy, parties and people, bookings, visits, outages.

Times are aware UTC; days are local calendar days of the lab; fees are whole yen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from booking.errors import BadInput
from booking.hours import DAY_MINUTES, WeekHours
from booking.spans import Span
from booking.states import HOLDING, PUBLIC_WORDS, PublicWord, State

LANGUAGES = ("ja", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    ja: str
    en: str

    def in_language(self, language: str) -> str:
        """The English text for `en`, else the Japanese one."""
        return self.en if language == "en" else self.ja


@dataclass(frozen=True, slots=True)
class Capability:
    """One row of what a machine can do: a label, and its value where there is one."""

    label: Text
    value: Text


@dataclass(frozen=True, slots=True)
class BookingPolicy:
    """How one piece of equipment may be booked.

    `hours` replaces the lab's opening hours. `step_minutes` divides the day; starts and ends fall
    on it. Setup and teardown are buffers held around the slot. Raises BadInput
    `booking.bad_policy` with the key that is wrong.
    """

    min_minutes: int = 30
    max_minutes: int = 8 * 60
    step_minutes: int = 30
    horizon_days: int = 90
    notice_minutes: int = 60
    setup_minutes: int = 0
    teardown_minutes: int = 0
    auto_confirm: bool = False
    check_in_opens_minutes: int = 15
    no_show_after_minutes: int = 30
    reminder_minutes: int = DAY_MINUTES
    late_cancel_minutes: int = DAY_MINUTES
    max_head_count: int = 10
    qualification: str | None = None
    hours: WeekHours | None = None

    def __post_init__(self) -> None:
        checks = {
            "step_minutes": self.step_minutes > 0 and DAY_MINUTES % self.step_minutes == 0,
            "min_minutes": self.min_minutes > 0,
            "max_minutes": self.min_minutes <= self.max_minutes <= 31 * DAY_MINUTES,
            "horizon_days": 0 < self.horizon_days <= 3650,
            "notice_minutes": self.notice_minutes >= 0,
            "setup_minutes": 0 <= self.setup_minutes <= DAY_MINUTES,
            "teardown_minutes": 0 <= self.teardown_minutes <= DAY_MINUTES,
            "check_in_opens_minutes": self.check_in_opens_minutes >= 0,
            "no_show_after_minutes": self.no_show_after_minutes > 0,
            "reminder_minutes": self.reminder_minutes >= 0,
            "late_cancel_minutes": self.late_cancel_minutes >= 0,
            "max_head_count": self.max_head_count >= 1,
        }
        for key, holds in checks.items():
            if not holds:
                raise BadInput("booking.bad_policy", key=key, value=getattr(self, key))

    @property
    def setup(self) -> timedelta:
        """Time held before the slot."""
        return timedelta(minutes=self.setup_minutes)

    @property
    def teardown(self) -> timedelta:
        """Time held after the slot."""
        return timedelta(minutes=self.teardown_minutes)

    def busy(self, slot: Span) -> Span:
        """What a booking of the slot really holds, buffers included."""
        return slot.widened(self.setup, self.teardown)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What can be booked. Retired equipment keeps its history and takes no bookings."""

    id: str
    name: Text
    category: str
    vendor: str = ""
    description: Text = Text("", "")
    capabilities: tuple[Capability, ...] = ()
    fee_yen_per_hour: int = 0
    policy: BookingPolicy = field(default_factory=BookingPolicy)
    retired: bool = False


class Role(StrEnum):
    """What somebody is in the lab."""

    FACTORY = "factory"
    VENDOR = "vendor"
    STAFF = "staff"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation; an inactive one can not book."""

    id: str
    name: str
    kana: str = ""
    role: Role = Role.FACTORY
    phone: str = ""
    email: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who belongs to a party."""

    id: str
    party_id: str
    name: str
    kana: str = ""
    role: Role = Role.FACTORY
    phone: str = ""
    email: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Qualification:
    """A dated certificate for one class of equipment; valid on both of its days."""

    id: str
    person_id: str
    qualification_class: str
    issued_on: date
    expires_on: date | None = None
    certificate_no: str = ""

    def covers(self, first: date, last: date) -> bool:
        """Whether it is valid on every day from `first` to `last`."""
        return self.issued_on <= first and (self.expires_on is None or last <= self.expires_on)


@dataclass(frozen=True, slots=True)
class Closure:
    """Time when nothing can be booked."""

    start: datetime
    end: datetime
    reason: Text = Text("", "")

    @property
    def span(self) -> Span:
        """The closed time."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Outage:
    """Time when one piece of equipment cannot be used; no end yet means until further notice."""

    id: str
    equipment_id: str
    start: datetime
    end: datetime | None
    reason: str
    planned: bool = False


@dataclass(frozen=True, slots=True)
class NewParty:
    """What a first-time visitor writes into the form."""

    company: str
    contact_name: str
    phone: str = ""
    email: str = ""
    kana: str = ""


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """One wish for a slot: of a known party, or of a new one that is created with it."""

    equipment_id: str
    start: datetime
    end: datetime
    idempotency_key: str
    party_id: str | None = None
    new_party: NewParty | None = None
    purpose: str = ""
    head_count: int = 1
    operator_id: str | None = None
    language: str = "ja"

    @property
    def slot(self) -> Span:
        """The wished time."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Override:
    """Staff overrule what may be overruled, with a reason.

    A missing qualification is overruled only when an instructor is named who will be present.
    """

    reason: str
    instructor: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    """One booking as stored.

    `busy_from`, `busy_until` (buffers included), `check_in_from`, `no_show_at`, `remind_at` and
    `late_cancel_from` were copied from the policy when it was made. `code` is the printed secret.
    """

    id: str
    number: str
    code: str
    equipment_id: str
    party_id: str
    contact_id: str | None
    operator_id: str | None
    instructor: str
    start: datetime
    end: datetime
    busy_from: datetime
    busy_until: datetime
    state: State
    reason: str
    purpose: str
    head_count: int
    language: str
    check_in_from: datetime
    no_show_at: datetime
    remind_at: datetime
    late_cancel_from: datetime
    reminded_at: datetime | None
    cancelled_late: bool
    requested_at: datetime
    requested_by: str
    changed_at: datetime

    @property
    def slot(self) -> Span:
        """The booked time without buffers."""
        return Span(self.start, self.end)

    @property
    def public_word(self) -> PublicWord:
        """What the public calls its state."""
        return PUBLIC_WORDS[self.state]

    @property
    def holds_slot(self) -> bool:
        """Whether it keeps others out."""
        return self.state in HOLDING


@dataclass(frozen=True, slots=True)
class Visit:
    """Check-in to check-out of a party; `left` is None while it is here."""

    id: str
    booking_id: str
    party_id: str
    equipment_id: str
    head_count: int
    arrived: datetime
    left: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: who did what to which thing, when, and why. Never edited, never deleted."""

    at: datetime
    by: str
    what: str
    subject: str
    subject_id: str
    was: str
    became: str
    reason: str
