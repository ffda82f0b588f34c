"""Half-open stretches of time [start, end) and what can be done with lists of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """[start, end) in aware UTC; empty when the end is not after the start."""

    start: datetime
    end: datetime

    def overlaps(self, other: Span) -> bool:
        """Whether the two share any time; touching ends do not."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        """Whether the other lies wholly inside."""
        return self.start <= other.start and other.end <= self.end

    def widened(self, before: timedelta, after: timedelta) -> Span:
        """The span with time added at both ends."""
        return Span(self.start - before, self.end + after)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as sorted spans that neither overlap nor touch; empty spans vanish."""
    result: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """The time of `spans` that no hole covers, merged."""
    left = merged(spans)
    for hole in merged(holes):
        left = [piece for span in left for piece in _cut(span, hole)]
    return left


def _cut(span: Span, hole: Span) -> list[Span]:
    if not span.overlaps(hole):
        return [span]
    pieces = (Span(span.start, hole.start), Span(hole.end, span.end))
    return [piece for piece in pieces if piece.start < piece.end]
