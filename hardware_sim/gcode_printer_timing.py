"""How the firmware lets time pass: a command that waits, and a message that repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Wait:
    """A command that goes on.

    `look(now)` returns None when it is over, else the lab second at which to look again. `then`
    runs at the end and may wait again; a quickstop drops it. `heating` is ended by M108.
    """

    look: Callable[[float], float | None]
    then: Callable[[], Result] = lambda: None
    heating: bool = False


Result = Wait | str | None
"""What a command leaves: more to wait for, something to say behind the `ok`, or nothing."""


class Repeater:
    """Calls a function every so many real seconds while it is on."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._timer: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        """Whether it is running."""
        return self._timer is not None

    def start(self, seconds: float) -> None:
        """Begin, or begin again with another period."""
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._fire, seconds)

    def stop(self) -> None:
        """End; may be called when not running."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _fire(self, seconds: float) -> None:
        self.start(seconds)
        self._call()
