"""Lost outcomes: shown until a person has looked, also over a restart; nothing is sent again."""

from __future__ import annotations

import pytest

from equipment_drivers.errors import LinkLost, OutcomeUnknown
from lab_controller.coordinator import UnknownCommand
from lab_controller.facts import CommandClosed
from lab_controller.settling import NothingToSettle
from tests.lab_controller.bench import BY, Bench, Site


async def lost(bench: Bench, device: str = "robot", equipment: str = "cell") -> str:
    """A command whose outcome nobody knows; returns its id."""
    if bench.lab.leases.of(device) is None:
        await bench.armed(equipment)
    driver = bench.driver("lan" if device == "robot" else "usb")
    driver.command_faults["move"] = OutcomeUnknown(device=device)
    with pytest.raises(OutcomeUnknown):
        await bench.lab.coordinator.command(device, "move", {"x": 1.0}, by=BY)
    del driver.command_faults["move"]
    return bench.lab.board[device].outcome_unknown


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_person_says_what_became_of_it(bench: Bench, carried_out: bool) -> None:
    command = await lost(bench)
    driver = bench.driver("lan")
    looked, started = driver.calls.count("resync"), list(driver.started)
    row = await bench.lab.settling.settle(
        command, carried_out=carried_out, note="腕は動いていない", by="hana"
    )
    assert driver.calls.count("resync") == looked + 1  # read back first
    assert driver.started == started  # and nothing sent
    assert row.state == "unknown"  # what the ledger said stays
    assert row.settlement is not None
    assert (row.settlement.outcome, row.settlement.by, row.settlement.note) == (
        "carried_out" if carried_out else "not_carried_out",
        "hana",
        "腕は動いていない",
    )
    assert bench.lab.board["robot"].outcome_unknown == ""
    assert isinstance(bench.heard[-1], CommandClosed)


async def test_one_of_two_leaves_the_mark(bench: Bench) -> None:
    first, second = await lost(bench), await lost(bench)
    await bench.lab.settling.settle(second, carried_out=True, note="seen", by=BY)
    assert bench.lab.board["robot"].outcome_unknown == first


async def test_a_wire_that_is_down_does_not_keep_a_person_from_looking(bench: Bench) -> None:
    command = await lost(bench)
    bench.driver("lan").resync_faults = [LinkLost(connection="lan")]
    row = await bench.lab.settling.settle(command, carried_out=False, note="seen", by=BY)
    assert row.settlement is not None


async def test_what_is_known_is_not_settled(bench: Bench) -> None:
    row = await bench.lab.coordinator.command("printer", "look", {}, by=BY)
    with pytest.raises(NothingToSettle):
        await bench.lab.settling.settle(row.id, carried_out=True, note="?", by=BY)
    with pytest.raises(UnknownCommand):
        await bench.lab.settling.settle("c9", carried_out=True, note="?", by=BY)


async def test_a_clean_end_brings_it_to_rest_and_says_so(site: Site) -> None:
    async with site.open() as bench:
        command = await lost(bench)
    async with site.open() as bench:
        assert bench.lab.board["robot"].outcome_unknown == ""
        settlement = (await bench.lab.coordinator.row(command)).settlement
        assert settlement is not None
        assert settlement.outcome == "at_rest"


async def test_an_unclean_end_marks_what_was_under_way(site: Site) -> None:
    async with site.open() as bench:
        await bench.armed("cell")
        lease = bench.lab.leases.of("robot")
        assert lease is not None
        sql = (
            "INSERT INTO lab_command (id, device, verb, arguments, issuer, lease, issued_ms, state)"
            " VALUES ('c1', 'robot', 'move', '{}', 'staff', ?, 0, 'sent')"
        )
        await bench.lab.arming.disarm_all("shutdown")
        await bench.lab.db.write(lambda db: db.execute(sql, [lease.number]))
    async with site.open() as bench:
        assert bench.lab.board["robot"].outcome_unknown == "c1"
        assert bench.lab.board["printer"].outcome_unknown == ""
        assert bench.driver("lan").started == []  # not replayed
        await bench.lab.coordinator.rest("robot", by=BY)
        assert bench.lab.board["robot"].outcome_unknown == ""
