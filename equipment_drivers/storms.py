"""A link that keeps dropping: told once, and then tried less often."""

from __future__ import annotations

from collections import deque


class Storm:
    """More than `drops` losses of a link that was up within `within_s` monotonic seconds."""

    def __init__(self, drops: int, within_s: float) -> None:
        self._within_s = within_s
        self._wanted = False
        self._lost_at: deque[float] = deque(maxlen=drops + 1)

    def dropped(self, now: float) -> bool:
        """Count one loss; whether a storm has begun with it."""
        before = self.ends_in(now)
        self._wanted = False
        self._lost_at.append(now)
        return before <= 0.0 < self.ends_in(now)

    def ends_in(self, now: float) -> float:
        """Seconds until the storm is over if nothing more is lost; 0 or less: there is none."""
        if len(self._lost_at) < (self._lost_at.maxlen or 0):
            return 0.0
        return self._lost_at[0] + self._within_s - now

    def wanted(self) -> None:
        """Somebody asks for the wire, as after switching on: until it drops again it is tried."""
        self._wanted = True

    def slows(self, now: float) -> bool:
        """Whether the next attempt has to wait for long."""
        return not self._wanted and self.ends_in(now) > 0
