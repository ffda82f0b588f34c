"""Work of which there is one at a time for each name: who asks again waits for the same one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class UnderWay:
    """What is being done now, by name. A caller that leaves ends nothing."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    async def once(self, what: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it, or wait for the one that is under way; either way its result."""
        return await asyncio.shield(self.begin(what, work))

    def begin(self, what: str, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Begin it unless it is under way; a fault nobody waits for is logged."""
        if what in self._tasks:
            return self._tasks[what]
        task = asyncio.create_task(work(), name=what)
        self._tasks[what] = task
        task.add_done_callback(lambda done: self._forget(what, done))
        return task

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def _forget(self, what: str, done: asyncio.Task[Any]) -> None:
        del self._tasks[what]
        if not done.cancelled() and done.exception() is not None:
            log.info("%s: %s", what, done.exception())


async def each(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take every step, whatever an earlier one raised; the first fault is raised at the end."""
    faults: list[Exception] = []
    for step in steps:
        try:
            await step()
        except Exception as fault:
            log.exception("one of several steps failed")
            faults.append(fault)
    if faults:
        raise faults[0]
