"""Lab time for people, physics and records; real monotonic seconds for wires and stopping.

Lab time = start + factor × (monotonic − origin). A real lab has no start of its own: there lab
time is the system's clock (ADR 0004). The textual form `START/FACTOR/ORIGIN` lets the controller
and the simulators of a demo share one clock, since CLOCK_MONOTONIC is the same in all processes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf, isfinite


@dataclass(frozen=True, slots=True)
class LabClock:
    """A clock with a factor; without `start` it is the system's clock and the factor is 1."""

    start: datetime | None = None
    factor: float = 1.0
    origin: float = 0.0

    @classmethod
    def parse(cls, text: str) -> LabClock:
        """Read `START/FACTOR/ORIGIN`; an empty text is the real clock. Raises ValueError."""
        if not text:
            return cls()
        start, speed, at = text.split("/")
        begins, factor, origin = datetime.fromisoformat(start), float(speed), float(at)
        if begins.tzinfo is None:
            raise ValueError(f"lab clock start without a zone: {start}")
        if not (0 < factor < inf and isfinite(origin)):
            raise ValueError(f"lab clock that does not run forward: {text}")
        try:
            return cls(begins.astimezone(UTC), factor, origin)
        except OverflowError as error:
            raise ValueError(f"lab clock start out of range: {start}") from error

    @classmethod
    def beginning(cls, start: datetime, factor: float) -> LabClock:
        """A clock that shows `start` now and then runs `factor` times as fast as real time."""
        return cls(start.astimezone(UTC), factor, time.monotonic())

    def __str__(self) -> str:
        if self.start is None:
            return ""
        return f"{self.start.isoformat()}/{self.factor!r}/{self.origin!r}"

    def now(self) -> datetime:
        """Lab time, aware UTC."""
        if self.start is None:
            return datetime.now(UTC)
        return self.start + timedelta(seconds=self.factor * (time.monotonic() - self.origin))

    def monotonic(self) -> float:
        """Real seconds that only ever grow."""
        return time.monotonic()

    def real_seconds(self, lab_seconds: float) -> float:
        """How long a stretch of lab time lasts in real seconds."""
        return lab_seconds / self.factor
