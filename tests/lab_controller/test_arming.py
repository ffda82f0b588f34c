"""Arming as a saga, and staff who take equipment and give it back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from booking.errors import BookingRefused
from equipment_drivers.errors import ConnectFailed, Rejected, Stopped
from equipment_drivers.model import Link
from lab_controller import leases as lease_rows
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


async def test_staff_take_equipment_from_whoever_has_it(bench: Bench) -> None:
    booking = await bench.armed()
    run = await bench.at_work(booking)
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
