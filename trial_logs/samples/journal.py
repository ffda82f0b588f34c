"""The writing side of one month's file: samples become durable here before they are sealed.

Eight journals take turns. A row of theirs is unsealed exactly when it is later than its series'
`sealed_us`; one that comes in later than that lies in `late` until it is sealed. A journal is
emptied once every series in it has been sealed, so a start after a crash finds each sample once.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlite_utils import Database

from trial_logs.axis import MINUTE_US
from trial_logs.evidence import stored
from trial_logs.migrations import JOURNALS, NEVER_US
from trial_logs.model import Sample, Series
from trial_logs.samples.columns import Buffer, Row
from trial_logs.samples.query import sealed_stamps

PLAIN = "INSERT INTO {} (ts_us, series, value, quality) VALUES (?, ?, ?, 0)"
FULL = "INSERT INTO {} (ts_us, series, value, quality, source_us) VALUES (?, ?, ?, ?, ?)"
LOG_PAGES = 1_000
"""So many pages in the log are copied into the file: in a step of its own, so that no transaction
waits for it."""
ROWS_A_PAGE, LEAST_PAGES = 128, 2
NEW_SERIES = "INSERT INTO series (device, signal, unit) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is declared of a series: the step of its values (None: any double) and of its stamps.

    Stamps are rounded down to their step as they come in; values are never rounded.
    """

    value_step: float | None = None
    time_step_us: int = 1


EXACT = Resolution()
Declared = Callable[[Series], Resolution]


class Incoming(NamedTuple):
    """A batch as columns. `odd` False: all GOOD and numbers, none with a stamp of its source."""

    stamps: Sequence[int]
    numbers: Sequence[int]
    values: Sequence[float | None]
    qualities: Sequence[int]
    sources: Sequence[int | None]
    odd: bool

    def rows(self) -> Iterator[Row]:
        """The batch as the tables have it."""
        return zip(*self[:5], strict=True)


class Placed(NamedTuple):
    """Where the samples of a batch go that does not simply follow the last one."""

    main: list[Row]
    late: list[Row]
    beyond: list[Sample]


