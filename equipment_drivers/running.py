"""The commands under way on one connection, each of which can be ended with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from equipment_drivers.contract import CommandResult
from equipment_drivers.errors import DriverError


class Running:
    """Tasks of commands by device; who ends one says why, and its caller gets that as its error."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[CommandResult], str] = {}
        self._ended_by: dict[asyncio.Task[CommandResult], DriverError] = {}

    def on(self, device: str) -> bool:
        """Whether a command is under way on this device."""
        return device in self._tasks.values()

    def end(self, why: DriverError, device: str | None = None) -> set[asyncio.Task[CommandResult]]:
        """End all commands (of one device); the tasks that end now."""
        ending = {task for task, of in self._tasks.items() if device in (None, of)}
        for task in ending:
            self._ended_by[task] = why
            task.cancel()
        return ending

    async def carry(
        self, name: str, device: str, command: Coroutine[object, object, CommandResult]
    ) -> CommandResult:
        """Await a command as a task of its own. Raises what it raises, or why it was ended."""
        task = asyncio.create_task(command, name=name)
        self._tasks[task] = device
        try:
            return await task
        except asyncio.CancelledError:
            why = self._ended_by.get(task)
            caller = asyncio.current_task()
            if why is None or (caller is not None and caller.cancelling()):
                raise
            raise why from None
        finally:
            self._tasks.pop(task, None)
            self._ended_by.pop(task, None)
