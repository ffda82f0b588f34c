"""The controller's half of a stop: plans, what it ends here, and a reset that looks first."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace

import pytest

from equipment_drivers.contract import SignalSpec, StopPlan
from equipment_drivers.errors import Rejected
from equipment_drivers.model import Link, Operation, Quality, Reading, Safety
from lab_controller import ledger
from lab_controller.coordinator import Latched, NoPermit
from lab_controller.database import StorageFailed
from lab_controller.facts import LatchChanged
from lab_controller.ledger import LedgerRow
from lab_controller.permit import Stopping
from lab_controller.stopper.errors import Refused
from lab_controller.stopper.latch import Press
from lab_controller.stopping import NotVerified
from tests.lab_controller.bench import BY, Bench, Site


def steps(bench: Bench, device: str) -> list[str]:
    plan = {plan.device: plan for plan in bench.lab.stop_desk.plans()}[device]
    return [step.connection for step in plan.steps]


def latches(bench: Bench) -> list[LatchChanged]:
    return [one for one in bench.heard if isinstance(one, LatchChanged)]


async def pressed(bench: Bench, device: str | None = None) -> dict[str, str]:
    """Stop, and wait until the latch is heard and what ran has ended; outcome per device."""
    report = await bench.lab.stop_desk.press(device, by=BY, reason="smoke")
    await bench.until(lambda: any(view.latched for view in bench.lab.board.views.values()))
    await bench.lab.stop_desk.settled()
    return {name: found["outcome"] for name, found in report["devices"].items()}


def rest(bench: Bench) -> None:
    for connection in ("usb", "lan"):
        driver = bench.driver(connection)
        driver.report(driver.devices[0], Operation.IDLE)


async def test_a_machine_is_stopped_by_its_own_means_and_then_its_plug(bench: Bench) -> None:
    assert steps(bench, "printer") == ["usb", "hub"]
    assert steps(bench, "robot") == ["lan"]
    assert steps(bench, "plug") == ["hub"]
    assert "room" not in {plan.device for plan in bench.lab.stop_desk.plans()}
    assert set(bench.stopper.plans) == {"printer", "robot", "plug"}


async def test_a_stop_reaches_every_device_and_ends_what_runs(bench: Bench) -> None:
    await bench.both_armed()
    bench.driver("lan").gate.clear()
    row = await bench.lab.coordinator.command("robot", "run_job", {}, by=BY, wait=False)
    await bench.when(lambda: "run_job" in bench.driver("lan").started)
    assert await pressed(bench) == {"printer": "SENT", "robot": "SENT", "plug": "SENT"}
    assert (await bench.lab.coordinator.row(row.id)).code == "driver.stopped"
    assert bench.lab.leases.all() == []
    stops = [row for row in await bench.ledger() if row[1] == "stop"]
    assert stops == [
        (device, "stop", "unknown", "stop.outcome.SENT") for device in ("plug", "printer", "robot")
    ]
    assert latches(bench)[-1] == LatchChanged(True, ("lab",), BY, "smoke")
    assert {view.safety for view in bench.lab.board.views.values()} == {Safety.LAB_LATCHED}
    with pytest.raises((Latched, NoPermit)):
        await bench.lab.coordinator.command("robot", "move", {"x": 1.0}, by=BY)


async def test_the_ledger_says_what_became_of_the_stop_on_each_device(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = bench.driver("lan")
    driver.hang_connect = True
    driver.lose()
    await bench.until(lambda: not bench.lab.board["robot"].link.carries_commands)
    await pressed(bench)
    rows = {row.device: row for row in await logged(bench)}
    assert {device: (row.state, row.code) for device, row in rows.items()} == {
        "robot": ("failed", "stop.detail.no_descriptor"),
        "printer": ("unknown", "stop.outcome.SENT"),
        "plug": ("unknown", "stop.outcome.SENT"),
    }
    assert rows["robot"].issuer == BY
    assert rows["robot"].arguments == {"cause": "pressed", "reason": "smoke"}
    assert rows["robot"].answer == "descriptor FAILED no_descriptor"
    await bench.lab.stop_desk.write_down_missed()  # as a next life would, which finds the latch
    assert {row.device: row for row in await logged(bench)} == rows


async def logged(bench: Bench) -> list[LedgerRow]:
    rows = await bench.lab.db.read(lambda db: ledger.log(db, ledger.Wanted()))
    return [row for row in rows if row.verb == "stop"]


async def test_a_stop_nobody_wrote_down_is_written_by_the_next_life(site: Site) -> None:
    async with site.open() as bench:
        bench.lab.permit._on_stopped = lambda press: None  # it dies before it can
        await pressed(bench)
        assert await logged(bench) == []
    async with site.open() as bench:
        rows = {row.device: (row.state, row.issuer) for row in await logged(bench)}
        assert rows == dict.fromkeys(("printer", "robot", "plug"), ("unknown", BY))


async def test_how_an_unseen_device_is_stopped_is_not_known_yet(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, driver = bench.lab.stop_desk, bench.driver("lan")
    empty = StopPlan("robot", "stop.means.robot_without_method")
    monkeypatch.setattr(driver, "stop_plan", lambda device: empty)
    assert (desk.plan("robot").known, desk.plan("robot").means) == (True, empty.means)
    desk._seen.clear()
    unseen = desk.plan("robot")
    assert (unseen.known, unseen.means) == (False, "stop.means.not_known_yet")
    await bench.lab.permit.send_plans(desk.plans())
    report = await desk.press("robot", by=BY, reason="smoke")
    assert report["devices"]["robot"]["detail"] == "not_known_yet"
    await desk.settled()


async def test_the_board_says_stopped_before_the_devices_have_answered(bench: Bench) -> None:
    words = Press(BY, "smoke", "pressed", "2026-11-20T01:00:00.000Z")
    bench.lab.permit._stop_began({"lab": True, "devices": ["robot"], **asdict(words)})
    assert {view.safety for view in bench.lab.board.views.values()} == {Safety.LAB_LATCHED}
    assert latches(bench) == [LatchChanged(True, ("lab",), BY, "smoke")]
    await bench.lab.stop_desk.settled()


async def test_one_device_alone_can_be_stopped(bench: Bench) -> None:
    cell, kept = await bench.both_armed()
    assert await pressed(bench, "robot") == {"robot": "SENT"}
    assert bench.lab.leases.held_by(cell.id) is None
    assert bench.lab.leases.held_by(kept.id) is not None
    assert latches(bench)[-1].scopes == ("robot",)
    assert bench.lab.board["printer"].may_actuate
    await bench.lab.coordinator.command("printer", "move", {"x": 1.0}, by=BY)


async def test_trouble_in_the_books_keeps_nothing_running(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.both_armed()
    bench.driver("lan").gate.clear()
    row = await bench.lab.coordinator.command("robot", "run_job", {}, by=BY, wait=False)
    await bench.when(lambda: "run_job" in bench.driver("lan").started)

    async def faulty(devices: frozenset[str], cause: str) -> None:
        raise StorageFailed(file="lab.db", cause="full")

    bench.lab.stop_desk.after_stop = faulty
    with caplog.at_level(logging.ERROR):
        await pressed(bench)
    assert (await bench.lab.coordinator.row(row.id)).state == "failed"
    assert "storage_failed" in caplog.text
    assert [row[1] for row in await bench.ledger()].count("stop") == 3
    bench.lab.stop_desk.after_stop = bench.lab.arming.after_stop


async def test_a_reset_with_everything_at_rest_opens_the_latch(bench: Bench) -> None:
    await pressed(bench)
    bench.lab.board["robot"].outcome_unknown = "c1"
    looked = bench.driver("lan").calls.count("resync")
    latch = await bench.lab.stop_desk.reset(None, by=BY, reason="smoke was steam")
    assert latch.is_open
    assert bench.driver("lan").calls.count("resync") == looked + 1
    assert bench.lab.board["robot"].outcome_unknown == ""
    assert latches(bench)[-1] == LatchChanged(False, (), "", "")
    assert bench.lab.board["robot"].may_actuate
    booking = await bench.armed("cell")
    await bench.lab.coordinator.command("robot", "move", {"x": 1.0}, by=BY)
    assert bench.lab.leases.held_by(booking.id) is not None


async def test_a_reset_wants_a_reason(bench: Bench) -> None:
    await pressed(bench)
    with pytest.raises(Refused) as refused:
        await bench.lab.stop_desk.reset(None, by=BY, reason=" ")
    assert refused.value.code == "stop.reason_missing"
    assert bench.lab.permit.latched("robot")


@pytest.mark.parametrize(
    ("operation", "safety"),
    [
        (Operation.BUSY, Safety.NORMAL),
        (Operation.FAULT, Safety.NORMAL),
        (Operation.UNKNOWN, Safety.NORMAL),
        (Operation.IDLE, Safety.PROTECTIVE_STOP),
        (Operation.IDLE, Safety.UNKNOWN),
    ],
)
async def test_a_device_that_is_not_at_rest_keeps_the_latch(
    bench: Bench, operation: Operation, safety: Safety, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pressed(bench)
    driver = bench.driver("lan")

    async def resync() -> None:
        driver.report("robot", operation, safety)

    monkeypatch.setattr(driver, "resync", resync)
    with pytest.raises(NotVerified) as refused:
        await bench.lab.stop_desk.reset(None, by=BY, reason="clear")
    assert refused.value.params["missing"] == "robot"
    assert bench.lab.permit.latched("robot")


@pytest.mark.parametrize(("celsius", "is_verified"), [(60.0, False), (None, False), (0.0, True)])
async def test_a_heater_that_is_asked_for_heat_keeps_the_latch(
    bench: Bench, celsius: float | None, is_verified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, driver = bench.lab.board["robot"], bench.driver("lan")
    target = SignalSpec("bed_target", "Cel", 10.0)
    view.spec = replace(view.spec, signals={**view.spec.signals, "bed_target": target})

    async def resync() -> None:
        driver.report("robot", Operation.IDLE, Safety.NORMAL)
        if celsius is not None:
            now = bench.lab.clock.now()
            read_back = Reading("robot", "bed_target", celsius, "Cel", Quality.GOOD, now)
            view.readings["bed_target"] = read_back

    monkeypatch.setattr(driver, "resync", resync)
    await pressed(bench)
    reset = bench.lab.stop_desk.reset(None, by=BY, reason="clear")
    if is_verified:
        await reset
    else:
        with pytest.raises(NotVerified):
            await reset
    assert bench.lab.permit.latched("robot") is not is_verified


async def test_a_device_that_cannot_be_read_needs_its_power_off(bench: Bench) -> None:
    """The printer's plug says off, and says so itself, now; the robot has no plug."""
    await pressed(bench)
    hub = bench.driver("hub")
    for connection in ("usb", "lan"):
        bench.driver(connection).hang_connect = True
        bench.driver(connection).lose()
    board = bench.lab.board
    await bench.until(lambda: not (board["robot"].link.carries_commands))
    await bench.until(lambda: not (board["printer"].link.carries_commands))

    async def missing() -> str:
        with pytest.raises(NotVerified) as refused:
            await bench.lab.stop_desk.reset(None, by=BY, reason="clear")
        return refused.value.params["missing"]

    assert await missing() == "printer, robot"
    hub.measure("plug", "on", 1.0)
    assert await missing() == "printer, robot"
    hub.measure("plug", "on", 0.0, Quality.UNCERTAIN)
    assert await missing() == "printer, robot"
    hub.measure("plug", "on", 0.0)
    assert await missing() == "robot"
    bench.clock.go(61)
    assert await missing() == "printer, robot"  # that was a minute ago


