"""Bookings from the desk's side: every step in one write, told after the commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from booking import desk, due
from booking.calendar import LabCalendar
from booking.errors import Problem
from booking.model import (
    Booking,
    BookingRequest,
    Equipment,
    Override,
    Party,
    Person,
    Qualification,
)
from booking.slots import WeekGrid
from booking.states import State
from booking.store import bookings as rows
from booking.store import catalogue, directory
from lab_controller.clock import LabClock
from lab_controller.database import Database, Writer
from lab_controller.facts import BookingChanged, Bus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BookedWith:
    """A booking with the names people know it by."""

    booking: Booking
    equipment: Equipment
    party: Party
    contact: Person | None
    operator: Person | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says."""

    qualification_class: str
    issued_on: date
    expires_on: date | None
    certificate_no: str


class Bookings:
    """The booking use cases of the lab."""

    def __init__(self, *, clock: LabClock, bus: Bus, lab_db: Writer, calendar: LabCalendar) -> None:
        self.calendar = calendar
        self._clock, self._bus, self._db = clock, bus, lab_db

    # -- reading ----------------------------------------------------------------------------

    async def between(self, start: datetime, end: datetime) -> list[BookedWith]:
        """Bookings that touch a stretch of time, in order."""
        return await self._db.read(
            lambda db: [named_booking(db, one) for one in rows.bookings_between(db, start, end)]
        )

    async def one(self, booking: str) -> BookedWith:
        """One booking by its id or number. Raises UnknownBooking."""
        return await self._db.read(lambda db: named_booking(db, rows.booking_named(db, booking)))

    async def by_printed_code(self, number: str, code: str) -> BookedWith:
        """One booking by its public number and printed code. Raises UnknownBooking."""
        return await self._db.read(
            lambda db: named_booking(db, rows.find_by_number_and_code(db, number, code))
        )

    async def equipment(self) -> list[Equipment]:
        """What can be booked."""
        return await self._db.read(catalogue.list_equipment)

    async def equipment_one(self, equipment: str) -> Equipment:
        """One piece of equipment. Raises UnknownEquipment."""
        return await self._db.read(lambda db: catalogue.equipment_by_id(db, equipment))

    async def week(
        self, equipment: str, first_day: date, *, day_count: int = 7, cell_minutes: int = 60
    ) -> WeekGrid:
        """Some days of free and taken cells."""
        now = self._clock.now()
        return await self._db.read(
            lambda db: desk.free_week(
                db,
                equipment,
                self.calendar,
                first_day,
                now,
                day_count=day_count,
                cell_minutes=cell_minutes,
            )
        )

    async def parties(self) -> list[Party]:
        """Known organisations."""
        return await self._db.read(directory.list_parties)

    async def people(self, party: str) -> list[tuple[Person, list[Qualification]]]:
        """The people of a party with their qualifications."""
        return await self._db.read(
            lambda db: [
                (person, directory.qualifications_of(db, person.id))
                for person in directory.people_of(db, party)
            ]
        )

    # -- people -----------------------------------------------------------------------------

    async def add_person(self, party: str, name: str, kana: str, *, by: str) -> Person:
        """A new person of a party, registered at the desk."""
        now = self._clock.now()
        return await self._db.write(
            lambda db: directory.add_person(db, party, name=name, kana=kana, now=now, by=by)
        )

    async def add_qualification(
        self, person: str, held: Certificate, *, by: str
    ) -> list[Qualification]:
        """A certificate shown at the desk; answers all the person holds."""
        now = self._clock.now()

        def write(db: Database) -> list[Qualification]:
            directory.add_qualification(
                db,
                person,
                qualification_class=held.qualification_class,
                issued_on=held.issued_on,
                expires_on=held.expires_on,
                certificate_no=held.certificate_no,
                now=now,
                by=by,
            )
            return directory.qualifications_of(db, person)

        return await self._db.write(write)

    async def person(self, person: str) -> Person:
        """One person. Raises UnknownPerson."""
        return await self._db.read(lambda db: directory.person_by_id(db, person))

    # -- steps ------------------------------------------------------------------------------

    async def check(self, wanted: BookingRequest) -> list[Problem]:
        """All that speaks against a request; writes nothing."""
        now = self._clock.now()
        return await self._db.read(lambda db: desk.check(db, wanted, self.calendar, now))

    async def request(
        self, wanted: BookingRequest, *, by: str, override: Override | None = None
    ) -> BookedWith:
        """Ask for a slot. Raises BookingRefused with all problems."""
        return await self._step(
            lambda db, now: desk.request_booking(db, wanted, self.calendar, now, by, override)
        )

    async def confirm(
        self, booking: str, *, by: str, override: Override | None = None
    ) -> BookedWith:
        """Staff say yes."""
        return await self._step(
            lambda db, now: desk.confirm(db, booking, self.calendar, now, by, override)
        )

    async def decline(self, booking: str, *, by: str, reason: str) -> BookedWith:
        """Staff say no, and why."""
        return await self._step(lambda db, now: desk.decline(db, booking, now, by, reason))

    async def cancel(self, booking: str, *, by: str, reason: str) -> BookedWith:
        """Take a booking back."""
        return await self._step(lambda db, now: desk.cancel(db, booking, now, by, reason))

    async def name_operator(
        self, booking: str, operator: str | None, *, by: str, instructor: str = ""
    ) -> BookedWith:
        """Say who will run the equipment, or which instructor stands by."""
        return await self._step(
            lambda db, now: desk.name_operator(db, booking, operator, now, by, instructor)
        )

    async def check_in(
        self,
        booking: str,
        *,
        by: str,
        head_count: int | None = None,
        override: Override | None = None,
    ) -> BookedWith:
        """The party is here."""

        def step(db: Database, now: datetime) -> Booking:
            desk.check_in(db, booking, self.calendar, now, by, head_count, override)
            return rows.booking_by_id(db, booking)

        return await self._step(step)

    async def check_out(self, booking: str, *, by: str) -> BookedWith:
        """The party leaves; the rest of the slot is free again."""

        def step(db: Database, now: datetime) -> Booking:
            desk.check_out(db, booking, now, by)
            return rows.booking_by_id(db, booking)

        return await self._step(step)

    async def may_operate(self, booking: str) -> list[Problem]:
        """What speaks against arming the equipment for this booking; nothing: go on."""
        now = self._clock.now()
        return await self._db.read(lambda db: desk.may_operate(db, booking, self.calendar, now))

    # -- what falls due -----------------------------------------------------------------------

    async def mark_no_shows(self) -> None:
        """Every booking whose time to appear has passed, however long ago, once."""
        now = self._clock.now()
        for booking in await self._db.write(lambda db: due.mark_no_shows(db, now)):
            self._tell(booking)

    async def give_reminders(self) -> None:
        """Mark every due reminder as given, once; the portal and the console show it from then."""
        now = self._clock.now()

        def remind(db: Database) -> list[Booking]:
            return [due.mark_reminded(db, one.id, now) for one in due.due_reminders(db, now)]

        for booking in await self._db.write(remind):
            self._tell(booking)

    async def checked_in(self) -> list[Booking]:
        """Every party that is on its equipment now, overrun included."""

        def read(db: Database) -> list[Booking]:
            equipment = catalogue.list_equipment(db)
            return [one for item in equipment for one in rows.checked_in_on(db, item.id)]

        return await self._db.read(read)

    async def _step(self, step: Callable[[Database, datetime], Booking]) -> BookedWith:
        now = self._clock.now()
        done = await self._db.write(lambda db: named_booking(db, step(db, now)))
        self._tell(done.booking)
        return done

    def _tell(self, booking: Booking) -> None:
        self._bus.tell(BookingChanged(booking.id, State(booking.state).value))


def named_booking(db: Database, booking: Booking) -> BookedWith:
    """A booking with the names people know it by."""

    def person(id: str | None) -> Person | None:
        return directory.person_by_id(db, id) if id else None

    return BookedWith(
        booking,
        catalogue.equipment_by_id(db, booking.equipment_id),
        directory.party_by_id(db, booking.party_id),
        person(booking.contact_id),
        person(booking.operator_id),
    )
