"""A slot is requested, answered, used, given back; what is refused says why and changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from booking import desk
from booking.errors import (
    BadInput,
    BookingRefused,
    KeyReused,
    NoSuchNumber,
    NotAllowed,
    UnknownBooking,
    UnknownEquipment,
)
from booking.migrations import migrate
from booking.model import Booking, Override
from booking.slots import CellState
from booking.states import PublicWord, State
from booking.store import audit, bookings, catalogue, directory, situation, visits
from tests.booking.samples import (
    CALENDAR,
    NOW,
    PRINTER,
    ROBOT,
    VISITOR,
    furnish,
    minutes,
    tokyo,
    wish,
)


def request(db: Database, override: Override | None = None, **more: object) -> Booking:
    return desk.request_booking(
        db,
        wish(**more),  # type: ignore[arg-type]
        CALENDAR,
        NOW,
        "portal",
        override,
    )


def confirmed(db: Database, **more: object) -> Booking:
    return desk.confirm(db, request(db, **more).id, CALENDAR, NOW, "staff:t")


def refused(call: Callable[[], object]) -> list[str]:
    with pytest.raises(BookingRefused) as caught:
        call()
    return [problem.code.removeprefix("booking.") for problem in caught.value.problems]


def test_a_request_holds_its_slot_and_its_buffers(db: Database) -> None:
    made = request(db, head_count=4, purpose=" 治具を試す ", operator_id="hana")
    assert made == bookings.booking_by_id(db, made.id)
    assert (made.number, made.state, made.public_word) == (
        "2026-0001",
        State.REQUESTED,
        PublicWord.APPLIED,
    )
    assert (made.busy_from, made.busy_until) == (made.start - minutes(15), made.end + minutes(15))
    assert (made.purpose, made.head_count, made.operator_id) == ("治具を試す", 4, "hana")
    assert made.no_show_at == made.start + minutes(30)
    assert made.remind_at == made.late_cancel_from == made.start - timedelta(days=1)
    assert made.holds_slot
    assert refused(lambda: request(db, key="key-00000002")) == ["overlap"]


def test_the_refusal_names_the_next_slot(db: Database) -> None:
    request(db)
    with pytest.raises(BookingRefused) as caught:
        request(db, key="key-00000002")
    (problem,) = caught.value.problems
    # 15:00, both buffers, then the next half hour would end at 17:30: so it is Tuesday.
    assert problem.next_start == tokyo("2026-11-24 09:00")


def test_the_database_has_the_last_word(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    request(db)
    monkeypatch.setattr(situation.bookings, "busy_spans", lambda *_, **__: ())
    assert refused(lambda: request(db, key="key-00000002")) == ["overlap"]


def test_the_same_key_gives_the_same_booking_in_whatever_state(db: Database) -> None:
    first = request(db)
    assert request(db) == first
    done = desk.cancel(db, first.id, NOW, "portal", "都合")
    assert request(db) == done
    assert db.table("booking_bookings").count == 1


def test_the_same_key_with_other_content_is_refused(db: Database) -> None:
    made = request(db)
    with pytest.raises(KeyReused) as caught:
        request(db, head_count=2)
    assert caught.value.params == {"number": made.number}


def test_a_key_that_was_refused_may_be_used_again(db: Database) -> None:
    assert refused(lambda: request(db, start="2026-11-20 09:30")) == ["too_soon"]
    urgent = request(db, Override("急ぎの相談"), start="2026-11-20 09:30")
    (entry,) = audit.history(db, urgent.id)
    assert (entry.what, entry.became) == ("request", "requested")
    assert entry.reason == "急ぎの相談 [booking.too_soon]"


def test_a_first_visitor_becomes_a_party_with_a_contact(db: Database) -> None:
    made = request(db, party=None, new_party=VISITOR)
    party = directory.party_by_id(db, made.party_id)
    assert (party.name, party.phone) == ("髙﨑製作所", "03-1234-5678")
    contact = directory.person_by_id(db, str(made.contact_id))
    assert (contact.name, contact.party_id) == ("髙﨑 一郎", party.id)
    assert request(db, party=None, new_party=VISITOR) == made
    assert len(directory.list_parties(db)) == 2


def test_a_refused_visitor_leaves_nothing_behind(db: Database) -> None:
    before = db.schema, {name: db.table(name).count for name in db.table_names()}
    assert refused(
        lambda: request(db, party=None, new_party=VISITOR, start="2026-11-19 10:00")
    ) == ["in_past", "too_long", "outside_hours"]
    assert before == (db.schema, {name: db.table(name).count for name in db.table_names()})


def test_equipment_may_confirm_by_itself(db: Database) -> None:
    policy = replace(ROBOT.policy, auto_confirm=True)
    catalogue.sync_catalogue(db, [PRINTER, replace(ROBOT, policy=policy)], NOW)
    made = request(db, equipment="cobot-1")
    assert made.state is State.CONFIRMED
    assert [entry.by for entry in audit.history(db, made.id)] == ["portal", "policy"]


def test_checking_a_wish_writes_nothing(db: Database) -> None:
    before = db.table("booking_audit").count
    assert desk.check(db, wish(), CALENDAR, NOW) == []
    assert [p.code for p in desk.check(db, wish(equipment="x"), CALENDAR, NOW)] == [
        "booking.unknown_equipment"
    ]
    assert db.table("booking_audit").count == before
    assert db.table("booking_bookings").count == 0


def test_the_status_page_opens_with_number_and_code_only(db: Database) -> None:
    made = request(db)
    assert bookings.find_by_number_and_code(db, made.number, made.code.lower()) == made
    for number, code in [(made.number, "AAAA-AAAA-AAAA"), ("2026-9999", made.code), ("", "")]:
        with pytest.raises(UnknownBooking):
            bookings.find_by_number_and_code(db, number, code)


def test_a_mistyped_number_is_answered_with_those_like_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = request(db)
    assert bookings.booking_named(db, "２０２６－０００１") == made
    assert bookings.booking_named(db, made.id) == made
    with pytest.raises(NoSuchNumber) as caught:
        bookings.booking_named(db, "2026-0011")
    assert caught.value.params == {"booking": "2026-0011", "near": made.number}
    monkeypatch.setattr(bookings, "NEWEST", 1)
    other = request(db, start="2026-11-25 10:00", end="2026-11-25 12:00", key="key-00000002")
    with pytest.raises(NoSuchNumber) as caught:
        bookings.booking_named(db, "2026-0011")
    assert caught.value.params["near"] == other.number
    for name in ("hanako", "0" * 32):
        with pytest.raises(UnknownBooking) as unlike:
            bookings.booking_named(db, name)
        assert unlike.value.code == "booking.unknown_booking"


def test_numbers_count_within_a_local_year(db: Database) -> None:
    numbers = [bookings.next_number(db, year) for year in (2026, 2026, 2027, 2026)]
    assert numbers == ["2026-0001", "2026-0002", "2027-0001", "2026-0003"]


def test_the_whole_day_of_a_booking(db: Database) -> None:
    made = confirmed(db, operator_id="hana", head_count=4)
    assert made.state is State.CONFIRMED
    assert desk.may_operate(db, made.id, CALENDAR, made.start) == []
    visit = desk.check_in(db, made.id, CALENDAR, made.start - minutes(10), "staff:t", 3)
    assert visit == visits.visit_of(db, made.id)
    assert visits.present(db) == [visit]
    assert (visit.head_count, visit.party_id) == (3, "sakura")
    assert bookings.checked_in_on(db, "fdm-1") == [bookings.booking_by_id(db, made.id)]
    left = desk.check_out(db, made.id, made.end - minutes(30), "staff:t")
    assert left == replace(visit, left=made.end - minutes(30))
    assert visits.present(db) == []
    assert visits.visit_of(db, made.id) == left
    assert bookings.booking_by_id(db, made.id).public_word is PublicWord.USED
    path = [(entry.what, entry.was, entry.became) for entry in audit.history(db, made.id)]
    assert path == [
        ("request", "", "requested"),
        ("confirm", "requested", "confirmed"),
        ("check_in", "confirmed", "checked_in"),
        ("check_out", "checked_in", "completed"),
    ]


def test_leaving_early_frees_the_rest(db: Database) -> None:
    made = confirmed(db)
    desk.check_in(db, made.id, CALENDAR, made.start, "staff:t")
    desk.check_out(db, made.id, made.start + minutes(30), "staff:t")
    assert request(db, key="key-00000002", start="2026-11-20 14:00").holds_slot


def test_a_clock_that_went_back_does_not_break_the_visit(db: Database) -> None:
    made = confirmed(db)
    visit = desk.check_in(db, made.id, CALENDAR, made.start, "staff:t")
    assert desk.check_out(db, made.id, made.start - minutes(5), "staff:t").left == visit.arrived


def test_what_the_state_does_not_permit_is_refused_by_name(db: Database) -> None:
    made = request(db)
    calls: dict[str, Callable[[], object]] = {
        "check_in": lambda: desk.check_in(db, made.id, CALENDAR, NOW, "staff:t"),
        "check_out": lambda: desk.check_out(db, made.id, NOW, "staff:t"),
    }
    for verb, call in calls.items():
        with pytest.raises(NotAllowed) as caught:
            call()
        assert caught.value.code == f"booking.cannot_{verb}"
    desk.decline(db, made.id, NOW, "staff:t", "点検のため")
    over: dict[str, Callable[[], object]] = {
        "confirm": lambda: desk.confirm(db, made.id, CALENDAR, NOW, "staff:t"),
        "waitlist": lambda: desk.waitlist(db, made.id, NOW, "staff:t"),
        "decline": lambda: desk.decline(db, made.id, NOW, "staff:t", "点検のため"),
        "cancel": lambda: desk.cancel(db, made.id, NOW, "staff:t"),
        "name_operator": lambda: desk.name_operator(db, made.id, None, NOW, "staff:t"),
    }
    for verb, call in over.items():
        with pytest.raises(NotAllowed) as caught:
            call()
        assert caught.value.code == f"booking.cannot_{verb}"
        assert caught.value.params["number"] == made.number
    assert bookings.booking_by_id(db, made.id).reason == "点検のため"


def test_declining_needs_a_reason(db: Database) -> None:
    made = request(db)
    with pytest.raises(BadInput) as caught:
        desk.decline(db, made.id, NOW, "staff:t", " ")
    assert caught.value.code == "booking.reason_missing"


def test_unknown_bookings_have_their_code(db: Database) -> None:
    with pytest.raises(UnknownBooking):
        desk.confirm(db, "nothing", CALENDAR, NOW, "staff:t")


@pytest.mark.parametrize(
    ("minutes_before", "late"), [(24 * 60 + 1, False), (24 * 60, True), (5, True)]
)
def test_late_cancellations_are_noted(db: Database, minutes_before: int, late: bool) -> None:
    made = confirmed(db, start="2026-11-24 13:00", end="2026-11-24 14:00")
    gone = desk.cancel(db, made.id, made.start - minutes(minutes_before), "portal", "急用")
    assert (gone.state, gone.cancelled_late, gone.reason) == (State.CANCELLED, late, "急用")


def test_cancelling_an_unanswered_request_is_never_late(db: Database) -> None:
    made = request(db)
    assert not desk.cancel(db, made.id, made.start, "portal").cancelled_late


def test_the_wait_list_holds_nothing_and_is_confirmed_when_the_slot_is_free(db: Database) -> None:
    waiting = desk.waitlist(db, request(db).id, NOW, "staff:t")
    first = request(db, key="key-00000002")
    assert refused(lambda: desk.confirm(db, waiting.id, CALENDAR, NOW, "staff:t")) == ["overlap"]
    desk.cancel(db, first.id, NOW, "portal")
    assert desk.confirm(db, waiting.id, CALENDAR, NOW, "staff:t").state is State.CONFIRMED


def test_the_database_guards_the_wait_list_too(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = desk.waitlist(db, request(db).id, NOW, "staff:t")
    request(db, key="key-00000002")
    monkeypatch.setattr(situation.bookings, "busy_spans", lambda *_, **__: ())
    assert refused(lambda: desk.confirm(db, waiting.id, CALENDAR, NOW, "staff:t")) == ["overlap"]


def test_confirming_asks_again_what_may_have_changed(db: Database) -> None:
    made = request(db)
    catalogue.add_outage(db, "fdm-1", NOW, None, "故障", NOW, "staff:t")
    party = directory.party_by_id(db, "sakura")
    directory.update_party(db, replace(party, active=False), NOW, "staff:t")
    assert refused(lambda: desk.confirm(db, made.id, CALENDAR, made.end, "staff:t")) == [
        "party_inactive",
        "in_past",
        "outage",
    ]


def test_an_unqualified_operator_is_confirmed_only_with_an_instructor(db: Database) -> None:
    made = request(db, operator_id="hana")
    (held,) = directory.qualifications_of(db, "hana")
    ended = replace(held, expires_on=date(2026, 11, 19))
    directory.update_qualification(db, ended, NOW, "staff:t")
    assert refused(
        lambda: desk.confirm(db, made.id, CALENDAR, NOW, "staff:t", Override("指導あり"))
    ) == ["unqualified"]
    assert [p.code for p in desk.may_operate(db, made.id, CALENDAR, NOW)] == ["booking.unqualified"]
    override = Override("指導あり", instructor="指導員 山田")
    sure = desk.confirm(db, made.id, CALENDAR, NOW, "staff:t", override)
    assert sure.instructor == "指導員 山田"
    assert desk.may_operate(db, made.id, CALENDAR, NOW) == []
    assert audit.history(db, made.id)[-1].reason == "指導あり [booking.unqualified]"


def test_an_operator_can_be_named_later(db: Database) -> None:
    made = request(db)
    assert [p.code for p in desk.may_operate(db, made.id, CALENDAR, NOW)] == [
        "booking.operator_missing"
    ]
    other = directory.add_party(db, name="別の会社", now=NOW, by="staff:t")
    stranger = directory.add_person(db, other.id, name="他人", now=NOW, by="staff:t")
    for person, code in [("who", "unknown_operator"), (stranger.id, "operator_of_other_party")]:
        assert refused(
            lambda who=person: desk.name_operator(db, made.id, who, NOW, "staff:t")  # type: ignore[misc]
        ) == [code]
    assert desk.name_operator(db, made.id, "hana", NOW, "staff:t").operator_id == "hana"
    assert desk.may_operate(db, made.id, CALENDAR, NOW) == []
    waiting = desk.waitlist(db, made.id, NOW, "staff:t")
    alone = desk.name_operator(db, waiting.id, None, NOW, "staff:t", instructor=" 山田 ")
    assert (alone.operator_id, alone.instructor) == (None, "山田")


def test_check_in_has_its_window(db: Database) -> None:
    made = confirmed(db)
    early, over = made.start - minutes(16), made.end
    assert refused(lambda: desk.check_in(db, made.id, CALENDAR, early, "staff:t")) == [
        "check_in_too_early"
    ]
    assert refused(
        lambda: desk.check_in(db, made.id, CALENDAR, over, "staff:t", None, Override("遅刻"))
    ) == ["check_in_too_late"]
    with pytest.raises(BadInput) as caught:
        desk.check_in(db, made.id, CALENDAR, made.start, "staff:t", 0)
    assert caught.value.code == "booking.head_count_too_small"
    desk.check_in(db, made.id, CALENDAR, early, "staff:t", None, Override("早く着いた"))
    reason = audit.history(db, made.id)[-1].reason
    assert reason == "早く着いた [booking.check_in_too_early]"


def test_a_party_still_on_the_equipment_is_shown_to_the_next(db: Database) -> None:
    first = confirmed(db, start="2026-11-20 10:00", end="2026-11-20 12:00")
    second = confirmed(db, key="key-00000002")
    desk.check_in(db, first.id, CALENDAR, first.start, "staff:t")
    assert refused(lambda: desk.check_in(db, second.id, CALENDAR, second.start, "staff:t")) == [
        "equipment_occupied"
    ]
    desk.check_in(db, second.id, CALENDAR, second.start, "staff:t", None, Override("入替え"))
    assert [one.number for one in bookings.checked_in_on(db, "fdm-1")] == [
        first.number,
        second.number,
    ]


def test_the_calendar_is_read_by_time_equipment_and_state(db: Database) -> None:
    one = confirmed(db, start="2026-11-20 10:00", end="2026-11-20 12:00")
    two = request(db, equipment="cobot-1", key="key-00000002")
    request(db, start="2026-11-24 10:00", end="2026-11-24 11:00", key="key-00000003")
    friday = CALENDAR.whole_day(date(2026, 11, 20))
    assert bookings.bookings_between(db, friday.start, friday.end) == [one, two]
    assert bookings.bookings_between(db, one.end, two.start) == []
    assert bookings.bookings_between(
        db, friday.start, friday.end, equipment_id="fdm-1", states=[State.CONFIRMED]
    ) == [one]
    assert bookings.bookings_between(db, friday.start, friday.end, states=[]) == []


def test_a_week_can_be_looked_at_and_chosen_from(db: Database) -> None:
    request(db)
    grid = desk.free_week(db, "fdm-1", CALENDAR, date(2026, 11, 20), NOW)
    taken = [c.start for d in grid.days for c in d.cells if c.state is CellState.TAKEN]
    assert taken == [tokyo(f"2026-11-20 {hour}:00") for hour in (12, 13, 14, 15)]
    cell = grid.free[0]
    chosen = replace(wish(key="key-00000002"), start=cell.start, end=cell.end)
    assert desk.check(db, chosen, CALENDAR, NOW) == []
    with pytest.raises(UnknownEquipment):
        desk.free_week(db, "nothing", CALENDAR, date(2026, 11, 20), NOW)
    for day in (date(9999, 12, 31), date(1, 1, 1)):
        with pytest.raises(BadInput):
            desk.free_week(db, "fdm-1", CALENDAR, day, NOW)


def test_a_far_off_or_endless_wish_is_answered_without_reading_the_calendar(db: Database) -> None:
    far = replace(wish(), start=tokyo("9999-12-30 10:00"), end=tokyo("9999-12-30 12:00"))
    endless = replace(wish(), end=wish().start + timedelta(days=4000))
    assert [p.code for p in desk.check(db, far, CALENDAR, NOW)] == ["booking.beyond_horizon"]
    assert [p.code for p in desk.check(db, endless, CALENDAR, NOW)] == ["booking.too_long"]


def test_a_time_without_a_zone_reaches_nobody_as_a_crash(db: Database) -> None:
    naive = wish().start.replace(tzinfo=None)
    problems = desk.check(db, replace(wish(), start=naive), CALENDAR, NOW)
    assert [(problem.code, problem.field) for problem in problems] == [
        ("booking.naive_time", "start")
    ]


def test_one_refusal_does_not_spoil_the_transaction_it_shares(db: Database) -> None:
    db.execute("BEGIN IMMEDIATE")
    with db.atomic():
        first = request(db)
    with pytest.raises(BookingRefused), db.atomic():
        request(db, key="key-00000002", party=None, new_party=VISITOR)
    with db.atomic():
        second = request(db, key="key-00000003", equipment="cobot-1")
    db.commit()
    assert [first.number, second.number] == ["2026-0001", "2026-0002"]
    assert len(directory.list_parties(db)) == 1


def test_only_the_overlap_is_given_a_name_of_its_own(db: Database) -> None:
    made = request(db)
    stranger = replace(made, id="x", number="x", equipment_id="cobot-1", party_id="nobody")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        bookings.add_booking(db, stranger, "key-x", "")


def test_readers_need_no_right_to_write(tmp_path: Path) -> None:
    writer = Database(tmp_path / "lab.db")
    migrate(writer)
    furnish(writer)
    made = request(writer)
    reader = Database(sqlite3.connect(f"file:{tmp_path / 'lab.db'}?mode=ro", uri=True))
    assert bookings.find_by_number_and_code(reader, made.number, made.code) == made
    assert bookings.bookings_between(reader, NOW, made.end) == [made]
    assert desk.free_week(reader, "fdm-1", CALENDAR, date(2026, 11, 20), NOW).free
    assert desk.check(reader, wish(), CALENDAR, NOW)
    reader.close()
    writer.close()


def test_what_began_before_the_asked_time_still_holds_it(db: Database) -> None:
    made = request(db)
    middle = made.start + minutes(10)
    held = bookings.busy_spans(db, "fdm-1", middle, middle + minutes(1))
    assert [(span.start, span.end) for span in held] == [(made.busy_from, made.busy_until)]
    assert bookings.busy_spans(db, "fdm-1", made.busy_until, made.busy_until + minutes(9)) == ()


def test_check_in_opens_on_the_minute(db: Database) -> None:
    made = confirmed(db)
    visit = desk.check_in(db, made.id, CALENDAR, made.check_in_from, "staff:t")
    assert visit.arrived == made.start - minutes(15)
