"""Arming as a saga, and everything that takes equipment away again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from booking.errors import BookingRefused
from booking.states import State
from equipment_drivers.contract import StopOutcome, StopReport
from equipment_drivers.errors import ConnectFailed, Rejected, Stopped
from equipment_drivers.model import DeviceMessage, Link
from lab_controller import leases as lease_rows
from lab_controller import ledger
from lab_controller.coordinator import Latched, NoPermit
from lab_controller.database import StorageFailed
from lab_controller.facts import LeaseChanged
from lab_controller.leases import TTL_S, LeaseMissing, LeaseTaken
from lab_controller.services import arming as arming_module
from lab_controller.services.arming import (
    ArmFailed,
    NotCheckedIn,
    ReasonMissing,
    UnknownEquipment,
)
from tests.lab_controller.bench import BY, Bench


def lease_facts(bench: Bench) -> list[tuple[bool, str]]:
    return [(one.armed, one.reason) for one in bench.heard if isinstance(one, LeaseChanged)]


async def nothing_is_held(bench: Bench) -> None:
    assert bench.lab.leases.all() == []
    rows = await bench.leases()
    assert all(reason is not None for _, reason in rows)


async def test_arming_switches_on_and_gives_the_right(bench: Bench) -> None:
    booking = await bench.checked_in()
    lease = await bench.lab.arming.arm(booking.id, by=BY)
    assert lease.devices == {"printer", "plug"}  # what feeds it belongs to it
    assert (lease.holder, lease.until) == (booking.id, booking.busy_until)
    assert bench.lab.leases.of("printer") == lease
    assert bench.driver("hub").started == ["turn_on"]
    assert bench.driver("usb").started == []
    assert lease_facts(bench) == [(True, "")]
    assert await bench.lab.arming.arm(booking.id, by=BY) == lease
    assert len(await bench.leases()) == 1


async def test_two_who_arm_at_once_get_the_same_lease(bench: Bench) -> None:
    booking = await bench.checked_in()
    arm = bench.lab.arming.arm
    one, two = await asyncio.gather(arm(booking.id, by=BY), arm(booking.id, by=BY))
    assert one == two
    assert len(await bench.leases()) == 1


async def test_only_who_is_here_gets_the_equipment(bench: Bench) -> None:
    operator = await bench.people()
    booking = await bench.book(operator=operator)
    with pytest.raises(NotCheckedIn):
        await bench.lab.arming.arm(booking.id, by=BY)
    assert await bench.leases() == []


async def test_nobody_qualified_nobody_armed(bench: Bench) -> None:
    await bench.people()
    booking = await bench.book(operator=None)
    bench.clock.go(1800)
    await bench.lab.bookings.check_in(booking.id, by=BY)
    with pytest.raises(BookingRefused) as refused:
        await bench.lab.arming.arm(booking.id, by=BY)
    assert len(refused.value.problems) == 1
    assert await bench.leases() == []


async def test_without_the_stopper_nothing_is_armed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await bench.checked_in()
    with monkeypatch.context() as patch:
        patch.setattr(type(bench.lab.permit), "alive", False)
        with pytest.raises(NoPermit):
            await bench.lab.arming.arm(booking.id, by=BY)
        patch.setattr(bench.lab.permit, "latched", {"plug"}.__contains__)
        with pytest.raises(Latched):
            await bench.lab.arming.arm(booking.id, by=BY)
    assert await bench.leases() == []


async def test_equipment_that_is_held_is_not_given_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking, other = await bench.both_armed()
    await bench.lab.arming.disarm(other.id, by=BY)
    monkeypatch.setattr(bench.lab.arming, "_devices_of", lambda id: ["robot"])
    with pytest.raises(LeaseTaken) as taken:
        await bench.lab.arming.arm(other.id, by=BY)
    assert taken.value.params["holder"] == booking.id


async def test_a_plug_that_refuses_undoes_everything(bench: Bench) -> None:
    booking = await bench.checked_in()
    bench.driver("hub").command_faults["turn_on"] = Rejected(device="plug")
    with pytest.raises(ArmFailed, match="rejected"):
        await bench.lab.arming.arm(booking.id, by=BY)
    await nothing_is_held(bench)
    assert await bench.leases() == [("bench", "arm_failed")]
    assert bench.driver("hub").rested == ["plug"]
    assert lease_facts(bench) == [(False, "arm_failed")]
    del bench.driver("hub").command_faults["turn_on"]
    await bench.lab.arming.arm(booking.id, by=BY)


async def test_a_machine_that_does_not_answer_undoes_everything(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arming_module, "READY_WITHIN_S", 0.05)
    booking = await bench.checked_in()
    driver = bench.driver("usb")
    driver.connect_faults = [ConnectFailed(connection="usb")] * 100_000
    driver.lose()
    await bench.until(lambda: bench.lab.board["printer"].link is Link.BACKOFF)
    with pytest.raises(ArmFailed, match="printer"):
        await bench.lab.arming.arm(booking.id, by=BY)
    await nothing_is_held(bench)
    assert bench.driver("hub").rested == ["plug"]  # power off again
    driver.connect_faults = []


async def test_a_lease_that_cannot_be_written_is_not_granted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await bench.checked_in()

    def full(*_: object, **__: object) -> int:
        raise StorageFailed(file="lab.db", cause="full")

    monkeypatch.setattr(lease_rows, "open_row", full)
    with pytest.raises(StorageFailed):
        await bench.lab.arming.arm(booking.id, by=BY)
    assert bench.lab.leases.all() == []
    assert bench.driver("hub").started == []


async def test_a_stop_during_arming_is_not_outlived(bench: Bench) -> None:
    booking = await bench.checked_in()
    bench.driver("hub").gate.clear()
    arming = asyncio.create_task(bench.lab.arming.arm(booking.id, by=BY))
    await bench.when(lambda: bench.driver("hub").started == ["turn_on"])
    await bench.lab.stop_desk.press(None, by=BY, reason="smoke")
    with pytest.raises(ArmFailed):
        await arming
    bench.driver("hub").gate.set()
    await bench.lab.stop_desk.settled()
    await nothing_is_held(bench)
    assert await bench.leases() == [("bench", "pressed")]
    assert (True, "") not in lease_facts(bench)


async def test_a_stop_while_waiting_for_the_machine_ends_the_waiting(bench: Bench) -> None:
    booking = await bench.checked_in()
    driver = bench.driver("usb")
    driver.connect_faults = [ConnectFailed(connection="usb")] * 100_000
    driver.lose()
    arming = asyncio.create_task(bench.lab.arming.arm(booking.id, by=BY))
    await bench.when(lambda: bench.driver("hub").done)
    await bench.lab.stop_desk.press(None, by=BY, reason="smoke")
    with pytest.raises(ArmFailed, match="lease"):
        await arming  # at once, and also if the latch were lifted meanwhile
    driver.connect_faults = []
    await bench.lab.stop_desk.settled()
    await nothing_is_held(bench)


async def test_disarming_rests_the_machine_then_cuts_its_power(bench: Bench) -> None:
    booking = await bench.armed()
    ended = await bench.lab.arming.disarm(booking.id, by=BY)
    assert ended.holder == booking.id
    assert [row[:3] for row in await bench.ledger()] == [
        ("plug", "turn_on", "done"),
        ("printer", "safe_state", "done"),
        ("plug", "safe_state", "done"),
    ]
    assert await bench.leases() == [("bench", "disarmed")]
    assert lease_facts(bench) == [(True, ""), (False, "disarmed")]
    with pytest.raises(LeaseMissing):
        await bench.lab.arming.disarm(booking.id, by=BY)


async def test_disarming_ends_the_run_and_the_job(bench: Bench) -> None:
    booking = await bench.armed()
    run = await bench.run(booking)
    await bench.lab.trials.start(run, by=BY)
    bench.driver("usb").gate.clear()
    await bench.lab.coordinator.command("printer", "run_job", {}, by=BY, wait=False)
    await bench.when(lambda: "run_job" in bench.driver("usb").started)
    await bench.lab.arming.disarm(booking.id, by=BY)
    found = (await bench.lab.trials.run(run)).run
    assert (found.state, found.cause) == ("aborted", "disarmed")
    jobs = [row for row in await bench.ledger() if row[1] == "run_job"]
    assert jobs == [("printer", "run_job", "failed", "lab.command_cancelled")]


async def test_nothing_is_commanded_any_more_while_equipment_is_brought_to_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A heater set between the resting and the end of the lease would stay hot."""
    booking = await bench.armed()
    driver = bench.driver("usb")
    resting, go_on = asyncio.Event(), asyncio.Event()
    safe_state = driver.safe_state

    async def slow(device: str) -> StopReport:
        report = await safe_state(device)
        resting.set()
        await go_on.wait()
        return report

    monkeypatch.setattr(driver, "safe_state", slow)
    disarming = asyncio.create_task(bench.lab.arming.disarm(booking.id, by=BY))
    await resting.wait()
    with pytest.raises(LeaseMissing):
        await bench.lab.coordinator.command("printer", "move", {"x": 1.0}, by=BY)
    with pytest.raises(LeaseTaken):  # nor is it anybody else's before it is safe
        bench.lab.leases.demand_free(["printer"])
    go_on.set()
    await disarming
    assert driver.started == []
    await nothing_is_held(bench)


