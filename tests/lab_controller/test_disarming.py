"""Everything that takes equipment away again: disarming, the window, a stop, a lost lease."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from booking.states import State
from equipment_drivers.contract import StopOutcome, StopReport
from equipment_drivers.model import DeviceMessage
from lab_controller import leases as lease_rows
from lab_controller import ledger
from lab_controller.database import StorageFailed
from lab_controller.leases import TTL_S, LeaseMissing, LeaseTaken
from tests.lab_controller.bench import BY, Bench
from tests.lab_controller.test_arming import lease_facts, nothing_is_held


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
    run = await bench.at_work(booking)
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
