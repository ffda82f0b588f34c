"""How long samples are kept, and which of them need not be stored at all.

A month is kept or let go as a whole. Letting go means writing a new file with what is still to be
kept, which takes the old one's place: no long deletion, and nothing half done is ever seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from trial_logs.axis import HOUR_US, MINUTE_US
from trial_logs.migrations import UNSEALED
from trial_logs.model import Sample, Series

DAY_US = 86_400_000_000
FAST_AN_HOUR = 3_960
"""A series with an hour of more values is fast: 1 Hz with a tenth more is not. It is the amount
that fills a disk, so a fast signal that ran for a few minutes of each hour may stay longer."""

KEEP_ALIVE_US = 60_000_000

_FAST = "SELECT series FROM r3600 GROUP BY series HAVING max(count) > ?"


@dataclass(frozen=True, slots=True)
class Retention:
    """Days after a month's end for which its rows stay; 0: for ever. Hours stay for ever."""

    raw_days: int = 400
    raw_days_fast: int = 90
    minute_days: int = 1826


def finest_left(keep: Retention, month_end_us: int, now_us: int, *, fast: bool) -> int:
    """The period in µs of the finest rows of a month that are still to be kept; 1: samples."""

    def has(days: int) -> bool:
        return not days or now_us - month_end_us < days * DAY_US

    if has(keep.raw_days_fast if fast else keep.raw_days):
        return 1
    return MINUTE_US if has(keep.minute_days) else HOUR_US


def is_unsealed(db: Database) -> bool:
    """Whether a month holds samples that are not sealed, or is of the previous release."""
    tables = set(db.table_names())
    if "chunk" not in tables:
        return True
    return any(db.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in UNSEALED)  # noqa: S608


def due(db: Database, keep: Retention, month_end_us: int, now_us: int) -> dict[int, int]:
    """The series of a sealed month that are kept finer than they need be, and what they need."""
    fast = {number for (number,) in db.execute(_FAST, [FAST_AN_HOUR])}
    found: dict[int, int] = {}
    for number, finest in db.execute("SELECT id, finest_us FROM series").fetchall():
        left = finest_left(keep, month_end_us, now_us, fast=number in fast)
        if left > finest:
            found[number] = left
    return found


def thin(whole: Database, fresh: Database, coarser: Mapping[int, int]) -> None:
    """Copy a sealed month into an empty one, without what `coarser` lets go."""
    with fresh.atomic():
        for name, finer_than in (
            ("series", None),
            ("chunk", 1),
            ("r60", MINUTE_US),
            ("r3600", None),
        ):
            cursor = whole.execute(f"SELECT * FROM {name}")  # noqa: S608
            series_at = [column[0] for column in cursor.description].index(
                "id" if name == "series" else "series"
            )
            slots = ", ".join("?" * len(cursor.description))
            rows = (
                row
                for row in cursor
                if finer_than is None or coarser.get(row[series_at], 1) <= finer_than
            )
            fresh.conn.executemany(f"INSERT INTO {name} VALUES ({slots})", rows)  # noqa: S608
        for number, finest in coarser.items():
            fresh.execute("UPDATE series SET finest_us = ? WHERE id = ?", [finest, number])


class Deadband:
    """Leaves out samples that say nothing new, for series that declare it.

    A sample is left out when value and quality are those of the last one kept, give or take the
    deadband, and that one is younger than a minute. Nothing changes until `settle` is called.
    """

    def __init__(self, bands: Mapping[tuple[str, str], float]) -> None:
        self._bands = bands
        self._last: dict[Series, Sample] = {}

    def sift(self, samples: Sequence[Sample]) -> tuple[Sequence[Sample], dict[Series, Sample]]:
        """What is to be stored, and what to `settle` once it is."""
        if not self._bands:
            return samples, {}
        last, kept = dict[Series, Sample](), list[Sample]()
        for sample in samples:
            band = self._bands.get(sample.series[:2])
            if band is not None:
                before = last.get(sample.series) or self._last.get(sample.series)
                if before is not None and _says_nothing(before, sample, band):
                    continue
                last[sample.series] = sample
            kept.append(sample)
        return kept, last

    def settle(self, last: dict[Series, Sample]) -> None:
        """These have been stored."""
        self._last.update(last)


def _says_nothing(before: Sample, sample: Sample, band: float) -> bool:
    if before.quality != sample.quality or not 0 <= sample.t_us - before.t_us < KEEP_ALIVE_US:
        return False
    if before.value is None or sample.value is None:
        return before.value is sample.value
    return abs(sample.value - before.value) <= band
