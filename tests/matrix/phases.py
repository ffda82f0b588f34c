"""The seven phases: how a device comes to each, and what is done there while the fault is on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from equipment_drivers.conformance.bench import Bench, Deed
from equipment_drivers.errors import DriverError
from equipment_drivers.model import Operation
from lab_controller.errors import LabError
from lab_controller.stopper.errors import StopFault
from tests.matrix.place import BY, Place

ARM_WITHIN_S = 1.0
AT_WORK = (Operation.BUSY, Operation.PAUSED)

Step = Callable[[Place], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Phase:
    """`before` runs without the fault, `during` with it; both return what they ended in."""

    name: str
    before: Step
    during: Step
    needs: Callable[[Bench], str] = lambda bench: ""
    """Why the phase does not exist on a bench; empty: it does."""
    ends: bool = False
    """Whether the connection is over afterwards."""
    stops: bool = False
    """Whether the machine is stopped afterwards and waits for a person at it."""
    busy: bool = False
    """Whether the wire is in the hands of a job: a read-back would wait for it."""
    still: bool = False
    """Whether the device's values stand still by themselves."""


async def _nothing(place: Place) -> str:
    return ""


async def _start(place: Place) -> str:
    place.start()
    return ""


async def _online(place: Place) -> str:
    await place.online()
    return ""


async def _armed(place: Place) -> str:
    await place.online()
    await place.arm()
    return ""


async def _arm(place: Place) -> str:
    """As arming does it: the right, then wait until the device may act."""
    await place.arm()
    place.connection.reconnect_now()
    ready = await place.until(lambda: place.view.may_actuate, ARM_WITHIN_S)
    return "ready" if ready else "not ready"


async def _send(place: Place, deed: Deed | None, *, wait: bool) -> str:
    """One command through the coordinator; the ledger's word, or the code of its refusal."""
    assert deed is not None
    try:
        row = await place.floor.coordinator.command(
            place.device, deed.verb, deed.args, by=BY, lease=place.lease, wait=wait
        )
    except (DriverError, LabError) as error:
        return error.code
    return row.state


async def _act(place: Place) -> str:
    return await _send(place, place.bench.act, wait=True)


async def _at_work(place: Place) -> str:
    await _armed(place)
    if place.bench.job is None:
        return "no job"
    state = await _send(place, place.bench.job, wait=False)
    working = await place.until(lambda: place.view.operation in AT_WORK)
    assert working, f"{place.bench.job.verb} ended {state}, the device is {place.view.operation}"
    return state


async def _press(place: Place) -> str:
    """The stop of this device, by the stopper's front door."""
    try:
        report = await place.floor.stop_desk.press(place.device, by=BY, reason="matrix")
    except StopFault as fault:
        return fault.code
    await place.floor.stop_desk.settled()
    return "latched" if place.floor.permit.latched(place.device) else str(report)


async def _leave(place: Place) -> str:
    leaving = asyncio.create_task(place.stop())
    done, _ = await asyncio.wait({leaving}, timeout=10.0)
    if not done:
        leaving.cancel()
        return "hangs"
    return "left"


def _acts(bench: Bench) -> str:
    return "" if bench.act else "the device takes no command that acts"


def _works(bench: Bench) -> str:
    return "" if bench.job else "the device has no command that goes on"


PHASES = (
    Phase("connect", _nothing, _start, still=True),
    Phase("idle", _online, _nothing, still=True),
    Phase("arm", _online, _arm, needs=_acts, still=True),
    Phase("command", _armed, _act, needs=_acts),
    Phase("running", _at_work, _nothing, needs=_works, busy=True),
    Phase("stopping", _at_work, _press, needs=_acts, stops=True),
    Phase("disconnect", _online, _leave, ends=True, still=True),
)
