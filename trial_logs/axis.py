"""Where the buckets of a window begin, so that roll-ups fall into one each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
PERIODS = (HOUR_US, MINUTE_US)
"""Periods of the roll-ups of a month in µs, the coarsest first."""

BUCKET_SQL = (
    """min(({time} - {time} % :period + :period - 1 - :start) * :n / (:end - :start), :n - 1)"""
)
"""`Axis.bucket_of` as SQL over `Axis.parameters`."""


@dataclass(frozen=True, slots=True)
class Axis:
    """[t0, t1) µs in `n` equal buckets; 0 < n and t0 < t1.

    Where a bucket lasts as long as one of `periods` (coarsest first, each a multiple of the next)
    or longer, the edges inside are rounded down to whole ones of it, counted from the epoch, so
    that roll-ups fall into one bucket each.
    """

    t0: int
    t1: int
    n: int
    periods: tuple[int, ...] = PERIODS

    @property
    def period(self) -> int:
        """The coarsest period of which every bucket has at least one; 1: none."""
        return next((p for p in self.periods if self.t1 - self.t0 >= p * self.n), 1)

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

    def cover(self, finest: int = 1) -> Iterator[tuple[int, int, int]]:
        """The axis in the coarsest rows up to `period` that lie in it whole, as (period, from, to);
        1: the samples.

        Where nothing finer than `finest` is left, a row of it counts where it begins.
        """
        yield from self._cover(self.t0, self.t1, self.period, finest)

    def _cover(self, t0: int, t1: int, period: int, finest: int) -> Iterator[tuple[int, int, int]]:
        if t0 >= t1:
            return
        if finest > 1 and period <= finest:
            yield finest, t0, t1
        elif period == 1:
            yield 1, t0, t1
        else:
            finer = next((each for each in self.periods if each < period), 1)
            first, last = t0 + -t0 % period, t1 - t1 % period
            if first >= last:
                yield from self._cover(t0, t1, finer, finest)
            else:
                yield period, first, last
                yield from self._cover(t0, first, finer, finest)
                yield from self._cover(last, t1, finer, finest)
