"""Commands: who may, in which order it is asked, and one end in the ledger for each."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.errors import Faulted, OutcomeUnknown, Refused, Rejected
from equipment_drivers.model import Operation, Safety
from lab_controller import ledger
from lab_controller.coordinator import (
    BadCommandArguments,
    Expired,
    Latched,
    NoPermit,
    NotSafeToAct,
    UnknownCommand,
    UnknownDevice,
)
from lab_controller.database import StorageFailed
from lab_controller.facts import CommandClosed
from lab_controller.job_log import JobLog
from lab_controller.leases import LeaseMissing, LeaseTaken
from tests.lab_controller.bench import BY, Bench


async def send(bench: Bench, device: str = "printer", verb: str = "move", **more):
    given = {"x": 1.0} if verb == "move" else {}
    arguments = more.pop("arguments", given)
    return await bench.lab.coordinator.command(device, verb, arguments, by=BY, **more)


async def nothing_was_sent(bench: Bench) -> None:
    assert bench.driver("usb").started == []
    assert await bench.ledger() == []


async def test_no_such_device_and_no_such_command(bench: Bench) -> None:
    with pytest.raises(UnknownDevice):
        await send(bench, "lathe")
    with pytest.raises(UnknownCommand) as unknown:
        await send(bench, verb="fly")
    assert unknown.value.params["known"] == "look, move, run_job"
    await nothing_was_sent(bench)


async def test_reading_needs_no_lease(bench: Bench) -> None:
    row = await send(bench, verb="look")
    assert (row.state, row.lease, row.answer) == ("done", None, "look done")
    assert await bench.ledger() == [("printer", "look", "done", "")]


async def test_a_commands_deadline_is_real_time_told_in_lab_time(bench: Bench) -> None:
    bench.clock.factor = 60.0
    await send(bench, verb="look")
    sql = "SELECT expires_ms - issued_ms FROM lab_command"
    (lasts,) = await bench.lab.db.read(lambda db: db.execute(sql).fetchone())
    timeout_s = bench.lab.board["printer"].spec.commands["look"].timeout_s
    assert timeout_s is not None
    assert lasts == timeout_s * 60 * 1000


async def test_without_a_lease_nothing_is_sent(bench: Bench) -> None:
    with pytest.raises(LeaseMissing):
        await send(bench)
    await nothing_was_sent(bench)


async def test_a_lease_of_another_number_is_not_enough(bench: Bench) -> None:
    booking = await bench.armed("cell")
    held = bench.lab.leases.held_by(booking.id)
    assert held is not None
    with pytest.raises(LeaseTaken):
        await send(bench, "robot", lease=held.number + 1)
    assert bench.driver("lan").started == []
    assert (await send(bench, "robot", lease=held.number)).lease == held.number


async def test_the_checks_come_in_their_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is wrong at once; each check mended uncovers the next."""
    bench.driver("lan").report("robot", Operation.IDLE, Safety.PROTECTIVE_STOP)
    wrong = {"x": "far"}
    latched = {"robot"}
    with monkeypatch.context() as patch:
        patch.setattr(type(bench.lab.permit), "alive", False)
        with pytest.raises(NoPermit):
            await send(bench, "robot", arguments=wrong)
    with monkeypatch.context() as patch:
        patch.setattr(bench.lab.permit, "latched", latched.__contains__)
        with pytest.raises(Latched):
            await send(bench, "robot", arguments=wrong)
    with pytest.raises(LeaseMissing):
        await send(bench, "robot", arguments=wrong)
    bench.driver("lan").report("robot", Operation.IDLE)
    await bench.armed("cell")
    bench.driver("lan").report("robot", Operation.IDLE, Safety.PROTECTIVE_STOP)
    with pytest.raises(NotSafeToAct):
        await send(bench, "robot", arguments=wrong)
    bench.driver("lan").report("robot", Operation.IDLE)
    with pytest.raises(BadCommandArguments) as bad:
        await send(bench, "robot", arguments=wrong)
    assert bad.value.params["key"] == "x"
    assert bench.driver("lan").started == []
    assert await bench.ledger() == []
    await send(bench, "robot")
    assert bench.driver("lan").started == ["move"]


async def test_the_row_is_there_before_the_wire(bench: Bench) -> None:
    await bench.armed("cell")
    driver = bench.driver("lan")
    driver.gate.clear()
    sending = asyncio.create_task(send(bench, "robot"))
    await bench.when(lambda: driver.started)
    assert await bench.ledger() == [("robot", "move", "sent", "")]
    driver.gate.set()
    assert (await sending).state == "done"


