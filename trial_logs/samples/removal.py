"""Forgetting: the beginning of a month to the microsecond, and what retention no longer keeps."""

from __future__ import annotations

from sqlite_utils import Database

from trial_logs.axis import HOUR_US, MINUTE_US
from trial_logs.migrations import UNSEALED
from trial_logs.samples.codec import decode, encode
from trial_logs.samples.columns import Columns, stretches, summary
from trial_logs.samples.sealing import MINUTES

ENDLESS_US = 1 << 62
CUT = """UPDATE chunk SET t0_us = ?, samples = ?, minimum = ?, maximum = ?, total = ?, count = ?,
    worst = ?, packed = ? WHERE id = ?"""
HOURS_AGAIN = """INSERT INTO r3600 (series, t_us, minimum, maximum, total, count, worst)
    SELECT series, ?, min(minimum), max(maximum), sum(total), sum(count), max(worst)
    FROM r60 WHERE t_us >= ? AND t_us < ? GROUP BY series"""


def drop_before(db: Database, t: int) -> None:
    """Forget every sample of a month before `t` µs, its roll-ups too, in one transaction."""
    minute, hour = t - t % MINUTE_US, t - t % HOUR_US
    with db.atomic():
        for name in UNSEALED:
            db.execute(f"DELETE FROM {name} WHERE ts_us < ?", [t])  # noqa: S608
        db.execute("DELETE FROM chunk WHERE t1_us < ?", [t])
        crossing = "SELECT id, series, t0_us, samples, packed FROM chunk WHERE t0_us < ?"
        for chunk, _, first, many, packed in db.execute(crossing, [t]).fetchall():
            left = decode(first, many, packed).between(t, ENDLESS_US)
            whole = summary(left, 0, len(left.stamps))
            cut = (left.stamps[0], len(left.stamps), *whole, encode(left), chunk)
            db.execute(CUT, cut)
        db.execute("DELETE FROM r60 WHERE t_us < ?", [t])
        db.execute("DELETE FROM r3600 WHERE t_us < ?", [t])
        for _, number, first, many, packed in db.execute(crossing, [minute + MINUTE_US]).fetchall():
            if minute < t:
                left = decode(first, many, packed).between(t, minute + MINUTE_US)
                db.conn.executemany(MINUTES, _minute_rows(number, left))
        if hour < t:
            db.execute(HOURS_AGAIN, [hour, hour, hour + HOUR_US])


def _minute_rows(number: int, columns: Columns) -> list[tuple[object, ...]]:
    found = stretches(columns.stamps, MINUTE_US)
    return [(number, start, *summary(columns, first, last)) for start, first, last in found]
