"""Everything that can be wrong with a booking.

BookingError
├── BookingRefused      booking.refused        (carries every Problem at once)
├── NotAllowed          booking.cannot_<verb>  (the state does not permit the verb)
├── SlotTaken           booking.overlap        (the database refused; callers see BookingRefused)
├── KeyReused           booking.key_reused     (same idempotency key, other content)
├── BadInput            the code says what     (a value that cannot be stored)
└── Unknown             booking.unknown_<kind>
    ├── UnknownBooking
    │   └── NoSuchNumber    booking.no_such_number (numbers like it are named)
    ├── UnknownEquipment
    ├── UnknownParty
    ├── UnknownPerson
    ├── UnknownQualification
    └── UnknownOutage
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a booking cannot be made as asked.

    `field` names the form field it belongs to; `overridable` tells whether staff may overrule it
    with a reason; `next_start` is the next start of the same length that would work.
    """

    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    overridable: bool = False
    field: str = ""
    next_start: datetime | None = None


class BookingError(Exception):
    """Base of the room: a stable `code` and text parameters; the text is chosen at the edge."""

    code = "booking.error"

    def __init__(self, **params: object) -> None:
        self.params = {key: str(value) for key, value in params.items()}
        super().__init__(self.code, self.params)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.code}({shown})"


class BookingRefused(BookingError):
    """The rules refuse it; `problems` holds all of them."""

    code = "booking.refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(problems=" ".join(problem.code for problem in problems))


class NotAllowed(BookingError):
    """The booking's state does not permit the verb; nothing was changed."""

    def __init__(self, *, number: str, state: str, verb: str) -> None:
        self.code = f"booking.cannot_{verb}"
        super().__init__(number=number, state=state, verb=verb)


class SlotTaken(BookingError):
    """The database's own guard found the slot held by another booking; nothing was written."""

    code = "booking.overlap"


class KeyReused(BookingError):
    """The idempotency key was used before for a request with other content."""

    code = "booking.key_reused"


class BadInput(BookingError):
    """A value that cannot be stored; the code given says which and why."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        super().__init__(**params)


class Unknown(BookingError):
    """No row with this identity."""

    code = "booking.unknown"


class UnknownBooking(Unknown):
    code = "booking.unknown_booking"


class NoSuchNumber(UnknownBooking):
    """No booking of this number, but of ones like it: `near` names them."""

    code = "booking.no_such_number"


class UnknownEquipment(Unknown):
    code = "booking.unknown_equipment"


class UnknownParty(Unknown):
    code = "booking.unknown_party"


class UnknownPerson(Unknown):
    code = "booking.unknown_person"


class UnknownQualification(Unknown):
    code = "booking.unknown_qualification"


class UnknownOutage(Unknown):
    code = "booking.unknown_outage"