async def test_what_cannot_be_written_down_is_not_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.armed("cell")

    def full(*_: object) -> None:
        raise StorageFailed(file="lab.db", cause="full")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "accept", full)
        with pytest.raises(StorageFailed):
            await send(bench, "robot")
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "mark_sent", full)
        with pytest.raises(StorageFailed):
            await send(bench, "robot")
    assert bench.driver("lan").started == []


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Rejected(device="robot"), "failed"),
        (Faulted(device="robot"), "failed"),
        (Refused(device="robot"), "refused"),
    ],
)
async def test_what_the_device_said_is_the_end(bench: Bench, fault: Exception, state: str) -> None:
    await bench.armed("cell")
    bench.driver("lan").command_faults["move"] = fault
    with pytest.raises(type(fault)):
        await send(bench, "robot")
    assert await bench.ledger() == [("robot", "move", state, fault.code)]
    assert bench.heard[-1] == CommandClosed(
        "robot", bench.heard[-1].command, "move", state, fault.code
    )


async def test_a_time_out_is_unknown_read_back_and_never_sent_again(bench: Bench) -> None:
    await bench.armed("cell")
    driver = bench.driver("lan")
    driver.command_faults["move"] = OutcomeUnknown(device="robot")
    read_back = driver.calls.count("resync")
    with pytest.raises(OutcomeUnknown):
        await send(bench, "robot")
    ((_, _, state, code),) = await bench.ledger()
    assert (state, code) == ("unknown", "driver.timeout")
    assert driver.calls.count("resync") == read_back + 1
    assert bench.lab.board["robot"].outcome_unknown != ""
    driver.lose()
    await bench.until(lambda: bench.lab.board["robot"].link == "backoff")
    await bench.online()
    assert driver.started == ["move"]
    await bench.lab.coordinator.rest("robot", by=BY)
    assert bench.lab.board["robot"].outcome_unknown == ""


async def test_a_link_lost_on_the_way_is_unknown(bench: Bench) -> None:
    await bench.armed("cell")
    driver = bench.driver("lan")
    driver.gate.clear()
    sending = asyncio.create_task(send(bench, "robot"))
    await bench.when(lambda: driver.started)
    driver.lose()
    with pytest.raises(OutcomeUnknown):
        await sending
    await bench.online()
    driver.gate.set()
    assert [row[2] for row in await bench.ledger()] == ["unknown"]
    assert (driver.started, driver.done) == (["move"], [])


async def begin_job(bench: Bench, device: str = "robot"):
    row = await send(bench, device, "run_job", wait=False)
    driver = bench.driver("lan" if device == "robot" else "usb")
    await bench.when(lambda: "run_job" in driver.started)
    return row


async def test_a_job_goes_on_while_its_sender_does_not_wait(bench: Bench) -> None:
    await bench.armed("cell")
    bench.driver("lan").gate.clear()
    row = await begin_job(bench)
    assert row.state in ("accepted", "sent")
    assert bench.lab.coordinator.running("robot") == [row.id]
    bench.driver("lan").gate.set()
    await bench.lab.coordinator.finished(row.id)
    assert (await bench.lab.coordinator.row(row.id)).state == "done"
    assert bench.lab.coordinator.running("robot") == []
    await bench.lab.coordinator.finished(row.id)  # over: nothing to wait for


async def test_a_cancelled_job_has_its_end(bench: Bench) -> None:
    await bench.armed("cell")
    bench.driver("lan").gate.clear()
    await begin_job(bench)
    await bench.lab.coordinator.cancel_jobs(["printer"])
    assert [row[2] for row in await bench.ledger()] == ["sent"]
    await bench.lab.coordinator.cancel_jobs(["robot"])
    assert await bench.ledger() == [("robot", "run_job", "failed", "lab.command_cancelled")]
    assert bench.driver("lan").done == []


async def test_a_short_command_cancelled_on_its_way_is_unknown(bench: Bench) -> None:
    await bench.armed("cell")
    driver = bench.driver("lan")
    driver.gate.clear()
    sending = asyncio.create_task(send(bench, "robot"))
    await bench.when(lambda: driver.started)
    await bench.lab.coordinator.cancel_jobs(["robot"])
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await bench.ledger() == [("robot", "move", "unknown", "lab.command_cancelled")]


async def test_a_command_cancelled_before_it_began_has_its_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.armed("cell")
    coordinator = bench.lab.coordinator
    create = asyncio.create_task

    def born_dead(work, **names):
        task = create(work, **names)
        if names.get("name", "").startswith("command"):
            task.cancel()
        return task

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_task", born_dead)
        sending = create(send(bench, "robot"))
        await bench.when(lambda: coordinator.running("robot"))
        await coordinator.cancel_jobs(["robot"])
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await bench.ledger() == [("robot", "move", "failed", "lab.command_cancelled")]
    assert bench.driver("lan").started == []


