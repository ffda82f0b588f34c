"""The command ledger: a row first, one end for every row, and no way back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab_controller import ledger, migrations
from lab_controller.database import Database, connect
from lab_controller.ledger import LedgerRow, Settlement, Wanted

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=3)
ENDS = ("done", "failed", "refused", "unknown")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = connect(tmp_path_factory.mktemp("ledger") / "lab.db")
    migrations.migrate(found)
    yield found
    found.close()


numbers = itertools.count()


def row(device: str = "printer", **more: object) -> LedgerRow:
    given = {"arguments": {"celsius": 60, "語": "ja"}, "lease": None, "issued": NOW}
    given |= more
    id = f"c{next(numbers)}"
    return LedgerRow(id, device, "heat", issuer="staff", state="accepted", **given)  # type: ignore[arg-type]


def accepted(db: Database, **more: object) -> LedgerRow:
    written = row(**more)
    ledger.accept(db, written, NOW + timedelta(seconds=10))
    return written


def state(db: Database, command: str) -> str:
    found = ledger.find(db, command)
    assert found is not None
    return found.state


def test_a_row_reads_back_as_it_was_written(db: Database) -> None:
    written = accepted(db)
    assert ledger.find(db, written.id) == written
    assert ledger.find(db, "nobody") is None


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("sent", [True, False])
def test_a_command_ends_once(db: Database, end: str, sent: bool) -> None:
    written = accepted(db)
    if sent:
        ledger.mark_sent(db, written.id, NOW)
        assert state(db, written.id) == "sent"
    assert ledger.close(db, written.id, end, LATER, "some.code", "said") is True
    assert ledger.close(db, written.id, "done", LATER + timedelta(1), "other") is False
    found = ledger.find(db, written.id)
    assert found is not None
    assert (found.state, found.closed, found.code, found.answer) == (
        end,
        LATER,
        "some.code",
        "said",
    )


def test_what_has_ended_is_not_sent_again(db: Database) -> None:
    written = accepted(db)
    ledger.close(db, written.id, "refused", LATER)
    ledger.mark_sent(db, written.id, LATER)
    assert state(db, written.id) == "refused"


def test_a_state_outside_the_graph_is_refused_by_the_table(db: Database) -> None:
    written = accepted(db)
    with pytest.raises(Exception, match="CHECK"):
        ledger.close(db, written.id, "perhaps", LATER)


def test_what_a_dead_controller_left_open_is_unknown(tmp_path: Path) -> None:
    db = connect(tmp_path / "lab.db")
    migrations.migrate(db)
    never_sent, sent, done = accepted(db), accepted(db), accepted(db)
    ledger.mark_sent(db, sent.id, NOW)
    ledger.close(db, done.id, "done", NOW)
    assert ledger.close_left_open(db, LATER) == 2
    states = [state(db, one.id) for one in (never_sent, sent, done)]
    assert states == ["unknown", "unknown", "done"]
    assert [one.code for one in ledger.log(db, Wanted())][-2:] == ["lab.controller_restarted"] * 2
    assert ledger.close_left_open(db, LATER) == 0
    db.close()


def test_the_log_has_the_newest_first_and_one_device_alone(db: Database) -> None:
    first = accepted(db, device="saw")
    second = accepted(db, device="saw")
    third = accepted(db, device="saw", issued=NOW + timedelta(milliseconds=1))
    assert [one.id for one in ledger.log(db, Wanted("saw"))] == [third.id, second.id, first.id]
    assert [one.id for one in ledger.log(db, Wanted("saw", limit=1))] == [third.id]
    assert ledger.log(db, Wanted("lathe")) == []


def test_stops_are_written_whole_after_they_are_done(db: Database) -> None:
    stop = LedgerRow("s1", "press", "stop", {}, "staff", None, NOW, "done", LATER)
    ledger.record_stops(db, [stop])
    assert ledger.log(db, Wanted("press")) == [stop]


def test_a_lease_that_never_was_is_refused(db: Database) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        accepted(db, lease=4711)


def test_the_log_is_filtered_by_state_and_time(db: Database) -> None:
    early, late = accepted(db, device="mill"), accepted(db, device="mill", issued=LATER)
    ledger.close(db, early.id, "done", LATER)
    found = {
        name: [one.id for one in ledger.log(db, wanted)]
        for name, wanted in {
            "done": Wanted("mill", state="done"),
            "open": Wanted("mill", state="accepted"),
            "since": Wanted("mill", since=LATER),
            "both": Wanted("mill", state="done", since=LATER),
        }.items()
    }
    assert found == {"done": [early.id], "open": [late.id], "since": [late.id], "both": []}


def test_a_settlement_is_a_further_row(db: Database) -> None:
    lost = accepted(db, device="press2")
    rest = LedgerRow("r1", "press2", "safe_state", {}, "staff", None, NOW, "accepted")
    look = LedgerRow("l1", "press2", "look", {}, "staff", None, NOW, "accepted")
    for row in (rest, look):
        ledger.accept(db, row, None)
    ledger.close_left_open(db, LATER)
    lease = db.execute(
        "INSERT INTO lab_lease (equipment, holder_kind, holder, granted_by,"
        " granted_ms, until_ms) VALUES ('press2', 'demo', 'x', 'x', 0, 0)"
    ).lastrowid
    db.execute("UPDATE lab_command SET lease = ? WHERE id = ?", [lease, lost.id])
    assert set(ledger.unsettled(db, "press2")) == {lost.id, rest.id}  # reading changes nothing
    ledger.settle(db, lost.id, Settlement("carried_out", "hana", LATER, "part is cut"))
    assert ledger.unsettled(db, "press2") == [rest.id]
    assert [one.id for one in ledger.log(db, Wanted(state="unsettled"))] == [rest.id]
    ledger.settle_at_rest(db, ["press2", "lathe"], "hana", LATER)
    assert ledger.unsettled(db, "press2") == []
    found = ledger.find(db, lost.id)
    assert found is not None
    assert (found.state, found.code) == ("unknown", "lab.controller_restarted")
    assert found.settlement == Settlement("carried_out", "hana", LATER, "part is cut")
    ledger.settle(db, lost.id, Settlement("not_carried_out", "ken", LATER, "looked again"))
    again = ledger.find(db, lost.id)
    assert again is not None
    assert again.settlement is not None
    assert again.settlement.by == "ken"  # the newest word stands, the first is kept
    count = "SELECT count(*) FROM lab_settlement WHERE command = ?"
    assert db.execute(count, [lost.id]).fetchone() == (2,)
