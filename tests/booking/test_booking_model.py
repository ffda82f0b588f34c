"""A model of the calendar, minute by minute, walks beside the database and must never differ."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)
from sqlite_utils import Database

from booking import desk, due
from booking.calendar import LabCalendar
from booking.errors import BookingRefused, KeyReused, NotAllowed
from booking.hours import ALWAYS_OPEN
from booking.migrations import migrate
from booking.model import BookingPolicy, BookingRequest, Equipment, Override, Text
from booking.spans import Span
from booking.states import HOLDING, State, Verb, next_state
from booking.store import bookings, catalogue
from tests.booking.samples import NOW, furnish, minutes

OPEN_LAB = LabCalendar(ALWAYS_OPEN, closed_on_holidays=False)
MACHINES = {
    "bench": BookingPolicy(notice_minutes=0, setup_minutes=20, teardown_minutes=10),
    "seat": BookingPolicy(notice_minutes=0, max_minutes=120),
}
REASON = Override("検証", instructor="指導員")


@dataclass(frozen=True)
class Slot:
    """What the model keeps of one booking."""

    equipment: str
    slot: Span
    state: State
    changes: int

    @property
    def busy(self) -> Span:
        return MACHINES[self.equipment].busy(self.slot)


@cache
def furnished() -> bytes:
    """The tables with the machines and one party, as the bytes of a file."""
    db = Database(memory=True)
    migrate(db)
    machines = [
        Equipment(name, Text(name, name), "bench", policy=policy)
        for name, policy in MACHINES.items()
    ]
    furnish(db, machines)
    db.conn.commit()
    image = db.conn.serialize()
    db.close()
    return image


class CalendarMachine(RuleBasedStateMachine):
    """Bookings come, change and go while time passes."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.db = Database(memory=True)
        self.db.conn.deserialize(furnished())
        self.db.execute("PRAGMA foreign_keys = ON")
        self.now = NOW
        self.slots: dict[str, Slot] = {}
        self.requests: dict[str, BookingRequest] = {}
        self.outages: list[tuple[str, Span]] = []
        self.counter = 0

    def teardown(self) -> None:
        self.db.close()

    def is_held(self, equipment: str, busy: Span, but_not: str = "") -> bool:
        return any(
            one.equipment == equipment and one.state in HOLDING and one.busy.overlaps(busy)
            for booking_id, one in self.slots.items()
            if booking_id != but_not
        )

    def is_out(self, equipment: str, busy: Span) -> bool:
        return any(name == equipment and span.overlaps(busy) for name, span in self.outages)

    def moved(self, booking_id: str, verb: Verb) -> None:
        one = self.slots[booking_id]
        state = next_state(one.state, verb)
        assert state is not None
        self.slots[booking_id] = replace(one, state=state, changes=one.changes + 1)

    @rule(
        target=known,
        equipment=st.sampled_from(sorted(MACHINES)),
        ahead=st.integers(-2, 16),
        length=st.integers(0, 5),
        odd=st.sampled_from([0, 0, 0, 7]),
        overruled=st.booleans(),
    )
    def request(self, equipment: str, ahead: int, length: int, odd: int, overruled: bool) -> object:
        base = OPEN_LAB.align_up(self.now, 30)
        start = base + minutes(30 * ahead + odd)
        end = start + minutes(30 * length)
        self.counter += 1
        wish = BookingRequest(equipment, start, end, f"key-{self.counter:08d}", party_id="sakura")
        expected = self.expected(wish)
        hard = expected & {"end_before_start", "outage", "overlap"}
        if "in_past" in expected and end <= self.now:
            hard = hard | {"in_past"}
        try:
            made = desk.request_booking(
                self.db, wish, OPEN_LAB, self.now, "portal", REASON if overruled else None
            )
        except BookingRefused as refused:
            found = {problem.code.removeprefix("booking.") for problem in refused.problems}
            assert found == (hard if overruled else expected)
            return multiple()
        assert not (hard if overruled else expected)
        self.slots[made.id] = Slot(equipment, Span(start, end), State.REQUESTED, 1)
        self.requests[made.id] = wish
        return made.id

    def expected(self, wish: BookingRequest) -> set[str]:
        policy = MACHINES[wish.equipment_id]
        length, busy = wish.end - wish.start, policy.busy(wish.slot)
        found = {
            "end_before_start": length <= timedelta(),
            "in_past": wish.start < self.now,
            "too_long": length > minutes(policy.max_minutes),
        }
        if length > timedelta():
            found |= {
                "off_step": wish.start.minute % 30 != 0,
                "outage": self.is_out(wish.equipment_id, busy),
                "overlap": self.is_held(wish.equipment_id, busy),
            }
        return {code for code, holds in found.items() if holds}

    @rule(booking_id=known)
    def request_again(self, booking_id: str) -> None:
        wish = self.requests[booking_id]
        again = desk.request_booking(self.db, wish, OPEN_LAB, self.now, "portal")
        assert again.id == booking_id
        try:
            other = replace(wish, head_count=2)
            desk.request_booking(self.db, other, OPEN_LAB, self.now, "portal")
        except KeyReused:
            return
        raise AssertionError("another request passed under a used key")

    @rule(booking_id=known)
    def confirm(self, booking_id: str) -> None:
        one = self.slots[booking_id]
        blocked = (
            one.slot.end <= self.now
            or self.is_out(one.equipment, one.busy)
            or self.is_held(one.equipment, one.busy, booking_id)
        )
        try:
            desk.confirm(self.db, booking_id, OPEN_LAB, self.now, "staff:t")
        except NotAllowed:
            assert next_state(one.state, Verb.CONFIRM) is None
        except BookingRefused:
            assert blocked
        else:
            assert not blocked
            self.moved(booking_id, Verb.CONFIRM)

    @rule(booking_id=known, verb=st.sampled_from([Verb.WAITLIST, Verb.DECLINE, Verb.CANCEL]))
    def let_go(self, booking_id: str, verb: Verb) -> None:
        calls = {Verb.WAITLIST: desk.waitlist, Verb.DECLINE: desk.decline, Verb.CANCEL: desk.cancel}
        try:
            calls[verb](self.db, booking_id, self.now, "staff:t", "理由")
        except NotAllowed:
            assert next_state(self.slots[booking_id].state, verb) is None
        else:
            self.moved(booking_id, verb)

    @rule(booking_id=known)
    def check_in(self, booking_id: str) -> None:
        one = self.slots[booking_id]
        blocked = self.now >= one.slot.end or self.is_held(one.equipment, one.busy, booking_id)
        try:
            desk.check_in(self.db, booking_id, OPEN_LAB, self.now, "staff:t", None, REASON)
        except NotAllowed:
            assert next_state(one.state, Verb.CHECK_IN) is None
        except BookingRefused:
            assert blocked
        else:
            assert self.now < one.slot.end
            self.moved(booking_id, Verb.CHECK_IN)

    @rule(booking_id=known)
    def check_out(self, booking_id: str) -> None:
        try:
            desk.check_out(self.db, booking_id, self.now, "staff:t")
        except NotAllowed:
            assert self.slots[booking_id].state is not State.CHECKED_IN
        else:
            self.moved(booking_id, Verb.CHECK_OUT)

    @rule(passed=st.integers(1, 200), twice=st.booleans())
    def time_passes(self, passed: int, twice: bool) -> None:
        self.now += minutes(passed)
        absent = {
            booking_id
            for booking_id, one in self.slots.items()
            if one.state is State.CONFIRMED
            and one.slot.start + minutes(30) <= self.now
            and not self.is_out(one.equipment, Span(one.slot.start, one.slot.start + minutes(30)))
        }
        assert {booking.id for booking in due.mark_no_shows(self.db, self.now)} == absent
        for booking_id in absent:
            self.moved(booking_id, Verb.NO_SHOW)
        if twice:
            assert due.mark_no_shows(self.db, self.now) == []

    @rule(
        equipment=st.sampled_from(sorted(MACHINES)),
        ahead=st.integers(0, 300),
        length=st.integers(1, 90),
    )
    def breaks(self, equipment: str, ahead: int, length: int) -> None:
        start = self.now + minutes(ahead)
        end = start + minutes(length)
        catalogue.add_outage(self.db, equipment, start, end, "故障", self.now, "staff:t")
        self.outages.append((equipment, Span(start, end)))

    @rule(booking_id=consumes(known), by=st.integers(-400, 400))
    def somebody_writes_past_the_rules(self, booking_id: str, by: int) -> None:
        one = self.slots[booking_id]
        moved = Span(one.slot.start + minutes(by), one.slot.end + minutes(by))
        held = one.state in HOLDING and self.is_held(
            one.equipment, MACHINES[one.equipment].busy(moved), booking_id
        )
        columns = "start_at", "end_at", "busy_from", "busy_until"
        sums = ", ".join(f"{name} = {name} + {by * 60_000}" for name in columns)
        try:
            self.db.execute(
                f"UPDATE booking_bookings SET {sums} WHERE id = ?",  # noqa: S608
                [booking_id],
            )
        except sqlite3.IntegrityError:
            assert held
        else:
            assert not held
            self.slots[booking_id] = replace(one, slot=moved)
            # The copied times stay where they were, so the model lets go of this booking.
            self.db.execute(
                "UPDATE booking_bookings SET no_show_at = start_at + 1800000 WHERE id = ?",
                [booking_id],
            )

    @invariant()
    def no_two_hold_the_same_time(self) -> None:
        pairs = self.db.execute(
            """SELECT count(*) FROM booking_bookings AS a JOIN booking_bookings AS b
            ON a.equipment_id = b.equipment_id AND a.id < b.id
                AND a.busy_from < b.busy_until AND b.busy_from < a.busy_until
            WHERE a.state IN ('requested', 'confirmed', 'checked_in')
                AND b.state IN ('requested', 'confirmed', 'checked_in')"""
        ).fetchone()
        assert pairs == (0,)

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        stored = {
            row["id"]: bookings.booking_by_id(self.db, row["id"])
            for row in self.db.query("SELECT id FROM booking_bookings")
        }
        assert stored.keys() == self.slots.keys()
        for booking_id, booking in stored.items():
            one = self.slots[booking_id]
            assert (booking.state, booking.slot) == (one.state, one.slot)
            assert Span(booking.busy_from, booking.busy_until) == one.busy

    @invariant()
    def every_change_has_one_audit_row_along_a_permitted_edge(self) -> None:
        counts: dict[str, int] = {}
        for row in self.db.query("SELECT * FROM booking_audit WHERE subject = 'booking'"):
            counts[row["subject_id"]] = counts.get(row["subject_id"], 0) + 1
            if row["what"] != "request":
                assert next_state(State(row["was"]), Verb(row["what"])) == row["became"]
        assert counts == {booking_id: one.changes for booking_id, one in self.slots.items()}

    @invariant()
    def who_is_here_has_a_visit_and_only_once(self) -> None:
        here = {
            row["booking_id"]
            for row in self.db.query("SELECT booking_id FROM booking_visits WHERE left_at IS NULL")
        }
        assert here == {
            booking_id for booking_id, one in self.slots.items() if one.state is State.CHECKED_IN
        }

    @invariant()
    def free_time_is_free(self) -> None:
        moment: datetime = OPEN_LAB.align_up(self.now, 30)
        for equipment, policy in MACHINES.items():
            wish = BookingRequest(
                equipment, moment, moment + minutes(30), "key-peek-00", party_id="sakura"
            )
            free = not desk.check(self.db, wish, OPEN_LAB, self.now)
            busy = policy.busy(wish.slot)
            assert free == (not self.is_held(equipment, busy) and not self.is_out(equipment, busy))


TestCalendar = CalendarMachine.TestCase
TestCalendar.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