async def test_who_leaves_does_not_take_the_command_along(bench: Bench) -> None:
    await bench.armed("cell")
    driver = bench.driver("lan")
    driver.gate.clear()
    sending = asyncio.create_task(send(bench, "robot"))
    await bench.when(lambda: driver.started)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    (command,) = bench.lab.coordinator.running("robot")
    driver.gate.set()
    await bench.lab.coordinator.finished(command)
    assert [row[2] for row in await bench.ledger()] == ["done"]


async def test_a_job_loses_its_right_with_its_lease(bench: Bench) -> None:
    booking = await bench.armed("cell")
    driver = bench.driver("lan")
    driver.gate.clear()
    row = await begin_job(bench)
    held = bench.lab.leases.held_by(booking.id)
    assert held is not None
    bench.lab.leases.end(held.number)
    driver.gate.set()
    with pytest.raises(Refused):
        await bench.lab.coordinator.finished(row.id)
    assert await bench.ledger() == [("robot", "run_job", "failed", "driver.stopped")]
    assert driver.done == []


async def test_resting_needs_no_lease_and_is_written_down(bench: Bench) -> None:
    report = await bench.lab.coordinator.rest("robot", by=BY)
    assert report.outcome is StopOutcome.CONFIRMED
    assert await bench.ledger() == [("robot", "safe_state", "done", "")]


@pytest.mark.parametrize("fault", [Faulted(device="robot"), LookupError("a mistake")])
async def test_a_device_that_does_not_rest_is_told(
    bench: Bench, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench.driver("lan").rest_outcome = {"robot": fault}
    with caplog.at_level(logging.ERROR):
        report = await bench.lab.coordinator.rest("robot", by=BY)
    assert report.outcome is StopOutcome.FAILED
    assert "robot" in caplog.text
    assert [row[2] for row in await bench.ledger()] == ["failed"]


async def test_resting_does_not_wait_for_a_full_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageFailed(file="lab.db", cause="full")

    monkeypatch.setattr(ledger, "accept", full)
    monkeypatch.setattr(ledger, "close", full)
    report = await bench.lab.coordinator.rest("robot", by=BY)
    assert report.outcome is StopOutcome.CONFIRMED
    assert bench.driver("lan").rested == ["robot"]


async def test_a_stopped_device_is_left_alone(bench: Bench) -> None:
    bench.lab.board.set_latched(["robot"])
    report = await bench.lab.coordinator.rest("robot", by=BY)
    assert (report.outcome, report.detail) == (StopOutcome.FAILED, Safety.LAB_LATCHED)
    assert bench.driver("lan").rested == []


def test_a_job_has_a_log_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "c1.log"
    with JobLog(path, lasting=True) as journal:
        journal("N1 G28*18")
        journal("N2 G1*3")
    assert path.read_text(encoding="utf-8") == "N1 G28*18\nN2 G1*3\n"
    with JobLog(tmp_path / "none.log", lasting=False) as journal:
        journal("M105")
    assert not (tmp_path / "none.log").exists()


def test_a_log_that_cannot_be_written_ends_no_job(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), JobLog(Path("/dev/full"), lasting=True) as journal:
        for number in range(10_000):
            journal(f"N{number}")
    assert len(caplog.records) == 1
    with JobLog(Path("/proc/nowhere/c.log"), lasting=True) as journal:
        journal("N1")


async def test_a_command_that_waited_past_its_deadline_is_dropped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was slow: what was wanted a while ago is not what is wanted now."""
    await bench.armed("cell")
    mark_sent = ledger.mark_sent

    def slow(*given) -> None:
        mark_sent(*given)
        bench.clock.go(10.1)

    monkeypatch.setattr(ledger, "mark_sent", slow)
    with pytest.raises(Expired):
        await send(bench, "robot")
    assert await bench.ledger() == [("robot", "move", "refused", "lab.expired")]
    assert bench.driver("lan").started == []


async def test_x07_a_lower_fencing_number_is_refused_before_the_wire(bench: Bench) -> None:
    """A command that was held up while its lease ended and another began must not act."""
    booking = await bench.armed("cell")
    old = bench.lab.leases.held_by(booking.id)
    assert old is not None
    new = await bench.lab.arming.take("cell", by="hana", reason="look", minutes=5)
    assert new.number > old.number
    with pytest.raises(LeaseTaken) as taken:
        await send(bench, "robot", lease=old.number)
    assert taken.value.params["holder"] == "hana"
    assert bench.driver("lan").started == []
    assert (await send(bench, "robot", lease=new.number)).lease == new.number
