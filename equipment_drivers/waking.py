"""Waiting for the next attempt: for so long, or until somebody asks, or until the plug is back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

LOOK_S = 0.25


async def woken_within(seconds: float | None, wake: asyncio.Event, plug: Path | None) -> bool:
    """Whether it was cut short. A plug that is there all the time wakes nobody."""
    look_s = LOOK_S if plug and not is_there(plug) else None
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(look_s):
                        return await wake.wait()
                if plug and is_there(plug):
                    return True
    return False


def is_there(path: Path) -> bool:
    """Whether a port's device is plugged in; a look at the file system's memory, not at a disk."""
    return path.exists()
