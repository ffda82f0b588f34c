"""A clock the test sets by hand; lab time and monotonic seconds move apart if it says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class HandClock:
    """Stands where `LabClock` does. Starts on a Friday, 10:00 in Tokyo."""

    factor = 1.0

    def __init__(self, start: datetime = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)) -> None:
        self.lab, self.real = start, 1000.0

    def now(self) -> datetime:
        return self.lab

    def monotonic(self) -> float:
        return self.real

    def real_seconds(self, lab_seconds: float) -> float:
        return lab_seconds / self.factor

    def go(self, seconds: float) -> None:
        """Let both run on."""
        self.real += seconds
        self.lab += timedelta(seconds=seconds * self.factor)
