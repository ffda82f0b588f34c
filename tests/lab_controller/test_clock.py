"""Lab time: what the textual form says, and how it runs."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_controller.clock import LabClock

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def test_the_shared_form_reads_as_written() -> None:
    clock = LabClock.parse("2026-11-20T10:00:00+09:00/60/12345.678")
    assert clock == LabClock(START, 60.0, 12345.678)


def test_no_text_is_the_real_clock() -> None:
    clock = LabClock.parse("")
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert (clock.factor, clock.real_seconds(7.0), str(clock)) == (1.0, 7.0, "")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T01:00:00/60/1",  # no zone
        "2026-11-20T01:00:00+00:00/60",
        "2026-11-20T01:00:00+00:00/60/1/2",
        "yesterday/60/1",
        "2026-11-20T01:00:00+00:00/fast/1",
        "2026-11-20T01:00:00+00:00/0/1",
        "2026-11-20T01:00:00+00:00/-1/1",
        "2026-11-20T01:00:00+00:00/nan/1",
        "2026-11-20T01:00:00+00:00/inf/1",
        "2026-11-20T01:00:00+00:00/60/inf",
        "0001-01-01T00:00:00+14:00/60/1",
    ],
)
def test_what_is_no_clock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        LabClock.parse(text)


zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))


@given(
    start=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=zones),  # noqa: DTZ001
    factor=st.floats(0.001, 100_000),
    origin=st.floats(0, 1e9),
)
def test_the_form_survives_a_round_trip(start: datetime, factor: float, origin: float) -> None:
    clock = LabClock(start.astimezone(UTC), factor, origin)
    assert LabClock.parse(str(clock)) == clock


def test_lab_time_runs_by_its_factor() -> None:
    clock = LabClock(START, 3600.0, time.monotonic() - 2.0)
    assert timedelta(hours=2) <= clock.now() - START < timedelta(hours=2, minutes=30)
    assert clock.real_seconds(3600.0) == 1.0


def test_a_clock_begins_at_its_start() -> None:
    clock = LabClock.beginning(START.astimezone(timezone(timedelta(hours=9))), 1.0)
    assert math.isclose((clock.now() - START).total_seconds(), 0.0, abs_tol=0.5)
    assert clock.now().tzinfo is UTC
