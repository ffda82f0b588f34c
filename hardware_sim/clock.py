"""Lab time of a simulator: start + factor × CLOCK_MONOTONIC, shared as one line of text."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class SimClock:
    """At monotonic second `origin` lab time was `start`; since then it runs `factor` times."""

    start: datetime
    factor: float
    origin: float

    @classmethod
    def parse(cls, text: str = "") -> SimClock:
        """Read `START/FACTOR/ORIGIN`; the empty text is the wall clock. ValueError if malformed."""
        if not text:
            return cls.begin()
        start, factor, origin = text.split("/")
        return cls(_aware(start), _positive(factor), float(origin))

    @classmethod
    def begin(cls, start: datetime | None = None, factor: float = 1.0) -> SimClock:
        """A clock that shows `start` (default: the wall clock) now."""
        return cls(start or datetime.now(UTC), factor, time.monotonic())

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.factor:g}/{self.origin!r}"

    def elapsed(self) -> float:
        """Lab seconds since `start`, the time base of physics."""
        return (time.monotonic() - self.origin) * self.factor

    def now(self) -> datetime:
        """Lab time, aware UTC."""
        return self.start + timedelta(seconds=self.elapsed())

    def real(self, lab_seconds: float) -> float:
        """How many real seconds a span of lab time takes."""
        return lab_seconds / self.factor

    async def sleep(self, lab_seconds: float) -> None:
        """Sleep for a span of lab time."""
        await asyncio.sleep(max(0.0, self.real(lab_seconds)))


def _aware(text: str) -> datetime:
    start = datetime.fromisoformat(text)
    if start.tzinfo is None:
        raise ValueError(f"lab time needs a time zone: {text}")
    return start.astimezone(UTC)


def _positive(text: str) -> float:
    factor = float(text)
    if not factor > 0:
        raise ValueError(f"the clock factor must be above zero: {text}")
    return factor
