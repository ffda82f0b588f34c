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
    found: dict[int, list[BucketRow]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return [_bucket(found.get(k, []), *edges[k : k + 2]) for k in range(len(edges) - 1)]


def _bucket(rows: list[BucketRow], t0: int, t1: int) -> Bucket:
    count = sum(row[4] for row in rows)
    low = [row[1] for row in rows if row[1] is not None]
    high = [row[2] for row in rows if row[2] is not None]
    mean = sum(row[3] for row in rows) / count if count else None
    worst = Quality(max(row[5] for row in rows)) if rows else None
    return Bucket(t0, t1, min(low, default=None), max(high, default=None), mean, count, worst)
