"""When a fault begins and ends, and what a machine's own clock shows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hardware_sim.clock import SimClock
from hardware_sim.faults import Faults
from hardware_sim.process import CLOCK_FAULTS, Station
from hardware_sim.truth import TruthLog
from tests.hardware_sim.rig import simulator
from tests.hardware_sim.waiting import until
from tests.sims.sim import Sim


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Station]:
    """A station on which an hour is one real second."""
    clock = SimClock.begin(factor=3600.0)
    truth = TruthLog(tmp_path / "truth.jsonl", clock)
    yield Station("sim", tmp_path, clock, 1, Faults(CLOCK_FAULTS, clock, 1), truth)
    truth.close()


def test_a_skewed_clock_is_ahead_by_what_it_says(place: Station) -> None:
    place.faults.raise_fault("clock_skew", {"seconds": 90})
    assert place.now(5.0) - place.clock.start == timedelta(seconds=95)
    place.faults.clear()
    assert place.now(5.0) - place.clock.start == timedelta(seconds=5)


async def test_a_clock_that_stands_still_shows_when_it_stopped(place: Station) -> None:
    place.faults.raise_fault("stale_time", {})
    stopped = place.clock.now()
    await place.clock.sleep(60.0)
    assert place.now() <= stopped
    place.faults.clear()
    assert place.now() - stopped >= timedelta(seconds=60)


async def connects(rig: Sim) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(rig.endpoint.rpartition(":")[2]))
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_a_fault_begins_after_s_and_ends_for_s_by_itself(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub", factor=10.0) as rig:
        await rig.ask("fault", name="refuse", after_s=1, for_s=10)
        await until(lambda: connects(rig), lambda up: not up)
        await until(lambda: connects(rig), lambda up: up)
        assert (await rig.ask("faults"))["active"] == {}


async def test_a_fault_of_the_command_line_may_begin_later_and_be_cleared_before(
    tmp_path: Path,
) -> None:
    later = ("--fault", "refuse:after_s=10000")
    async with simulator(tmp_path, "home_assistant_hub", *later, factor=1.0) as rig:
        assert "refuse" in (await rig.ask("faults"))["active"]
        assert await connects(rig)
        await rig.ask("clear")
        assert (await rig.ask("faults"))["active"] == {}


async def test_the_status_tells_where_a_renumbered_wire_went(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub") as rig:
        await rig.ask("fault", name="renumber")
        now = (await rig.ask("status"))["endpoint"]
        assert now != rig.endpoint
        assert not await connects(rig)
        await rig.ask("clear")
        assert (await rig.ask("status"))["endpoint"] == rig.endpoint
        assert await connects(rig)