class MonthJournal:
    """The unsealed samples of one month, on its one writing connection.

    `main` and `late` hold by series number what is unsealed in the tables of the same names.
    """

    def __init__(self, db: Database, end_us: int, declared: Declared = lambda series: EXACT):
        self.db = db
        self.resolutions: dict[int, Resolution] = {}
        self.sealed: dict[int, int] = {}
        self.main: dict[int, Buffer] = {}
        self.late: dict[int, Buffer] = {}
        self.active = 0
        self.filled = [0] * len(JOURNALS)
        self.waiting: list[set[int]] = [set() for _ in JOURNALS]
        self.logged = 0
        self._end_us = end_us
        self._declared = declared
        self._newest = NEVER_US
        self._numbers: dict[Series, int] = {}
        self._steps: dict[Series, int] = {}
        self._one_step: int | None = 1
        self._taps: dict[int, tuple[Callable[[int], None], Callable[[float], None]]] = {}
        self._know(_series_of(db))
        self._recover()
        # only where nobody calls for a checkpoint
        db.execute(f"PRAGMA wal_autocheckpoint = {4 * LOG_PAGES}").fetchall()

    @property
    def is_settled(self) -> bool:
        """Whether every sample is sealed and the journals are empty."""
        return not (any(self.filled) or self.late)

    def append(self, samples: Sequence[Sample]) -> list[Sample]:
        """Store samples of this month, sorted by stamp, in one transaction.

        A second sample in the same microsecond of a series moves one on; those that are moved past
        the month's end are not stored but given back.
        """
        placed = None
        with self.db.atomic():
            try:
                batch = self._columns(samples, numbers := self._numbers)
            except KeyError:
                numbers = self._with_new_series(samples)
                batch = self._columns(samples, numbers)
            if batch.stamps[0] <= self._newest or not self._follows(batch):
                placed = self._placed(batch, samples)
                self.db.conn.executemany(FULL.format(JOURNALS[self.active]), placed.main)
                self.db.conn.executemany(FULL.format("late"), placed.late)
        self.logged += LEAST_PAGES + len(samples) // ROWS_A_PAGE
        self._know(numbers)  # only after the commit: a rollback takes new series back
        if placed is None:
            self._buffer_columns(batch)
            return []
        self._buffer_rows(placed)
        return placed.beyond

    def checkpoint(self) -> None:
        """Copy the log into the file, as far as nobody reads it."""
        self.logged = 0
        self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def take_out(self, number: int, many: int, last_us: int, *, late: bool) -> None:
        """The first `many` samples of a series by time, up to `last_us`, are sealed."""
        buffers = self.late if late else self.main
        buffer = buffers[number]
        left = Buffer()
        if many < len(buffer.stamps):
            left.fill(buffer.columns().part(many, len(buffer.stamps)))
        buffers[number] = left
        if late:
            if not left.stamps:
                del buffers[number]
            return
        self.sealed[number] = last_us
        self._tap(number, left)
        if not left.stamps:
            for waiting in self.waiting:
                waiting.discard(number)

    def _tap(self, number: int, buffer: Buffer) -> None:
        self._taps[number] = buffer.stamps.append, buffer.values.append

    # -- series -------------------------------------------------------------------------------

    def _with_new_series(self, samples: Sequence[Sample]) -> dict[Series, int]:
        """The number of every series in this file, those of the samples included."""
        fresh = {sample.series for sample in samples}
        self.db.conn.executemany(NEW_SERIES, sorted(fresh))
        self._steps.update((each, self._declared(each).time_step_us) for each in fresh)
        self._one_step = self._common_step()
        return _series_of(self.db)

    def _common_step(self) -> int | None:
        steps = set(self._steps.values())
        return steps.pop() if len(steps) == 1 else None

    def _know(self, numbers: dict[Series, int]) -> None:
        if numbers is self._numbers:
            return
        for series, number in numbers.items():
            if series not in self._numbers:
                self.resolutions[number] = self._declared(series)
                self._steps[series] = self.resolutions[number].time_step_us
                self.sealed[number] = NEVER_US
                self.main[number] = Buffer()
                self._tap(number, self.main[number])
        self._numbers = numbers
        self._one_step = self._common_step()

    # -- placing ------------------------------------------------------------------------------

    def _columns(self, samples: Sequence[Sample], numbers: dict[Series, int]) -> Incoming:
        series, stamps, values, qualities, sources = zip(*samples, strict=True)
        found = list(map(numbers.__getitem__, series))
        odd = any(qualities) or sources.count(None) < len(sources)
        try:
            sound = math.isfinite(sum(values))
        except TypeError:  # some have no value
            sound = False
        if odd or not sound:
            pairs = [stored(*pair) for pair in zip(values, qualities, strict=True)]
            values, qualities = zip(*pairs, strict=True)
            odd = odd or any(qualities)
        rounded = self._rounded(series, stamps)
        return Incoming(rounded, found, values, qualities, sources, odd)

    def _rounded(self, series: Sequence[Series], stamps: Sequence[int]) -> Sequence[int]:
        step = self._one_step
        if step == 1:
            return stamps
        if step is not None:
            return [stamp - stamp % step for stamp in stamps]
        steps = map(self._steps.__getitem__, series)
        return [stamp - stamp % step for stamp, step in zip(stamps, steps, strict=True)]

    def _follows(self, batch: Incoming) -> bool:
        """Insert a batch that is later than all before it; False if two in it share a stamp."""
        table, conn = JOURNALS[self.active], self.db.conn
        conn.execute("SAVEPOINT batch")
        try:
            if batch.odd:
                conn.executemany(FULL.format(table), batch.rows())
            else:
                conn.executemany(PLAIN.format(table), zip(*batch[:3], strict=True))
        except sqlite3.IntegrityError:
            conn.execute("ROLLBACK TO batch")
            return False  # any other fault undoes the whole transaction
        conn.execute("RELEASE batch")
        return True

    def _placed(self, batch: Incoming, samples: Sequence[Sample]) -> Placed:
        """Each sample at the next free stamp of its series, before or after what is sealed."""
        taken: dict[int, _Taken] = {}
        placed = Placed([], [], [])
        for sample, row in zip(samples, batch.rows(), strict=True):
            number = row[1]
            if number not in taken:
                taken[number] = _Taken(self, number)
            stamp = taken[number].next_free(row[0])
            if stamp >= self._end_us:
                placed.beyond.append(sample)
            elif stamp <= self.sealed.get(number, NEVER_US):
                placed.late.append((stamp, *row[1:]))
            else:
                placed.main.append((stamp, *row[1:]))
        return placed

    # -- buffers ------------------------------------------------------------------------------

    def _buffer_columns(self, batch: Incoming) -> None:
        if batch.odd:
            for row in batch.rows():
                self.main[row[1]].add(row)
        else:
            taps = self._taps
            for stamp, number, value in zip(*batch[:3], strict=True):
                tap = taps[number]
                tap[0](stamp)
                tap[1](value)  # type: ignore[arg-type]  # not odd: none is missing
        self._came(batch.numbers, batch.stamps)

    def _buffer_rows(self, placed: Placed) -> None:
        for row in placed.main:
            self.main[row[1]].add(row)
        for row in placed.late:
            self.late.setdefault(row[1], Buffer()).add(row)
        if placed.main:
            self._came([row[1] for row in placed.main], [row[0] for row in placed.main])

    def _came(self, numbers: Iterable[int], stamps: Sequence[int]) -> None:
        self.waiting[self.active].update(numbers)
        self.filled[self.active] += len(stamps)
        self._newest = max(self._newest, max(stamps))

    def _recover(self) -> None:
        """What a former life stored and did not seal."""
        rows = self.db.execute("SELECT id, sealed_us FROM series").fetchall()
        self.sealed = dict(rows)
        self._newest = max(self.sealed.values(), default=NEVER_US)
        sql = "SELECT ts_us, series, value, quality, source_us FROM {}"
        for which, name in enumerate(JOURNALS):
            self.active = which
            for row in self.db.execute(sql.format(name)):
                self.filled[which] += 1
                if row[0] > self.sealed[row[1]]:
                    self.main[row[1]].add(row)
                    self._came(row[1:2], row[:1])
        for row in self.db.execute(sql.format("late")):
            self.late.setdefault(row[1], Buffer()).add(row)


class _Taken:
    """The stamps of one series that are in use, looked up as far as they are asked for.

    Stamps must be asked for in rising order.
    """

    def __init__(self, journal: MonthJournal, number: int) -> None:
        buffers = (journal.main.get(number), journal.late.get(number))
        self._stamps = {stamp for one in buffers if one is not None for stamp in one.stamps}
        self._db, self._number = journal.db, number
        self._sealed = journal.sealed.get(number, NEVER_US)
        self._known_to = NEVER_US

    def next_free(self, stamp: int) -> int:
        """The first stamp from here on that is free, taken with this call."""
        while self._is_taken(stamp):
            stamp += 1
        self._stamps.add(stamp)
        return stamp

    def _is_taken(self, stamp: int) -> bool:
        if self._known_to <= stamp <= self._sealed:
            self._known_to = stamp + MINUTE_US
            self._stamps.update(sealed_stamps(self._db, self._number, stamp, self._known_to))
        return stamp in self._stamps


def _series_of(db: Database) -> dict[Series, int]:
    rows = db.execute("SELECT id, device, signal, unit FROM series")
    return {Series(*name): number for number, *name in rows}
