"""A time axis cut into equal buckets, each with what the samples in it amount to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trial_logs.model import Quality

WORTH = tuple(Quality)
BucketRow = tuple[int, float | None, float | None, float, int, int]


@dataclass(frozen=True, slots=True)
class Bucket:
    """[t0_us, t1_us): smallest, largest and mean value, how many values, the worst quality.

    Without a value the numbers are None; without any sample so is the quality.
    """

    t0_us: int
    t1_us: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    count: int
    worst: Quality | None


def fold_between(rows: Iterable[BucketRow], edges: Sequence[int]) -> list[Bucket]:
    """One bucket between each two edges, from the parts found of each."""
    found: list[BucketRow | None] = [None] * (len(edges) - 1)
    for row in rows:
        before = found[row[0]]
        found[row[0]] = row if before is None else joined(before, row)
    sides = zip(edges[:-1], edges[1:], found, strict=True)
    return [
        Bucket(t0, t1, None, None, None, 0, None)
        if row is None
        else Bucket(
            t0, t1, row[1], row[2], row[3] / row[4] if row[4] else None, row[4], WORTH[row[5]]
        )
        for t0, t1, row in sides
    ]


def joined(one: BucketRow, other: BucketRow) -> BucketRow:
    """Two parts of one bucket as one."""
    low = [each for each in (one[1], other[1]) if each is not None]
    high = [each for each in (one[2], other[2]) if each is not None]
    return (
        one[0],
        min(low, default=None),
        max(high, default=None),
        one[3] + other[3],
        one[4] + other[4],
        max(one[5], other[5]),
    )
