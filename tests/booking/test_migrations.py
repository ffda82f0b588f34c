"""The database itself keeps the promises, whatever code path writes to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from booking import desk
from booking.migrations import migrate
from booking.model import Booking
from booking.states import HOLDING, State
from tests.booking.samples import CALENDAR, NOW, furnish, wish

HOLDING_SQL = "state IN ('requested', 'confirmed', 'checked_in')"


@pytest.fixture
def booking(db: Database) -> Booking:
    return desk.request_booking(db, wish(operator_id="hana"), CALENDAR, NOW, "portal")


def copy(db: Database, booking: Booking, new_id: str, **changes: object) -> None:
    row = dict(db.table("booking_bookings").get(booking.id))
    row |= {"id": new_id, "number": new_id, "idempotency_key": new_id, **changes}
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    db.execute(f"INSERT INTO booking_bookings ({names}) VALUES ({places})", row)  # noqa: S608


def shifted(db: Database, booking: Booking, by_ms: int) -> dict[str, int]:
    row = db.table("booking_bookings").get(booking.id)
    return {key: row[key] + by_ms for key in ("start_at", "end_at", "busy_from", "busy_until")}


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    before = empty.schema
    migrate(empty)
    assert empty.schema == before


def test_a_migration_works_inside_the_callers_transaction() -> None:
    database = Database(memory=True)
    database.execute("BEGIN IMMEDIATE")
    with database.atomic():
        migrate(database)
    assert database.conn.in_transaction
    database.rollback()
    assert database.table_names() == []
    database.close()


def test_tables_are_strict_and_carry_the_rooms_prefix(empty: Database) -> None:
    ours = [name for name in empty.table_names() if not name.startswith("_")]
    assert all(name.startswith("booking_") for name in [*ours, *empty.view_names()])
    assert all(empty.table(name).strict for name in ours)


@pytest.mark.parametrize("state", sorted(HOLDING))
def test_raw_sql_cannot_insert_an_overlap(db: Database, booking: Booking, state: State) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        copy(db, booking, "twin", state=state.value)
    assert db.table("booking_bookings").count == 1


@pytest.mark.parametrize("state", sorted(set(State) - HOLDING))
def test_states_that_hold_nothing_may_overlap(db: Database, booking: Booking, state: State) -> None:
    copy(db, booking, "twin", state=state.value)
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        db.execute("UPDATE booking_bookings SET state = 'confirmed' WHERE id = 'twin'")


@pytest.mark.parametrize("by_hours", [-3, -2.5001, 2.5001, 3])
def test_neighbours_that_only_touch_are_welcome(
    db: Database, booking: Booking, by_hours: float
) -> None:
    copy(db, booking, "next", **shifted(db, booking, int(by_hours * 3_600_000)))
    assert db.table("booking_bookings").count == 2


@pytest.mark.parametrize("by_ms", [-9_000_000 + 1, -1, 1, 9_000_000 - 1])
def test_a_millisecond_of_overlap_is_refused(db: Database, booking: Booking, by_ms: int) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        copy(db, booking, "next", **shifted(db, booking, by_ms))


def test_a_span_around_a_shorter_one_is_refused(db: Database, booking: Booking) -> None:
    around = shifted(db, booking, 0)
    around = {
        "start_at": around["start_at"],
        "end_at": around["end_at"],
        "busy_from": around["busy_from"] - 3_600_000,
        "busy_until": around["busy_until"] + 3_600_000,
    }
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        copy(db, booking, "around", **around)


def test_other_equipment_does_not_matter_until_it_is_moved_over(
    db: Database, booking: Booking
) -> None:
    copy(db, booking, "other", equipment_id="cobot-1")
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        db.execute("UPDATE booking_bookings SET equipment_id = 'fdm-1' WHERE id = 'other'")


def test_a_booking_may_be_moved_within_its_own_time_but_not_into_anothers(
    db: Database, booking: Booking
) -> None:
    copy(db, booking, "next", **shifted(db, booking, 9_000_000))
    move = """UPDATE booking_bookings SET start_at = start_at + :ms, end_at = end_at + :ms,
        busy_from = busy_from + :ms, busy_until = busy_until + :ms WHERE id = :id"""
    db.execute(move, {"ms": -600_000, "id": booking.id})
    db.execute(move, {"ms": 600_000, "id": booking.id})
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        db.execute(move, {"ms": 600_000, "id": booking.id})


def test_a_refused_statement_leaves_the_transaction_usable(db: Database, booking: Booking) -> None:
    db.execute("BEGIN IMMEDIATE")
    copy(db, booking, "kept", state="cancelled")
    with pytest.raises(sqlite3.IntegrityError):
        copy(db, booking, "twin")
    assert db.conn.in_transaction
    db.commit()
    assert {row["id"] for row in db.table("booking_bookings").rows} == {booking.id, "kept"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_at": 0},
        {"busy_from": 2**50},
        {"busy_until": 0},
        {"head_count": 0},
        {"state": "maybe"},
        {"start_at": "soon"},
        {"busy_from": 0},
        {"equipment_id": "nothing"},
        {"party_id": "nobody"},
    ],
)
def test_rows_that_make_no_sense_are_refused(
    db: Database, booking: Booking, wrong: dict[str, object]
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        copy(db, booking, "wrong", **{"equipment_id": "cobot-1", **wrong})


def test_the_holding_states_are_the_same_in_code_triggers_and_index(empty: Database) -> None:
    listed = ", ".join(f"'{state}'" for state in State if state in HOLDING)
    assert f"state IN ({listed})" == HOLDING_SQL
    for trigger in empty.table("booking_bookings").triggers:
        assert trigger.sql.count(HOLDING_SQL) == 2 - trigger.sql.count("NEW." + HOLDING_SQL) + 1
        assert "NEW." + HOLDING_SQL in trigger.sql
    index = empty.execute("SELECT sql FROM sqlite_master WHERE name = 'booking_holding'")
    assert HOLDING_SQL in index.fetchone()[0]


def test_the_neighbour_is_found_through_the_partial_index(empty: Database) -> None:
    plan = empty.execute(
        """EXPLAIN QUERY PLAN SELECT busy_until FROM booking_bookings
        WHERE equipment_id = 'fdm-1' AND state IN ('requested', 'confirmed', 'checked_in')
            AND busy_from < 5 ORDER BY busy_from DESC LIMIT 1"""
    ).fetchall()
    assert [row[3] for row in plan] == [
        "SEARCH booking_bookings USING INDEX booking_holding (equipment_id=? AND busy_from<?)"
    ]


@pytest.mark.parametrize("sql", ["UPDATE booking_audit SET who = 'x'", "DELETE FROM booking_audit"])
def test_the_audit_is_only_added_to(db: Database, booking: Booking, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append_only"):
        db.execute(sql)


def test_the_schedule_reads_like_the_day_sheet(db: Database, booking: Booking) -> None:
    (row,) = db.query("SELECT * FROM booking_schedule")
    assert row["number"] == "2026-0001"
    assert (row["day"], row["starts"], row["ends"]) == ("2026-11-20", "13:00", "15:00")
    assert (row["equipment"], row["party"], row["operator"]) == (
        "FDMプリンター台",
        "サクラ精密",
        "佐倉 花",
    )
    assert "code" not in row


def test_every_view_can_be_read_after_a_day_in_the_lab(db: Database, booking: Booking) -> None:
    desk.confirm(db, booking.id, CALENDAR, NOW, "staff:t")
    desk.check_in(db, booking.id, CALENDAR, booking.start, "staff:t", 4)
    desk.check_out(db, booking.id, booking.end, "staff:t")
    rows = {name: list(db.query(f"SELECT * FROM {name}")) for name in db.view_names()}  # noqa: S608
    (visit,) = rows["booking_visit_log"]
    assert (visit["arrived"], visit["left"], visit["minutes"]) == ("13:00", "15:00", 120)
    (month,) = rows["booking_use_by_month"]
    assert (month["completed"], month["booked_hours_used"], month["people"]) == (1, 2.0, 4)
    (qualified,) = rows["booking_qualified_people"]
    assert qualified["person"] == "佐倉 花"
    assert rows["booking_waiting_for_answer"] == []
    whats = [row["what"] for row in rows["booking_history"] if row["subject_name"] == "2026-0001"]
    assert whats == ["request", "confirm", "check_in", "check_out"]


def test_another_connection_is_refused_as_well(tmp_path: Path) -> None:
    ours, theirs = Database(tmp_path / "lab.db"), Database(tmp_path / "lab.db")
    migrate(ours)
    furnish(ours)
    made = desk.request_booking(ours, wish(), CALENDAR, NOW, "portal")
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        copy(theirs, made, "twin")
    ours.close()
    theirs.close()


def test_among_many_neighbours_the_last_one_before_counts(db: Database, booking: Booking) -> None:
    width = 9_000_000
    for place in (-2, -1, 1, 2):
        copy(db, booking, f"at{place}", **shifted(db, booking, place * width))
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        copy(db, booking, "late", **shifted(db, booking, 3 * width - 1))
    copy(db, booking, "late", **shifted(db, booking, 3 * width))
    with pytest.raises(sqlite3.IntegrityError, match="overlap"):
        db.table("booking_bookings").update("late", shifted(db, booking, 3 * width - 1))
    db.table("booking_bookings").update("late", shifted(db, booking, 3 * width + 1))
