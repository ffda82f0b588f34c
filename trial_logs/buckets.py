"""A time axis cut into equal buckets, each with what the samples in it amount to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trial_logs.model import Quality

BUCKET_SQL = """
    SELECT ({time} - :t0) * :n / (:t1 - :t0), min(value), max(value), total(value), count(value),
        max(quality)
    FROM {table} WHERE {time} >= :t0 AND {time} < :t1 AND series = :series
    GROUP BY 1
"""
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


def fold(rows: Iterable[BucketRow], t0: int, t1: int, n: int) -> list[Bucket]:
    """Exactly `n` buckets from what `BUCKET_SQL` found, also of several files."""
    # the first stamp of bucket k is the first t with (t - t0) * n // (t1 - t0) == k
    return fold_between(rows, [t0 + -(-(t1 - t0) * k // n) for k in range(n + 1)])


def fold_between(rows: Iterable[BucketRow], edges: Sequence[int]) -> list[Bucket]:
    """One bucket between each two edges, from the parts found of each."""
    found: list[BucketRow | None] = [None] * (len(edges) - 1)
    for row in rows:
        before = found[row[0]]
        found[row[0]] = row if before is None else _joined(before, row)
    sides = zip(edges[:-1], edges[1:], found, strict=True)
    return [
        Bucket(t0, t1, None, None, None, 0, None)
        if row is None
        else Bucket(
            t0, t1, row[1], row[2], row[3] / row[4] if row[4] else None, row[4], WORTH[row[5]]
        )
        for t0, t1, row in sides
    ]


def _joined(one: BucketRow, other: BucketRow) -> BucketRow:
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
