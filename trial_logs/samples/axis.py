"""Where the buckets of a window begin, so that roll-ups fall into one each."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
PERIODS = (HOUR_US, MINUTE_US)
"""Periods of the roll-ups in µs, the coarsest first."""

BUCKET_SQL = (
    """min(({time} - {time} % :period + :period - 1 - :start) * :n / (:end - :start), :n - 1)"""
)
"""`Axis.bucket_of` as SQL over `Axis.parameters`."""


@dataclass(frozen=True, slots=True)
class Axis:
    """[t0, t1) µs in `n` equal buckets; 0 < n and t0 < t1.

    Where a bucket lasts a minute (an hour) or longer, the edges inside are rounded down to whole
    UTC minutes (hours), so that roll-ups fall into one bucket each.
    """

    t0: int
    t1: int
    n: int

    @property
    def period(self) -> int:
        """The coarsest period of which every bucket has at least one; 1: none."""
        return next((p for p in PERIODS if self.t1 - self.t0 >= p * self.n), 1)

    @property
    def parameters(self) -> dict[str, int]:
        """What BUCKET_SQL needs."""
        return {"period": self.period, "start": self.t0, "end": self.t1, "n": self.n}

    def edges(self) -> list[int]:
        """Where the buckets begin, and where the last one ends."""
        period, span = self.period, self.t1 - self.t0
        # the first stamp of bucket k is the first t with (t - t0) * n // span == k
        exact = [self.t0 + -(-span * k // self.n) for k in range(self.n)]
        return [self.t0, *(edge - edge % period for edge in exact[1:]), self.t1]

    def bucket_of(self, stamp: int) -> int:
        """The number of the bucket a stamp of the axis lies in.

        An edge rounded down to its period is at or before a stamp exactly when the edge itself is
        not later than the last microsecond of the stamp's period.
        """
        period = self.period
        last = stamp - stamp % period + period - 1
        return min((last - self.t0) * self.n // (self.t1 - self.t0), self.n - 1)
