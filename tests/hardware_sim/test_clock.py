from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hardware_sim.clock import SimClock

START = datetime(2026, 11, 20, 1, tzinfo=UTC)


def test_the_text_form_is_read_back_to_the_same_clock() -> None:
    clock = SimClock(START, 60.0, 12345.678)
    assert str(clock) == "2026-11-20T01:00:00+00:00/60/12345.678"
    assert SimClock.parse(str(clock)) == clock


def test_lab_time_runs_factor_times_as_fast() -> None:
    clock = SimClock.begin(START, 1000.0)
    before = clock.elapsed()
    lab = (clock.now() - START).total_seconds()
    after = clock.elapsed()
    assert before <= lab + 1e-6
    assert lab <= after + 1e-6
    assert clock.real(1000.0) == 1.0


def test_no_text_is_the_wall_clock() -> None:
    clock = SimClock.parse("")
    assert clock.factor == 1.0
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize(
    "text", ["2026-11-20T01:00:00/60/1", "2026-11-20T01:00:00+00:00/0/1", "soon/60/1", "60"]
)
def test_a_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SimClock.parse(text)
