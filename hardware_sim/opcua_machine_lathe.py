"""What the simulated lathe does in lab time: cycles at the feed that is set, parts, door, energy.

No I/O and no clock: every call is told the time, in lab seconds, and first settles what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

CYCLE_S = 12.0
FEED_PERCENT = 100.0
SPINDLE_RPM = 1800.0
LOAD_PERCENT = 42.0
POWER_W = {"idle": 180.0, "cutting": 2400.0}
JOULES_PER_KWH = 3.6e6


class State(IntEnum):
    """The number a PLC of this kind shows."""

    IDLE = 0
    RUNNING = 1
    HELD = 2
    ALARM = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part was finished at `at`, `cycle_s` lab seconds after the one before or the start."""

    at: float
    cycle_s: float
    count: int


class Lathe:
    """The machine from power-up to power-off; counters and energy start at zero."""

    def __init__(self, at: float) -> None:
        self._now = at
        self._began = at
        self._progress = 0.0
        self._joules = 0.0
        self._running = False
        self._finished: list[Part] = []
        self.door_open = False
        self.feed_percent = FEED_PERCENT
        self.parts = 0
        self.last_cycle_s = 0.0

    @property
    def state(self) -> State:
        """What it shows; a door open in the middle of a cycle holds it."""
        if self.door_open:
            return State.ALARM
        if not self._running:
            return State.IDLE
        return State.RUNNING if self.feed_percent > 0 else State.HELD

    @property
    def cutting(self) -> bool:
        """Whether the spindle turns and the tool moves."""
        return self.state is State.RUNNING

    @property
    def power_w(self) -> float:
        """Electrical power drawn now."""
        return POWER_W["cutting" if self.cutting else "idle"]

    @property
    def energy_kwh(self) -> float:
        """Energy since power-up, until the last settled time."""
        return self._joules / JOULES_PER_KWH

    def settle(self, now: float) -> None:
        """Work until now."""
        while self._now < now:
            if not self.cutting:
                self._pass(now)
                break
            rate = self.feed_percent / 100 / CYCLE_S
            end = self._now + (1 - self._progress) / rate
            if end > now:
                self._progress += (now - self._now) * rate
                self._pass(now)
                break
            self._pass(end)
            self.parts += 1
            self.last_cycle_s = end - self._began
            self._began, self._progress = end, 0.0
            self._finished.append(Part(end, self.last_cycle_s, self.parts))

    def take_parts(self) -> list[Part]:
        """The parts finished since the last time this was asked, in order."""
        parts, self._finished = self._finished, []
        return parts

    def start(self) -> bool:
        """Begin to make parts; False when it does not."""
        if self._running or self.door_open:
            return False
        self._running, self._began, self._progress = True, self._now, 0.0
        return True

    def stop(self) -> None:
        """End; the part in it is lost."""
        self._running, self._progress = False, 0.0

    def open_door(self, opened: bool) -> None:
        """The door; opening it ends the cycle, closing it starts nothing."""
        if opened:
            self.stop()
        self.door_open = opened

    def _pass(self, until: float) -> None:
        self._joules += self.power_w * (until - self._now)
        self._now = until
