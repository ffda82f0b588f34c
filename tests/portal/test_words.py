"""The pages' own words: days, times and every text a template asks for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest

from booking.calendar import LabCalendar
from booking.hours import ALWAYS_OPEN
from lab_controller.i18n import LANGUAGES, catalogue
from lab_controller.portal.words import Words

JA, EN = (Words(language, LabCalendar(ALWAYS_OPEN)) for language in LANGUAGES)
PORTAL = files("lab_controller.portal")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 on Tokyo's clock."""
    return datetime.fromisoformat(f"2026-11-{day:02d}T{hour:02d}:{minute:02d}+09:00").astimezone(
        UTC
    )


def test_days_carry_weekday_and_western_year() -> None:
    assert JA.day(date(2026, 11, 20)) == "2026年11月20日(金)"
    assert EN.day(date(2026, 11, 20)) == "Fri 2026-11-20"


def test_a_moment_is_the_labs_wall_clock() -> None:
    assert JA.moment(datetime(2026, 11, 20, 15, 5, tzinfo=UTC)) == "2026年11月21日(土) 0:05"


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (at(20, 12, 30), "12:30"),
        (at(21, 0), "24:00"),
        (at(21, 1, 30), "翌日 1:30"),
        (at(23, 1), "2026年11月23日(月) 1:00"),
    ],
)
def test_an_end_names_its_day_only_where_it_must(end: datetime, shown: str) -> None:
    assert JA.slot(at(20, 10), end) == f"2026年11月20日(金) 10:00〜{shown}"


@pytest.mark.parametrize(("minutes", "shown"), [(30, "30分"), (90, "90分"), (240, "4時間")])
def test_lengths_are_hours_where_they_are_whole(minutes: int, shown: str) -> None:
    assert JA.length(minutes) == shown


def test_fees() -> None:
    assert [JA.fee(yen) for yen in (0, 12000)] == ["無料", "1時間 12,000円"]


def test_a_word_we_have_no_name_for_shows_itself() -> None:
    assert JA.named("qualification", "lathe-2") == "lathe-2"


def source() -> str:
    """The portal's modules and templates as one text."""
    folders = (PORTAL, PORTAL / "templates")
    found = [one for folder in folders for one in folder.iterdir()]
    return "\n".join(one.read_text("utf-8") for one in found if one.name.endswith((".py", ".html")))


def asked_for() -> set[str]:
    """Every whole key that is named."""
    found = re.findall(r"""["']((?:portal|booking|lab)\.[a-z0-9_.]*[a-z0-9_])["']""", source())
    files_and_codes = {"portal.css", "booking.html", "booking.naive_time"}
    return set(found) - files_and_codes


def put_together() -> tuple[str, ...]:
    """The beginnings of keys whose end is only known when a page is made."""
    kinds = {f"portal.{kind}." for kind in re.findall(r'named\("(\w+)"', source())}
    return tuple(kinds | set(re.findall(r'"(portal\.\w+\.)(?:" ~|\{)', source())))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_is_asked_for_is_there(language: str) -> None:
    assert asked_for() - set(catalogue(language)) == set()


def test_no_text_of_the_portal_is_left_over() -> None:
    own = {key for key in catalogue("ja") if key.startswith("portal.")}
    marks = {
        f"portal.{mark}" for mark in (*re.findall(r'mark="(\w+)"', source()), "minutes", "hours")
    }
    left = own - asked_for() - marks
    assert {key for key in left if not key.startswith(put_together())} == set()
