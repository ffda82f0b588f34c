"""Leases: one holder per device, numbers that only grow, and an end nobody can talk away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lab_controller import leases as rows
from lab_controller import migrations
from lab_controller.database import Database, connect
from lab_controller.leases import TTL_S, Lease, Leases, LeaseTaken
from tests.lab_controller.hand_clock import HandClock

DEVICES = ("printer", "plug", "robot")


def grant(
    leases: Leases, clock: HandClock, number: int, *devices: str, window_s: float = 3600.0
) -> Lease:
    return leases.grant(
        number,
        equipment="bench",
        devices=devices,
        holder_kind="booking",
        holder=f"b{number}",
        until=clock.now() + timedelta(seconds=window_s),
        window_s=window_s,
    )


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def leases(clock: HandClock) -> Leases:
    return Leases(clock.monotonic)


def test_a_lease_covers_its_devices_and_no_other(leases: Leases, clock: HandClock) -> None:
    lease = grant(leases, clock, 1, "printer", "plug")
    assert leases.of("printer") == leases.of("plug") == leases.held_by("b1") == lease
    assert leases.of("robot") is leases.held_by("b2") is None
    assert leases.holds(1, "plug")
    assert not leases.holds(2, "plug")
    assert not leases.holds(None, "robot")
    with pytest.raises(LeaseTaken) as taken:
        leases.demand_free(["robot", "plug"])
    assert taken.value.params == {"device": "plug", "holder": "b1"}
    leases.demand_free(["robot"])


def test_a_lease_nobody_renews_runs_out(leases: Leases, clock: HandClock) -> None:
    lease = grant(leases, clock, 1, "printer")
    clock.go(TTL_S - 0.001)
    assert leases.live() == [lease]
    clock.go(0.001)
    assert (leases.live(), leases.expired()) == ([], [lease])
    assert not leases.holds(1, "printer")
    leases.renew(1)  # too late: what has run out stays so
    assert leases.expired() == [lease]


def test_devices_that_are_not_safe_yet_are_not_given_away(leases: Leases, clock: HandClock) -> None:
    grant(leases, clock, 1, "printer")
    clock.go(TTL_S)
    with pytest.raises(LeaseTaken):
        leases.demand_free(["printer"])
    leases.end(1)
    leases.demand_free(["printer"])


def test_a_lease_lives_on_as_long_as_it_is_renewed(leases: Leases, clock: HandClock) -> None:
    grant(leases, clock, 1, "printer")
    for _ in range(5):
        clock.go(TTL_S - 1)
        leases.renew(1)
    assert leases.holds(1, "printer")
    leases.end(1)
    leases.renew(1)
    assert (leases.live(), leases.expired()) == ([], [])


def test_a_window_ends_by_either_clock(leases: Leases, clock: HandClock) -> None:
    lease = grant(leases, clock, 1, "printer", window_s=20.0)
    clock.go(19.9)
    assert leases.over(clock.now()) == []
    clock.lab -= timedelta(hours=1)  # the system's clock was set back
    clock.real += 0.1
    assert leases.over(clock.now()) == [lease]
    clock.real -= 0.1
    clock.lab = lease.until
    assert leases.over(clock.now()) == [lease]


class LeaseMachine(RuleBasedStateMachine):
    """Grants, renewals and time in any order: never two holders, never a number again."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.leases = Leases(self.clock.monotonic)
        self.number = 0
        self.renewed: dict[int, float] = {}
        self.devices: dict[int, frozenset[str]] = {}

    @rule(wanted=st.frozensets(st.sampled_from(DEVICES), min_size=1))
    def arm(self, wanted: frozenset[str]) -> None:
        free = all(not (wanted & held) for held in self.devices.values())
        try:
            self.leases.demand_free(wanted)
        except LeaseTaken:
            assert not free
            return
        assert free
        self.number += 1
        grant(self.leases, self.clock, self.number, *wanted)
        self.devices[self.number] = wanted
        self.renewed[self.number] = self.clock.real

    @rule(seconds=st.floats(0.1, 40.0))
    def wait(self, seconds: float) -> None:
        self.clock.go(seconds)

    @rule()
    def renew_all(self) -> None:
        for lease in self.leases.live():
            self.leases.renew(lease.number)
            self.renewed[lease.number] = self.clock.real

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if self.devices:
            number = data.draw(st.sampled_from(sorted(self.devices)))
            self.leases.end(number)
            del self.devices[number]

    @invariant()
    def alive_means_renewed_in_time(self) -> None:
        live = {lease.number for lease in self.leases.live()}
        fresh = {n for n in self.devices if self.clock.real < self.renewed[n] + TTL_S}
        assert live == fresh
        assert {lease.number for lease in self.leases.expired()} == set(self.devices) - fresh

    @invariant()
    def one_holder_per_device(self) -> None:
        for device in DEVICES:
            holders = [n for n in self.devices if self.leases.holds(n, device)]
            assert len(holders) <= 1
            held = self.leases.of(device)
            assert (held.number if held else None) == (holders[0] if holders else None)


TestLeaseMachine = LeaseMachine.TestCase
TestLeaseMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    found = connect(tmp_path / "lab.db")
    migrations.migrate(found)
    yield found
    found.close()


def open_row(db: Database, clock: HandClock) -> int:
    return rows.open_row(
        db,
        equipment="bench",
        holder_kind="booking",
        holder="b1",
        by="staff",
        now=clock.now(),
        until=clock.now() + timedelta(hours=1),
    )


def test_fencing_numbers_only_grow(db: Database, clock: HandClock) -> None:
    given = [open_row(db, clock) for _ in range(3)]
    db.execute("DELETE FROM lab_lease")  # nobody does; the number still does not come again
    assert open_row(db, clock) > max(given)


def test_a_lease_row_ends_once(db: Database, clock: HandClock) -> None:
    number = open_row(db, clock)
    rows.close_row(db, number, clock.now(), "disarmed")
    rows.close_row(db, number, clock.now() + timedelta(1), "stopped")
    (found,) = db.query("SELECT ended_ms, end_reason FROM lab_lease")
    assert found == {
        "ended_ms": round(clock.now().timestamp() * 1000),
        "end_reason": "disarmed",
    }


def test_no_lease_outlives_its_controller(db: Database, clock: HandClock) -> None:
    ended, left = open_row(db, clock), open_row(db, clock)
    rows.close_row(db, ended, clock.now(), "disarmed")
    assert rows.close_left_open(db, clock.now()) == 1
    reasons = dict(db.execute("SELECT number, end_reason FROM lab_lease").fetchall())
    assert reasons == {ended: "disarmed", left: "controller_restarted"}
