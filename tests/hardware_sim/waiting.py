"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.hardware_sim.rig import PATIENCE_S

T = TypeVar("T")
POLL_S = 0.02


async def until(probe: Callable[[], Awaitable[T]], fits: Callable[[T], bool]) -> T:
    """Probe until the value fits, and return it; TimeoutError when patience ends."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if fits(value := await probe()):
                return value
            await asyncio.sleep(POLL_S)
