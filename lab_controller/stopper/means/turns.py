"""When a connection may be made: one after the other, never all at the same moment.

After a start, or when a switch comes back, fifty devices would else be dialled at once; a secure
OPC UA connection costs some 40 ms of computation, during which a stop would have to wait.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

PLAIN_S = 0.02
SECURE_S = 0.5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0


class Turns:
    """Gives out moments at least `apart_s` real seconds apart, with jitter."""

    def __init__(self, apart_s: float) -> None:
        self._apart_s = apart_s
        self._next = 0.0

    async def come(self, hurry: asyncio.Event | None = None) -> None:
        """Wait for a turn, or until `hurry` is set: a stop waits for nobody."""
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + self._apart_s * random.uniform(1.0, 1.5)
        await pause(mine - now, hurry or asyncio.Event())


class Pauses:
    """How long to leave a peer alone that could not be reached: twice as long each time."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """It was there."""
        self._failures = 0

    def longer(self) -> float:
        """The next pause in real seconds, with jitter."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        return pause_s * random.uniform(0.5, 1.5)


async def pause(seconds: float, hurry: asyncio.Event) -> None:
    """Wait, unless somebody is in a hurry."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await hurry.wait()