async def test_two_who_disarm_at_once_do_it_once(bench: Bench) -> None:
    booking = await bench.armed()
    disarm = bench.lab.arming.disarm
    await asyncio.gather(disarm(booking.id, by=BY), disarm(booking.id, by="other"))
    assert bench.driver("usb").rested == ["printer"]
    assert await bench.leases() == [("bench", "disarmed")]


async def test_trouble_with_the_books_leaves_no_machine_hot(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await bench.armed()

    def full(*_: object, **__: object) -> None:
        raise StorageFailed(file="lab.db", cause="full")

    async def no_end(equipment: str, cause: str) -> None:
        full()

    monkeypatch.setattr(bench.lab.arming, "_before_disarm", no_end)
    monkeypatch.setattr(ledger, "accept", full)
    monkeypatch.setattr(lease_rows, "close_row", full)
    with pytest.raises(StorageFailed):
        await bench.lab.arming.disarm(booking.id, by=BY)
    assert bench.driver("usb").rested == ["printer"]
    assert bench.driver("hub").rested == ["plug"]
    assert bench.lab.leases.all() == []
    assert lease_facts(bench)[-1] == (False, "disarmed")


@pytest.mark.parametrize(
    ("equipment", "failing", "alarmed"),
    [
        ("cell", {"robot"}, ["robot"]),  # no plug: it may be hot
        ("bench", {"printer"}, []),  # its power is off
        ("bench", {"printer", "plug"}, ["plug", "printer"]),
        ("bench", {"plug"}, ["plug"]),
    ],
)
async def test_what_could_not_be_brought_to_rest_is_said(
    bench: Bench, equipment: str, failing: set[str], alarmed: list[str]
) -> None:
    booking = await bench.armed(equipment)
    for connection in ("usb", "lan", "hub"):
        bench.driver(connection).rest_outcome = dict.fromkeys(failing, StopOutcome.FAILED)
    await bench.lab.arming.disarm(booking.id, by=BY)
    said = [one for one in bench.heard if isinstance(one, DeviceMessage)]
    assert sorted(one.device for one in said) == alarmed
    assert {one.code for one in said} <= {"lab.not_at_rest"}
    assert await bench.leases() == [(equipment, "disarmed")]


@pytest.mark.parametrize(
    ("unseen", "alarmed"),
    [({"printer"}, []), ({"plug"}, ["plug"]), ({"printer", "plug"}, ["plug", "printer"])],
)
async def test_what_was_only_told_to_rest_may_still_be_hot(
    bench: Bench, unseen: set[str], alarmed: list[str]
) -> None:
    """Nor does a plug that nobody saw switch off vouch for what hangs on it."""
    booking = await bench.armed()
    for connection in ("usb", "hub"):
        bench.driver(connection).rest_outcome = dict.fromkeys(unseen, StopOutcome.SENT)
    await bench.lab.arming.disarm(booking.id, by=BY)
    said = [one for one in bench.heard if isinstance(one, DeviceMessage)]
    assert sorted((one.device, one.code) for one in said) == [
        (device, "lab.not_at_rest") for device in alarmed
    ]


async def settled(bench: Bench) -> None:
    await bench.lab.arming._under_way.settled()


async def test_the_window_ends_the_lease(bench: Bench) -> None:
    booking = await bench.armed(minutes=30)
    bench.clock.go(20)
    await bench.lab.arming.keep()
    assert bench.lab.leases.held_by(booking.id) is not None
    while bench.clock.now() < booking.busy_until - timedelta(seconds=20):
        bench.clock.go(20)
        await bench.lab.arming.keep()
    assert bench.lab.leases.held_by(booking.id) is not None
    bench.clock.go(20)
    await bench.lab.arming.keep()
    await settled(bench)
    assert await bench.leases() == [("bench", "window_end")]
    assert bench.driver("usb").rested == ["printer"]


async def test_a_clock_set_back_does_not_lengthen_the_window(bench: Bench) -> None:
    await bench.armed(minutes=30)
    for _ in range(90):
        bench.clock.real += 20
        await bench.lab.arming.keep()
    await settled(bench)
    assert await bench.leases() == [("bench", "window_end")]


async def test_a_lease_nobody_kept_is_made_safe(bench: Bench) -> None:
    await bench.armed()
    bench.clock.go(TTL_S)  # the loop hung, say
    await bench.lab.arming.keep()
    await settled(bench)
    assert await bench.leases() == [("bench", "not_renewed")]
    assert bench.driver("usb").rested == ["printer"]
    assert bench.driver("hub").rested == ["plug"]


async def test_a_slow_ending_does_not_cost_others_their_lease(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.armed("cell", minutes=30)
    free = asyncio.Event()

    async def slow(equipment: str, cause: str) -> None:
        await free.wait()

    monkeypatch.setattr(bench.lab.arming, "_before_disarm", slow)
    other = await bench.armed("bench")  # half an hour later: the cell's window is over
    for _ in range(3):
        await bench.lab.arming.keep()
        bench.clock.go(TTL_S - 1)
    assert bench.lab.leases.held_by(other.id) is not None
    with pytest.raises(LeaseTaken):
        bench.lab.leases.demand_free(["robot"])
    free.set()
    await settled(bench)
    assert await bench.leases() == [("cell", "not_renewed"), ("bench", None)]
    assert bench.driver("lan").rested == ["robot"]


async def test_a_stop_takes_the_leases_it_covers_and_sends_nothing(bench: Bench) -> None:
    booking, kept = await bench.both_armed()
    run = await bench.run(booking)
    await bench.lab.trials.start(run, by=BY)
    await bench.lab.arming.after_stop(frozenset({"robot"}), "pressed")
    assert await bench.leases() == [("cell", "pressed"), ("bench", None)]
    assert bench.lab.leases.held_by(kept.id) is not None
    assert (await bench.lab.trials.run(run)).run.cause == "pressed"
    assert bench.driver("lan").started == bench.driver("lan").rested == []


async def test_a_fault_with_one_lease_does_not_keep_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.both_armed()

    async def faulty(equipment: str, cause: str) -> None:
        raise StorageFailed(file="run.db", cause="full")

    monkeypatch.setattr(bench.lab.arming, "_before_disarm", faulty)
    with pytest.raises(StorageFailed):
        await bench.lab.arming.after_stop(frozenset(bench.lab.board.views), "pressed")
    assert await bench.leases() == [("cell", "pressed"), ("bench", "pressed")]


async def test_a_shutdown_disarms_everything(bench: Bench) -> None:
    await bench.both_armed()
    await bench.lab.arming.disarm_all("shutdown")
    assert await bench.leases() == [("cell", "shutdown"), ("bench", "shutdown")]
    assert bench.driver("lan").rested == ["robot"]


async def test_the_party_is_still_here_after_disarming(bench: Bench) -> None:
    booking = await bench.armed()
    await bench.lab.arming.disarm(booking.id, by=BY)
    assert (await bench.lab.bookings.one(booking.id)).booking.state is State.CHECKED_IN


async def test_staff_take_equipment_from_whoever_has_it(bench: Bench) -> None:
    booking = await bench.armed()
    run = await bench.run(booking)
    await bench.lab.trials.start(run, by=BY)
    bench.driver("usb").gate.clear()
    await bench.lab.coordinator.command("printer", "run_job", {}, by=BY, wait=False)
    await bench.when(lambda: "run_job" in bench.driver("usb").started)
    old = bench.lab.leases.held_by(booking.id)
    lease = await bench.lab.arming.take("bench", by="hana", reason="焦げ臭い", minutes=30)
    assert old is not None
    assert (lease.number > old.number, lease.holder_kind) == (True, "maintenance")
    assert bench.lab.leases.of("plug") == lease
    assert lease.until == bench.clock.now() + timedelta(minutes=30)
    assert bench.driver("usb").rested == ["printer"]
    assert bench.driver("hub").started == ["turn_on"]  # nothing is switched on for maintenance
    found = (await bench.lab.trials.run(run)).run
    assert (found.state, found.cause) == ("aborted", "preempted")
    new, first = await bench.lab.db.read(lambda db: lease_rows.log(db, "bench"))
    assert (first.end_reason, first.ended_by, first.end_note) == ("preempted", "hana", "焦げ臭い")
    assert (new.holder, new.granted_by, new.why, new.ended) == ("hana", "hana", "焦げ臭い", None)
    with pytest.raises(LeaseTaken):
        await bench.lab.arming.arm(booking.id, by=BY)
    bench.driver("usb").gate.set()
    row = await bench.lab.coordinator.command("printer", "move", {"x": 1.0}, by="hana")
    assert (row.state, row.lease) == ("done", lease.number)


async def test_taking_needs_a_reason_and_equipment_with_devices(bench: Bench) -> None:
    booking = await bench.armed()
    with pytest.raises(ReasonMissing):
        await bench.lab.arming.take("bench", by=BY, reason="  ", minutes=5)
    with pytest.raises(UnknownEquipment):
        await bench.lab.arming.take("lathe", by=BY, reason="look", minutes=5)
    assert bench.lab.leases.held_by(booking.id) is not None


async def test_what_cannot_be_given_is_not_taken_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await bench.armed()
    with monkeypatch.context() as patch:
        patch.setattr(type(bench.lab.permit), "alive", False)
        with pytest.raises(NoPermit):
            await bench.lab.arming.take("bench", by=BY, reason="look", minutes=5)
    assert bench.lab.leases.held_by(booking.id) is not None


async def test_staff_give_back_and_the_party_goes_on(bench: Bench) -> None:
    booking = await bench.armed()
    await bench.lab.arming.take("bench", by="hana", reason="look", minutes=30)
    with pytest.raises(LeaseMissing):
        await bench.lab.arming.disarm(booking.id, by=BY)
    await bench.lab.arming.release("bench", by="hana")
    with pytest.raises(LeaseMissing):
        await bench.lab.arming.release("bench", by="hana")
    lease = await bench.lab.arming.arm(booking.id, by=BY)
    assert lease.holder == booking.id


async def test_a_demo_is_switched_on_and_its_window_ends(bench: Bench) -> None:
    lease = await bench.lab.arming.take("bench", by=BY, reason="fair", minutes=10, kind="demo")
    assert lease.holder_kind == "demo"
    assert bench.driver("hub").started == ["turn_on"]
    for _ in range(60):
        assert bench.lab.leases.staffs("bench") is not None
        bench.clock.go(9.99)
        await bench.lab.arming.keep()
    bench.clock.go(1)
    await bench.lab.arming.keep()
    await bench.lab.arming.disarm_all("shutdown")
    assert await bench.leases() == [("bench", "window_end")]
    assert bench.driver("hub").rested == ["plug"]


async def test_x07_a_lease_that_ends_mid_command_stops_it_and_brings_it_to_rest(
    bench: Bench,
) -> None:
    """The job's next byte is refused at once, the device is told to rest, and it is an event."""
    booking = await bench.armed()
    driver = bench.driver("usb")
    driver.gate.clear()
    row = await bench.lab.coordinator.command("printer", "run_job", {}, by=BY, wait=False)
    await bench.when(lambda: "run_job" in driver.started)
    bench.clock.go(TTL_S + 1)  # nobody renewed
    driver.gate.set()
    with pytest.raises(Stopped):
        await bench.lab.coordinator.finished(row.id)
    assert driver.done == []
    await bench.lab.arming.keep()
    await bench.lab.arming.disarm_all("shutdown")
    assert driver.rested == ["printer"]
    assert bench.driver("hub").rested == ["plug"]
    assert lease_facts(bench)[-1] == (False, "not_renewed")
    assert await bench.leases() == [("bench", "not_renewed")]
    assert ("printer", "run_job", "failed", "driver.stopped") in await bench.ledger()
    assert bench.lab.leases.held_by(booking.id) is None
