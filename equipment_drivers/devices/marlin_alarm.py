"""One timer that can be put off at every line for next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """One timer, set anew only when it would ring too late; cheap to put off at every line."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def after(self, seconds: float) -> None:
        """Ring so many seconds from now, and not before."""
        self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._due)

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._due)
        else:
            self._ring()
