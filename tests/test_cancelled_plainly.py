"""A deadline round an OPC UA request is seen, also where the answer comes in the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from asyncua.common.utils import wait_for

from equipment_drivers.devices.opcua_session import our_words
from lab_controller.stopper.means.opcua_call import cancelled_plainly

Guard = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize(
    "guard",
    [lambda: our_words("opc.tcp://there"), cancelled_plainly],
    ids=["driver", "stopper"],
)
async def test_an_answer_in_the_moment_of_the_deadline_is_out_of_time(guard: Guard) -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[int] = loop.create_future()

    async def ask() -> None:
        async with asyncio.timeout(None) as deadline:
            with guard():
                loop.call_soon(answer.set_result, 1)
                deadline.reschedule(loop.time())
                await wait_for(answer, 10.0)
                await asyncio.sleep(0)  # where the library gives the answer, the deadline is next

    with pytest.raises(TimeoutError):
        await ask()


async def test_somebody_elses_cancelling_stays_a_cancelling() -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[int] = loop.create_future()

    async def ask() -> None:
        with cancelled_plainly():
            await wait_for(answer, 10.0)

    asking = loop.create_task(ask())
    await asyncio.sleep(0)
    answer.set_result(1)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
