"""Half-open integer intervals [start, end): clip, subtract, total."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]


def union(spans: Iterable[Span]) -> list[Span]:
    """The same points as sorted intervals that neither touch nor overlap."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """The points of `spans` that lie in no hole."""
    left = union(spans)
    for hole_start, hole_end in union(holes):
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, hole_start)), (max(start, hole_end), end))
            if piece[0] < piece[1]
        ]
    return left


def overlap(spans: Iterable[Span], start: int, end: int) -> int:
    """How much of [start, end) the disjoint `spans` cover."""
    return sum(max(0, min(end, until) - max(start, since)) for since, until in spans)


def total(spans: Iterable[Span]) -> int:
    """The summed length of disjoint spans."""
    return sum(end - start for start, end in spans)
