"""Opening hours are read strictly."""

from __future__ import annotations

import pytest

from booking.errors import BadInput
from booking.hours import ALWAYS_OPEN, WeekHours


def test_a_day_may_have_a_lunch_break_and_a_day_left_out_is_closed() -> None:
    week = WeekHours.parse({"mon": "09:00-12:00, 13:00-17:00", "tue": ""})
    assert week.days[0] == ((540, 720), (780, 1020))
    assert week.days[1:] == ((),) * 6


def test_a_day_may_last_until_midnight() -> None:
    assert WeekHours.parse({"sun": "0:00 - 24:00"}).days[6] == ALWAYS_OPEN.days[6]


@pytest.mark.parametrize(
    ("day", "text"),
    [
        ("mon", "9-17"),
        ("mon", "17:00-09:00"),
        ("mon", "09:00-09:00"),
        ("mon", "09:60-10:00"),
        ("mon", "09:00-10:99"),
        ("mon", "09:00-24:30"),
        ("mon", "いつでも"),
        ("monday", "09:00-17:00"),
    ],
)
def test_bad_hours_are_named(day: str, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        WeekHours.parse({day: text})
    assert caught.value.code == "booking.bad_hours"


@pytest.mark.parametrize("days", [((),) * 6, (((60, 30),), *((),) * 6), (((0, 1441),), *((),) * 6)])
def test_hours_built_by_hand_are_checked_too(days: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    with pytest.raises(BadInput):
        WeekHours(days)
