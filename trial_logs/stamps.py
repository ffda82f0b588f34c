"""Aware datetimes to integer stamps since 1970-01-01 UTC and back, without a float in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_US = timedelta(microseconds=1)


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch, rounded down. A naive time raises TypeError."""
    return (at - EPOCH) // _MS


def to_us(at: datetime) -> int:
    """Microseconds since the epoch. A naive time raises TypeError."""
    return (at - EPOCH) // _US


def from_ms(stamp: int) -> datetime:
    """The UTC time of a millisecond stamp."""
    return EPOCH + stamp * _MS


def from_us(stamp: int) -> datetime:
    """The UTC time of a microsecond stamp."""
    return EPOCH + stamp * _US


def month_of(stamp_us: int) -> str:
    """The UTC month a microsecond stamp lies in, as `YYYY-MM`."""
    at = from_us(stamp_us)
    return f"{at.year:04}-{at.month:02}"


def month_bounds_us(key: str) -> tuple[int, int]:
    """First microsecond of the UTC month `YYYY-MM` and of the month after it."""
    year, month = (int(part) for part in key.split("-"))
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    first, after = datetime(year, month, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)
    return to_us(first), to_us(after)
