"""One lab for the tests of this folder, its party checked in on both machines."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.system import shift as work
from tests.system.rig import running
from tests.system.shift import Shift

FACTOR = 40.0
PATIENT = ("--hang", "60")
"""The stopper leaves a frozen controller alone for longer than a test lasts."""


@pytest.fixture(scope="package")
def opened() -> Iterator[Shift]:
    """The lab, in whatever state the test before left it: stopped, disarmed or armed."""
    with running(FACTOR, *PATIENT) as lab:
        yield asyncio.run(work.open_shift(lab))


@pytest.fixture
async def idle(opened: Shift) -> Shift:
    """The lab without a stop that stands."""
    if opened.lab.status()["latch"]["lab"]:
        await work.recover(opened)
    return opened


@pytest.fixture
async def shift(idle: Shift) -> AsyncIterator[Shift]:
    """Both machines at work; afterwards stopped, or disarmed where the test stopped nothing."""
    try:
        await work.begin_work(idle)
    except BaseException:
        idle.lab.stop_at_the_door()  # half of it has begun: no test after this one shall meet it
        raise
    yield idle
    idle.lab.signal_controller(signal.SIGCONT)
    latch = idle.lab.status()["latch"]
    if latch["devices"] and not latch["lab"]:
        idle.lab.stop_at_the_door()
    elif not latch["lab"]:
        async with idle.lab.client() as client:
            for booking in idle.bookings.values():
                await client.decide(booking, "disarm")
