"""From the journal into chunks and roll-ups, a few series at a time.

A step packs first and writes then: one short transaction with the chunks, the minutes and hours
they touch, and how far each series is sealed. Copying the log into the file is a step too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice

from trial_logs.axis import HOUR_US, MINUTE_US
from trial_logs.migrations import JOURNALS, NEVER_US
from trial_logs.samples.codec import encode
from trial_logs.samples.columns import (
    Buffer,
    Columns,
    Summary,
    folded,
    stretches,
    summary,
)
from trial_logs.samples.journal import LOG_PAGES, MonthJournal

FULL_AT, AT_MOST = 1_000, 2_000
OLD_AFTER_US = (
    1_200_000_000  # at 1 Hz a thousand samples come first, and chunks of these fill pages
)
CHUNKS_A_STEP = 8
PAGES_A_CHUNK = 8
"""About so many pages a chunk touches, those of its minutes, hours and series included."""
ROWS_A_JOURNAL = 40_000
"""Emptying visits every row: so many take a few milliseconds."""

NORMAL = 1

CHUNK = """INSERT INTO chunk (series, t0_us, t1_us, samples, minimum, maximum, total, count, worst,
    packed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
SEALED = """UPDATE series SET sealed_us = max(sealed_us, ?), longest_us = max(longest_us, ?)
    WHERE id = ?"""
# min() and max() of two with a NULL is NULL, hence coalesce()
ROLLUP = """INSERT INTO {} (series, t_us, minimum, maximum, total, count, worst)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (series, t_us) DO UPDATE SET
    minimum = min(coalesce(minimum, excluded.minimum), coalesce(excluded.minimum, minimum)),
    maximum = max(coalesce(maximum, excluded.maximum), coalesce(excluded.maximum, maximum)),
    total = total + excluded.total, count = count + excluded.count,
    worst = max(worst, excluded.worst)"""
MINUTES, HOURS = ROLLUP.format("r60"), ROLLUP.format("r3600")
TAKE_OUT = "DELETE FROM late WHERE series = ? AND ts_us <= ?"
EMPTY = "DELETE FROM {}"  # without WHERE: the pages are let go, not the rows one by one
RollupRow = tuple[int, int, float | None, float | None, float, int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk ready to be written; `late`: it lies before what is sealed of its series."""

    number: int
    columns: Columns
    packed: bytes
    minutes: list[RollupRow]
    hours: list[RollupRow]
    whole: Summary
    late: bool


def seal_some(journal: MonthJournal, now_us: int, *, month_over: bool = False) -> bool:
    """Seal what is due, at most `CHUNKS_A_STEP` chunks; whether there was anything to do.

    Due is a series with 1,000 samples as soon as it can share its transaction with seven others
    or has 2,000, and one whose samples have waited for ten minutes; all when the month is over.
    """
    if journal.logged >= LOG_PAGES:
        journal.checkpoint()
        return True
    if journal.filled[journal.active] >= ROWS_A_JOURNAL and 0 in journal.filled:
        journal.active = journal.filled.index(0)
    due = _due(journal, now_us, month_over)
    if not due:
        return _empty_one(journal)
    pieces = list(islice(_packed(journal, due), CHUNKS_A_STEP))
    with _not_waiting_for_the_disk(journal):
        _write(journal, pieces)
    journal.logged += PAGES_A_CHUNK * len(pieces)
    for piece in pieces:
        stamps = piece.columns.stamps
        journal.take_out(piece.number, len(stamps), stamps[-1], late=piece.late)
    return True


@contextmanager
def _not_waiting_for_the_disk(journal: MonthJournal) -> Iterator[None]:
    """A transaction that is durable with the next one that is, at the latest.

    Its samples are durable in the journal; where the power fails they are found there as if they
    had never been sealed, since what is lost of a log is always its end.
    """
    db = journal.db
    (level,) = db.execute("PRAGMA synchronous").fetchone()
    db.execute(f"PRAGMA synchronous = {min(level, NORMAL)}")
    try:
        with db.atomic():
            yield
    finally:
        db.execute(f"PRAGMA synchronous = {level}")


def _due(journal: MonthJournal, now_us: int, month_over: bool) -> list[tuple[int, bool, Buffer]]:
    full: list[tuple[int, bool, Buffer]] = []
    urgent: list[tuple[int, bool, Buffer]] = []
    for late, buffers in ((False, journal.main), (True, journal.late)):
        for number, buffer in buffers.items():
            many = len(buffer.stamps)
            if not many:
                continue
            if buffer.since_us is None:
                buffer.since_us = now_us
            if month_over or many >= AT_MOST or now_us - buffer.since_us >= OLD_AFTER_US:
                urgent.append((number, late, buffer))
            elif many >= FULL_AT:
                full.append((number, late, buffer))
    return [*urgent, *full] if urgent or len(full) >= CHUNKS_A_STEP else []


def _packed(journal: MonthJournal, due: list[tuple[int, bool, Buffer]]) -> Iterator[Piece]:
    for number, late, buffer in due:
        columns, step = buffer.columns(), journal.resolutions[number].value_step
        first, many = 0, len(columns.stamps)
        while first < many:
            last = many if many - first <= AT_MOST else first + FULL_AT
            yield _piece(number, columns.part(first, last), step, late)
            first = last


def _piece(number: int, columns: Columns, step: float | None, late: bool) -> Piece:
    minutes = [
        (start, summary(columns, first, last))
        for start, first, last in stretches(columns.stamps, MINUTE_US)
    ]
    hours = [
        (start, folded([one for _, one in same]))
        for start, same in groupby(minutes, lambda row: row[0] - row[0] % HOUR_US)
    ]
    return Piece(
        number,
        columns,
        encode(columns, step),
        [(number, start, *one) for start, one in minutes],
        [(number, start, *one) for start, one in hours],
        folded([one for _, one in hours]),
        late,
    )


def _write(journal: MonthJournal, pieces: list[Piece]) -> None:
    conn = journal.db.conn
    conn.executemany(CHUNK, [_chunk_row(piece) for piece in pieces])
    conn.executemany(MINUTES, [row for piece in pieces for row in piece.minutes])
    conn.executemany(HOURS, [row for piece in pieces for row in piece.hours])
    for piece in pieces:
        first, last = piece.columns.stamps[0], piece.columns.stamps[-1]
        sealed_us = NEVER_US if piece.late else last
        conn.execute(SEALED, (sealed_us, last - first, piece.number))
        if piece.late:
            conn.execute(TAKE_OUT, (piece.number, last))


def _chunk_row(piece: Piece) -> tuple[object, ...]:
    stamps = piece.columns.stamps
    return (piece.number, stamps[0], stamps[-1], len(stamps), *piece.whole, piece.packed)


def _empty_one(journal: MonthJournal) -> bool:
    """Empty a journal all of which is sealed; whether there was one."""
    for which, name in enumerate(JOURNALS):
        if journal.filled[which] and not journal.waiting[which]:
            with _not_waiting_for_the_disk(journal):
                journal.db.execute(EMPTY.format(name))
            journal.filled[which] = 0
            return True
    return False