async def test_a_resync_that_fails_falls_back_on_the_plug(bench: Bench) -> None:
    await pressed(bench)
    bench.driver("usb").resync_faults = [Rejected(device="printer")] * 2
    with pytest.raises(NotVerified):
        await bench.lab.stop_desk.reset(None, by=BY, reason="clear")
    bench.driver("hub").measure("plug", "on", 0.0)
    assert (await bench.lab.stop_desk.reset(None, by=BY, reason="clear")).is_open


async def test_a_stop_pressed_while_a_reset_looks_at_the_devices_stands(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pressed(bench)
    driver = bench.driver("lan")

    async def slow() -> None:
        await pressed(bench)  # to its very end, so that no stop is under way any more

    with monkeypatch.context() as patch:
        patch.setattr(driver, "resync", slow)
        with pytest.raises(Refused) as refused:
            await bench.lab.stop_desk.reset(None, by=BY, reason="clear")
    assert refused.value.code == "stop.still_stopping"
    assert bench.lab.permit.latched("robot")
    assert (await bench.lab.stop_desk.reset(None, by=BY, reason="clear")).is_open


async def test_a_stop_pressed_while_a_reset_writes_in_the_books_stands(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pressed(bench)
    desk, write = bench.lab.stop_desk, bench.lab.db.write

    async def slow(work) -> object:
        with monkeypatch.context() as inner:
            inner.setattr(bench.lab.db, "write", write)
            await pressed(bench)  # to its very end
        return await write(work)

    with monkeypatch.context() as patch:
        patch.setattr(bench.lab.db, "write", slow)
        with pytest.raises(Refused) as refused:
            await desk.reset(None, by=BY, reason="clear")
    assert refused.value.code == "stop.still_stopping"
    assert bench.lab.permit.latched("robot")


async def test_one_devices_latch_is_lifted_alone(bench: Bench) -> None:
    await pressed(bench, "robot")
    with pytest.raises(Refused) as refused:
        await bench.lab.stop_desk.reset("printer", by=BY, reason="clear")
    assert refused.value.code == "stop.not_latched"
    assert (await bench.lab.stop_desk.reset("robot", by=BY, reason="clear")).is_open


async def test_a_device_that_says_it_stopped_is_told_to_the_stopper_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(bench.lab.permit, "confirmed", told.append)
    driver = bench.driver("lan")
    driver.report("robot", Operation.FAULT)
    assert told == []  # no stop, nothing to confirm
    bench.lab.stop_desk.stopping(Stopping(False, ("robot",), BY, "", "pressed", "now"))
    driver.report("robot", Operation.STOPPING)
    assert told == []
    driver.report("robot", Operation.FAULT)
    driver.report("robot", Operation.FAULT)
    assert told == ["robot"]
    await bench.lab.stop_desk.settled()


async def test_a_fault_of_tomorrow_confirms_no_stop_of_today(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pressed(bench)
    await bench.lab.stop_desk.reset(None, by=BY, reason="clear")
    told: list[str] = []
    monkeypatch.setattr(bench.lab.permit, "confirmed", told.append)
    bench.driver("lan").report("robot", Operation.FAULT)
    assert told == []


async def test_a_wire_gives_its_descriptor_and_gets_it_back(bench: Bench) -> None:
    driver = bench.driver("lan")
    assert all(step["ready"] for step in bench.stopper.devices()["robot"]["steps"])
    driver.hang_connect = True
    driver.lose()
    await bench.until(lambda: bench.lab.board["robot"].link is Link.CONNECTING)
    assert not any(step["ready"] for step in bench.stopper.devices()["robot"]["steps"])


async def test_a_latch_outlives_the_controller(site: Site) -> None:
    async with site.open() as bench:
        await pressed(bench)
    async with site.open() as bench:
        assert {view.safety for view in bench.lab.board.views.values()} == {Safety.LAB_LATCHED}
        with pytest.raises((Latched, NoPermit)):
            await bench.armed("cell")
        assert bench.driver("lan").started == []
        await bench.lab.stop_desk.reset(None, by=BY, reason="clear")
        assert bench.lab.board["robot"].may_actuate
