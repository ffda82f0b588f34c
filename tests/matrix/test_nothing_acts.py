"""No actuating byte reaches a wire that must stay still; the peer's own log is the judge.

One machine of every kind: without a lease, with another's lease, over its window, stopped alone,
stopped with the lab, interlocked, with a silent peer, and with the stopper gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from equipment_drivers.conformance.bench import Deed
from equipment_drivers.contract import Effect
from equipment_drivers.errors import DriverError
from equipment_drivers.model import Reading
from lab_controller.config import Interlock, Names, When
from lab_controller.errors import LabError
from tests.matrix import benches
from tests.matrix.matrix import neighbours_hub
from tests.matrix.place import BY, NEIGHBOUR, Place, patient_door

ACTING = [name for name, bench in benches.found().items() if bench.act is not None]
NEVER = When(device=NEIGHBOUR, signal="room_temperature", above=1000.0)

Case = Callable[[Place], Awaitable[int | None]]
"""Brings the device to where it must not act; gives the lease to come with."""


async def unleased(place: Place) -> int | None:
    return None


async def with_another_lease(place: Place) -> int | None:
    await place.arm()
    return (place.lease or 0) + 1000


async def over_its_window(place: Place) -> int | None:
    await place.arm()
    lease = place.lease
    assert lease is not None
    place.floor.leases.end(lease)
    return lease


async def stopped_alone(place: Place) -> int | None:
    await place.arm()
    await place.floor.stop_desk.press(place.device, by=BY, reason="still")
    await place.floor.stop_desk.settled()
    return place.lease


async def stopped_with_the_lab(place: Place) -> int | None:
    await place.arm()
    await place.floor.stop_desk.press(None, by=BY, reason="still")
    await place.floor.stop_desk.settled()
    return place.lease


async def silent(place: Place) -> int | None:
    await place.arm()
    await place.bench.freeze(True)
    assert await place.until(lambda: not place.view.link.carries_commands)
    return place.lease


async def without_the_stopper(place: Place) -> int | None:
    await place.arm()
    await place.floor.permit.farewell()
    return place.lease


CASES: dict[str, tuple[Case, set[str]]] = {
    # case: how it comes about, the refusals it may end in
    "unleased": (unleased, {"lease.missing"}),
    "another's lease": (with_another_lease, {"lease.taken"}),
    "over": (over_its_window, {"lease.missing"}),
    "silent": (silent, {"lab.not_safe_to_act", "driver.not_allowed_now"}),
    "stopped alone": (stopped_alone, {"stop.latched"}),
    "stopped with the lab": (stopped_with_the_lab, {"stop.latched"}),
    "no stopper": (without_the_stopper, {"stop.no_permit"}),
}


async def lift(place: Place) -> None:
    """Reset a stop of the whole lab, for the next case."""
    if place.floor.permit.latch.lab is not None:
        await place.floor.permit.reset(None, by=BY, reason="next", verified=[place.device])


async def refused(place: Place, deed: Deed | None, lease: int | None) -> str:
    """The code the command is refused with, or what the ledger says where it was not."""
    assert deed is not None
    command = place.floor.coordinator.command
    try:
        row = await command(place.device, deed.verb, deed.args, by=BY, lease=lease)
    except (LabError, DriverError) as refusal:
        return refusal.code
    return row.state


def actuating(place: Place) -> Deed:
    """A deed of the bench that moves or heats: interlocks let settings pass."""
    specs = place.view.spec.commands
    deeds = [deed for deed in (place.bench.act, place.bench.job) if deed is not None]
    return next(deed for deed in deeds if specs[deed.verb].effect is Effect.ACTUATE)


async def a_while(place: Place) -> None:
    """Until the neighbour is heard of again: what was on its way has arrived by then."""

    def heard() -> int:
        facts = place.seen.facts
        return sum(isinstance(one, Reading) and one.device == NEIGHBOUR for one in facts)

    count = heard()
    assert await place.until(lambda: heard() > count)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ACTING)
async def test_nothing_acts_that_may_not(name: str, tmp_path: Path) -> None:
    patient_door()
    bench = benches.found()[name]()
    async with neighbours_hub(tmp_path) as hub:
        await bench.open(tmp_path, 1)
        try:
            place = Place(bench, name, tmp_path / "lane", hub)
            async with place.opened():
                for case, (come_about, codes) in CASES.items():
                    await bench.prepare()
                    async with place.begun():
                        await place.online()
                        lease = await come_about(place)
                        before = await bench.witness()
                        assert await refused(place, bench.act, lease) in codes, (name, case)
                        await bench.freeze(False)
                        await a_while(place)
                        assert await bench.witness() == before, (name, case)
                        await lift(place)
        finally:
            await bench.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ACTING)
async def test_nothing_acts_that_is_interlocked(name: str, tmp_path: Path) -> None:
    patient_door()
    bench = benches.found()[name]()
    names = Names(ja="試験", en="test")
    rule = Interlock(id="never", name=names, devices=[bench.device], when=[NEVER], settle_s=0.0)
    async with neighbours_hub(tmp_path) as hub:
        await bench.open(tmp_path, 1)
        try:
            await bench.prepare()
            place = Place(bench, name, tmp_path / "lane", hub, interlocks=[rule])
            async with place.opened(), place.begun():
                await place.online()
                await place.arm()
                before = await bench.witness()
                assert await refused(place, actuating(place), place.lease) == "lab.interlocked"
                await a_while(place)
                assert await bench.witness() == before
        finally:
            await bench.close()


JOBS = ("marlin", "opcua_robot", "ur")  # the others' commands are over at once


async def by_a_stop(place: Place) -> None:
    await place.floor.stop_desk.press(place.device, by=BY, reason="still")
    await place.floor.stop_desk.settled()


async def by_the_end_of_the_lease(place: Place) -> None:
    """As arming ends it: the right first, then the jobs, then the resting state."""
    assert place.lease is not None
    place.floor.leases.end(place.lease)
    await place.floor.coordinator.cancel_jobs([place.device])
    await place.floor.coordinator.rest(place.device, by=BY)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("end", [by_a_stop, by_the_end_of_the_lease])
@pytest.mark.parametrize("name", JOBS)
async def test_x07_a_job_that_is_ended_sends_nothing_more(
    name: str, end: Callable[[Place], Awaitable[None]], tmp_path: Path
) -> None:
    patient_door()
    bench = benches.found()[name]()
    async with neighbours_hub(tmp_path) as hub:
        await bench.open(tmp_path, 1)
        job = bench.job
        assert job is not None
        try:
            await bench.prepare()
            place = Place(bench, name, tmp_path / "lane", hub)
            async with place.opened(), place.begun():
                await place.online()
                await place.arm()
                idle = await bench.witness()
                await place.floor.coordinator.command(
                    place.device, job.verb, job.args, by=BY, lease=place.lease, wait=False
                )
                async with asyncio.timeout(20):
                    while await bench.witness() == idle:
                        await a_while(place)
                await end(place)
                ended = await bench.witness()
                await a_while(place)
                assert await bench.witness() == ended
        finally:
            await bench.close()
