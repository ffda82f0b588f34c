"""Hints from a hub's WebSocket: something of ours changed, look now. Never a value or a command.

The library's WebSocket client answers one request at a time and notices no silence, so it only
listens; the REST poll goes on whether it hears anything or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from equipment_drivers.errors import AuthRejected, DriverError

log = logging.getLogger(__name__)

AGAIN_S = 0.1

Changes = Callable[[], AsyncGenerator[str, None]]
"""Entities as the hub says they changed; the first item, "", means that it listens now."""


class Hints:
    """One listening task, begun again `retry_s` real seconds after each loss."""

    def __init__(self, changes: Changes, entities: frozenset[str], retry_s: float) -> None:
        self._changes, self._retry_s = changes, retry_s
        self._wanted = entities | {""}  # who begins to listen has missed something: look once
        self._stirred = asyncio.Event()
        self._task = asyncio.create_task(self._keep_listening(), name="hints")

    async def within(self, seconds: float) -> bool:
        """Whether something changed before so many seconds were over; asks only once for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        heard = self._stirred.is_set()
        self._stirred.clear()
        return heard

    async def close(self) -> None:
        """End listening; may be called twice."""
        while not self._task.done():
            self._task.cancel()  # again when the library has swallowed it
            await asyncio.wait({self._task}, timeout=AGAIN_S)

    async def _keep_listening(self) -> None:
        while True:
            try:
                async with aclosing(self._changes()) as changes:
                    async for entity in changes:
                        if entity in self._wanted:
                            self._stirred.set()
            except AuthRejected:
                return  # the poll is told the same and tells people
            except DriverError as fault:
                log.info("no hints for now: %s", fault)
            await asyncio.sleep(self._retry_s)
