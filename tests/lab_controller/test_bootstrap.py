"""The whole lab's life: it opens reading only, and closes with everything at rest."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from equipment_drivers.model import Operation
from lab_controller.database import StorageFailed
from lab_controller.stopper.errors import StopperUnreachable
from tests.lab_controller.bench import BY, PATIENCE_S, Site


def query(site: Site, sql: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(site.folder / "data" / "lab.db")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


async def test_opening_moves_nothing(site: Site) -> None:
    (site.folder / "data" / "lab.db").unlink()  # its very first opening
    async with site.open() as bench:
        for connection in ("usb", "lan", "hub"):
            driver = bench.driver(connection)
            assert driver.calls[:3] == ["connect", "resync", "serve"]
            assert driver.started == driver.rested == []
        assert await bench.ledger() == []
        assert bench.lab.leases.all() == []


async def test_closing_brings_everything_to_rest_and_leaves_nothing_behind(site: Site) -> None:
    before = asyncio.all_tasks()
    async with site.open() as bench:
        await bench.both_armed()
        during = asyncio.all_tasks() - before
    assert bench.driver("lan").rested == ["robot"]
    assert bench.driver("usb").rested == ["printer"]
    assert bench.driver("hub").rested == ["plug"]
    assert all(bench.driver(one).calls[-1] == "close" for one in ("usb", "lan", "hub"))
    assert query(site, "SELECT DISTINCT end_reason FROM lab_lease") == [("shutdown",)]
    assert site.stopper.keeper.state.is_open
    assert [task.get_name() for task in during if not task.done() and ours(task)] == []
    with pytest.raises(StorageFailed):
        await bench.lab.db.write(lambda db: None)


def ours(task: asyncio.Task[object]) -> bool:
    """Whether the lab started it (the stopper's door stays open)."""
    return not task.get_name().startswith("Task-")


async def test_closing_without_a_stopper_still_makes_everything_safe(site: Site) -> None:
    async with site.open() as bench:
        await bench.both_armed()
        await site.stopper_dies()
        async with asyncio.timeout(PATIENCE_S):
            await site.lost.wait()
        assert not bench.lab.permit.alive
    assert bench.driver("lan").rested == ["robot"]
    assert bench.driver("hub").rested == ["plug"]
    assert query(site, "SELECT DISTINCT end_reason FROM lab_lease") == [("shutdown",)]


async def test_one_step_of_closing_that_fails_does_not_keep_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = site.build()
    await lab.start()

    async def full() -> None:
        raise StorageFailed(file="run.db", cause="full")

    monkeypatch.setattr(lab.recorder, "flush", full)
    with pytest.raises(StorageFailed):
        await lab.stop()
    assert not lab.permit.connected
    assert not lab.db._thread.is_alive()


async def test_without_a_stopper_nothing_opens(site: Site) -> None:
    await site.stopper_dies()
    lab = site.build()
    with pytest.raises(StopperUnreachable):
        await lab.start()
    await lab.stop()


async def test_what_the_last_life_left_open_is_closed(site: Site) -> None:
    async with site.open() as bench:
        await bench.people()
    db = sqlite3.connect(site.folder / "data" / "lab.db")
    with db:
        db.execute(
            "INSERT INTO lab_lease (equipment, holder_kind, holder, granted_by, granted_ms,"
            " until_ms) VALUES ('cell', 'booking', 'b', 'staff', 1, 2)"
        )
        db.execute(
            "INSERT INTO lab_command (id, device, verb, arguments, issuer, issued_ms, state)"
            " VALUES ('c1', 'robot', 'move', '{}', 'staff', 1, 'sent')"
        )
    db.close()
    async with site.open() as bench:
        assert await bench.leases() == [("cell", "controller_restarted")]
        assert await bench.ledger() == [("robot", "move", "unknown", "lab.controller_restarted")]
        assert bench.driver("lan").started == []


async def test_a_wire_that_comes_back_is_read_and_idle(site: Site) -> None:
    async with site.open() as bench:
        await bench.armed("cell")
        driver = bench.driver("lan")
        driver.lose()
        await bench.until(lambda: not bench.lab.board["robot"].link.carries_commands)
        assert bench.lab.board["robot"].operation is Operation.UNKNOWN
        await bench.online()
        assert bench.lab.board["robot"].operation is Operation.IDLE
        assert driver.calls.count("resync") >= 2
        assert driver.started == []
        assert bench.lab.board["printer"].may_actuate  # the rest of the lab goes on


async def test_plans_are_with_the_stopper_before_anything_may_act(site: Site) -> None:
    async with site.open() as bench:
        assert set(site.stopper.plans) == {"printer", "robot", "plug"}
        assert all(
            step["ready"] for device in site.stopper.devices().values() for step in device["steps"]
        )
        booking = await bench.armed("cell")
        assert (await bench.lab.bookings.one(booking.id)).booking.id == booking.id
        await bench.lab.arming.disarm(booking.id, by=BY)
