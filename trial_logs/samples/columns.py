"""The samples of one series as columns, the shape in which they are packed and counted."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import lt
from typing import NamedTuple

NO_VALUE = 4
"""Bit of a state: no number was had. The bits below it are the quality."""
QUALITY = 3

Row = tuple[int, int, float | None, int, int | None]
"""Stamp, number of the series, value, quality and source stamp, as the journals have them."""


class Columns(NamedTuple):
    """Stamps (µs), values (0.0 where there is none), states and sources by position.

    Stamps that keep one distance may be a range. `states` None: all GOOD and there. `sources`
    None: no sample has a stamp of its own.
    """

    stamps: Sequence[int]
    values: array[float]
    states: bytes | None = None
    sources: Sequence[int | None] | None = None

    def part(self, first: int, last: int) -> Columns:
        """The samples [first, last)."""
        return Columns(
            self.stamps[first:last],
            self.values[first:last],
            None if self.states is None else self.states[first:last],
            None if self.sources is None else self.sources[first:last],
        )

    def between(self, t0: int, t1: int) -> Columns:
        """The samples in [t0, t1) µs; the stamps must be in order."""
        stamps = self.stamps
        if not stamps or (t0 <= stamps[0] and stamps[-1] < t1):
            return self
        return self.part(place(stamps, t0), place(stamps, t1))

    def in_order(self) -> Columns:
        """The same by stamp."""
        if all(map(lt, self.stamps, islice(self.stamps, 1, None))):
            return self
        order = sorted(range(len(self.stamps)), key=self.stamps.__getitem__)
        states, sources = self.states, self.sources
        return Columns(
            array("q", [self.stamps[n] for n in order]),
            array("d", [self.values[n] for n in order]),
            None if states is None else bytes(states[n] for n in order),
            None if sources is None else [sources[n] for n in order],
        )


class Buffer:
    """Samples of one series that are durable in the journal and not sealed yet.

    `states` and `sources` may be shorter than `stamps`: what is missing is GOOD, and None.
    """

    __slots__ = ("since_us", "sources", "stamps", "states", "values")

    def __init__(self) -> None:
        self.stamps = array("q")
        self.values = array("d")
        self.states = bytearray()
        self.sources: list[int | None] = []
        self.since_us: int | None = None

    def add(self, row: Row) -> None:
        """Add any sample; the plain ones are appended to `stamps` and `values` directly."""
        stamp, _, value, quality, source = row
        at = len(self.stamps)
        self.stamps.append(stamp)
        self.values.append(0.0 if value is None else value)
        if quality or value is None:
            self.states.extend(bytes(at - len(self.states)))
            self.states.append(quality | (NO_VALUE if value is None else 0))
        if source is not None:
            self.sources.extend([None] * (at - len(self.sources)))
            self.sources.append(source)

    def fill(self, columns: Columns) -> None:
        """Hold exactly these."""
        self.stamps, self.values = array("q", columns.stamps), columns.values
        self.states = bytearray(columns.states or b"")
        self.sources = list(columns.sources or ())

    def columns(self) -> Columns:
        """All of it, in order of time."""
        many = len(self.stamps)
        states = bytes(self.states).ljust(many, b"\0") if self.states else None
        sources = [*self.sources, *[None] * (many - len(self.sources))] if self.sources else None
        return Columns(self.stamps, self.values, states, sources).in_order()


class Summary(NamedTuple):
    """What a stretch of samples amounts to; `many` counts values, `worst` is a quality."""

    minimum: float | None
    maximum: float | None
    total: float
    many: int
    worst: int


def summary(columns: Columns, first: int, last: int) -> Summary:
    """The samples [first, last) of the columns; there must be one."""
    values = columns.values[first:last].tolist()
    worst = 0
    if columns.states is not None:
        states = columns.states[first:last]
        worst = max(state & QUALITY for state in states)
        values = [v for v, state in zip(values, states, strict=True) if not state & NO_VALUE]
    if not values:
        return Summary(None, None, 0.0, 0, worst)
    return Summary(min(values), max(values), sum(values), len(values), worst)


def folded(parts: Sequence[Summary]) -> Summary:
    """Several stretches as one; there must be one."""
    if len(parts) == 1:
        return parts[0]
    low = [one.minimum for one in parts if one.minimum is not None]
    high = [one.maximum for one in parts if one.maximum is not None]
    return Summary(
        min(low, default=None),
        max(high, default=None),
        sum(one.total for one in parts),
        sum(one.many for one in parts),
        max(one.worst for one in parts),
    )


def place(stamps: Sequence[int], stamp: int, first: int = 0) -> int:
    """Where the stamps from here on begin, at `first` or later; stamps in order."""
    if isinstance(stamps, range):
        return max(first, min(len(stamps), -((stamps.start - stamp) // stamps.step)))
    return bisect_left(stamps, stamp, first)


def stretches(stamps: Sequence[int], period_us: int) -> Iterator[tuple[int, int, int]]:
    """(start µs, first, last) of every period that holds a sample; stamps in order."""
    first, many = 0, len(stamps)
    while first < many:
        start = stamps[first] - stamps[first] % period_us
        last = place(stamps, start + period_us, first)
        yield start, first, last
        first = last
