"""The hand on the robot's watchdog: a started program runs as long as its command may act."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from equipment_drivers.contract import CommandContext


class DeadMan:
    """Calls `kick` with a counting number while the held command may act, else `stop` once.

    Nothing is kicked that was not started from here: a program somebody else started, or one of a
    connection before this, is left to its own watchdog.
    """

    def __init__(
        self,
        kick: Callable[[int], None],
        stop: Callable[[], Awaitable[object]],
        *,
        period_s: float,
    ) -> None:
        self._kick, self._stop, self._period_s = kick, stop, period_s
        self._context: CommandContext | None = None
        self._held = asyncio.Event()
        self._count = 0

    @property
    def held(self) -> bool:
        """Whether a program of ours runs, or may be about to."""
        return self._context is not None

    @property
    def lapsed(self) -> bool:
        """Whether what is held may not act any more: what ends now has been stopped."""
        return self._context is not None and not self._context.may_act()

    def hold(self, context: CommandContext) -> None:
        """From now on, by the right of this command."""
        self._context = context
        self._held.set()

    def release(self) -> None:
        """The program has ended, or is to end."""
        self._context = None
        self._held.clear()

    async def run(self) -> None:
        """Kick until cancelled."""
        while True:
            await self._held.wait()
            context = self._context
            if context is not None and context.may_act():
                self._count = (self._count + 1) % 2**31
                self._kick(self._count)
            elif context is not None:
                self.release()
                await self._stop()
            await asyncio.sleep(self._period_s)
