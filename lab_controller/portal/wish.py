"""Between the form and the booking room's words: what was typed, and what can be chosen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.calendar import LabCalendar
from booking.errors import Problem
from booking.hours import DAY_MINUTES
from booking.model import BookingRequest, Equipment, NewParty
from lab_controller.portal.words import Words

TIMES = ("day", "start", "end")
TEXTS = ("company", "kana", "contact_name", "phone", "email", "head_count", "purpose")
FIELDS = TIMES + TEXTS
NEVER = datetime.min  # noqa: DTZ901 - no zone on purpose: the rules then look at the rest only

_CLOCK = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)
Choice = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """A form as a request to the rules, and what could not even be read."""

    request: BookingRequest
    unreadable: tuple[Problem, ...]

    def all_problems(self, found: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
        """What could not be read, then what the rules found in the rest."""
        return [*self.unreadable, *(one for one in found if one.code != "booking.naive_time")]


def read(typed: Mapping[str, str], equipment: str, calendar: LabCalendar, language: str) -> Wish:
    """The request a filled-in form stands for."""
    day, count = _day(typed.get("day", "")), _count(typed.get("head_count", ""))
    times = [_instant(calendar, day, typed.get(name, "")) for name in ("start", "end")]
    unreadable = []
    if None in times:
        unreadable.append(Problem("portal.unreadable_time", field="start"))
    if count is None:
        unreadable.append(Problem("portal.unreadable_count", field="head_count"))
    start, end = (NEVER if None in times else time or NEVER for time in times)
    visitor = NewParty(
        company=typed.get("company", ""),
        contact_name=typed.get("contact_name", ""),
        phone=typed.get("phone", ""),
        email=typed.get("email", ""),
        kana=typed.get("kana", ""),
    )
    request = BookingRequest(
        equipment_id=equipment,
        start=start,
        end=end,
        idempotency_key=typed.get("key", ""),
        new_party=visitor,
        purpose=typed.get("purpose", ""),
        head_count=1 if count is None else count,
        language=language,
    )
    return Wish(request, tuple(unreadable))


def times_of(calendar: LabCalendar, start: datetime, length: timedelta) -> dict[str, str]:
    """A slot as the form's three fields hold it."""
    local = calendar.local(start)
    minutes = local.hour * 60 + local.minute
    end = minutes + int(length.total_seconds()) // 60
    return {"day": local.date().isoformat(), "start": _clock(minutes), "end": _clock(end)}


def parse_wall_time(calendar: LabCalendar, text: str) -> datetime | None:
    """The instant of such a start."""
    day, _, clock = text.partition("T")
    return _instant(calendar, _day(day), clock)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the three lists of the form offer; what was typed is always among it."""

    days: list[Choice]
    starts: list[Choice]
    ends: list[Choice]


def choices(equipment: Equipment, words: Words, now: datetime, typed: Mapping[str, str]) -> Choices:
    """Days up to the horizon, times in the equipment's steps within the longest opening."""
    policy, calendar = equipment.policy, words.calendar
    ranges = [span for day in (policy.hours or calendar.hours).days for span in day]
    opens = min((start for start, _ in ranges), default=0)
    closes = max((end for _, end in ranges), default=DAY_MINUTES)
    # Where the lab is open over midnight a slot may end on the next day.
    over = policy.max_minutes if opens == 0 and closes == DAY_MINUTES else 0
    step = policy.step_minutes
    today = calendar.day_of(now)
    starts = [(_clock(at), _clock(at)) for at in range(opens, closes, step)]
    ends = [
        (_clock(at), words.end_label(at)) for at in range(opens + step, closes + over + 1, step)
    ]
    return Choices(
        _with(list(_days(words, today, policy.horizon_days)), typed.get("day", "")),
        _with(starts, typed.get("start", "")),
        _with(ends, typed.get("end", "")),
    )


def _days(words: Words, today: date, horizon_days: int) -> Iterator[Choice]:
    for number in range(horizon_days + 1):
        day = today + timedelta(days=number)
        holiday = words.calendar.holiday_on(day)
        label = words.day(day)
        if holiday:
            name = holiday.in_language(words.language)
            label = words.text("portal.day_closed", day=label, name=name)
        yield day.isoformat(), label


def _with(offered: list[Choice], typed: str) -> list[Choice]:
    if not typed or typed in (value for value, _ in offered):
        return offered
    return [*offered, (typed, typed)]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _count(text: str) -> int | None:
    plain = unicodedata.normalize("NFKC", text).strip()
    return int(plain) if re.fullmatch(r"-?[0-9]{1,9}", plain) else None


def _instant(calendar: LabCalendar, day: date | None, clock: str) -> datetime | None:
    match = _CLOCK.fullmatch(clock)
    if day is None or match is None or int(match[2]) > 59:
        return None
    try:
        return calendar.at(day, int(match[1]) * 60 + int(match[2]))
    except OverflowError:
        return None


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
