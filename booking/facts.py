"""What the rules are asked about: one wish, and what the tables know around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from booking.calendar import LabCalendar
from booking.errors import Problem
from booking.model import BookingRequest, Equipment, Party, Person, Qualification
from booking.slots import Occupied

# Beyond these the calendar is not even asked: no lab plans ten years ahead or books for a month.
FARTHEST = timedelta(days=3650)
LONGEST = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules may know, read from the tables; None means there is no such row."""

    now: datetime
    calendar: LabCalendar
    equipment: Equipment | None
    party: Party | None
    operator: Person | None = None
    qualifications: tuple[Qualification, ...] = ()
    occupied: Occupied = field(default_factory=Occupied)

    def with_occupied(self, occupied: Occupied) -> Facts:
        """The same facts, with what stands in the way."""
        return replace(self, occupied=occupied)

    def is_near(self, when: datetime) -> bool:
        """Whether the instant is close enough to now to look it up in a calendar."""
        return abs(when - self.now) <= FARTHEST

    def is_plausible(self, request: BookingRequest) -> bool:
        """Whether the wish is a slot at all: near enough, in order, and not of absurd length."""
        if None in (request.start.utcoffset(), request.end.utcoffset()):
            return False
        if not self.is_near(request.start):
            return False
        return request.start < request.end <= request.start + LONGEST


FormRule = Callable[[BookingRequest, Facts], Iterator[Problem]]
SlotRule = Callable[[BookingRequest, Facts, Equipment], Iterator[Problem]]
