"""The loops of all tests are of one thread and take no coroutine for a callback."""

from __future__ import annotations

import asyncio

import pytest


async def test_another_thread_may_not_hand_a_loop_its_work() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(RuntimeError, match="Non-thread-safe"):
        await asyncio.to_thread(loop.call_soon, print)
    with pytest.raises(RuntimeError, match="Non-thread-safe"):
        await asyncio.to_thread(loop.call_later, 1.0, print)


async def test_a_coroutine_function_is_no_callback() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TypeError, match="coroutines cannot be used"):
        loop.call_soon(asyncio.sleep, 0)
    with pytest.raises(TypeError, match="coroutines cannot be used"):
        loop.call_later(1.0, asyncio.sleep, 0)
