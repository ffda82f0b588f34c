"""When the lab is open: opening hours, Japanese holidays and closures, in the lab's own zone.

The only place that knows local time. Everything in and out is aware UTC or a local calendar day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holidays import country_holidays

from booking.errors import BadInput
from booking.hours import DAY_MINUTES, WeekHours
from booking.model import Closure, Text
from booking.spans import Span, merged, without

ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LabCalendar:
    """The lab's zone, week, holidays and closures. Raises BadInput `booking.bad_zone`."""

    hours: WeekHours
    zone: str = "Asia/Tokyo"
    closed_on_holidays: bool = True
    closures: tuple[Closure, ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
            raise BadInput("booking.bad_zone", zone=self.zone) from fault

    def local(self, when: datetime) -> datetime:
        """The instant on the lab's wall clock."""
        return when.astimezone(ZoneInfo(self.zone))

    def day_of(self, when: datetime) -> date:
        """The lab's calendar day of an instant."""
        return self.local(when).date()

    def days(self, span: Span) -> Iterator[date]:
        """The local days a span touches."""
        day = self.day_of(span.start)
        last = self.day_of(span.end - timedelta(microseconds=1))
        while day <= last:
            yield day
            day += ONE_DAY

    def at(self, day: date, minute: int) -> datetime:
        """The instant when the wall clock shows that minute of the day (1440: next midnight)."""
        return _instant(self.zone, day, minute)

    def whole_day(self, day: date) -> Span:
        """From local midnight to the next."""
        return Span(self.at(day, 0), self.at(day, DAY_MINUTES))

    def hours_on(self, day: date, hours: WeekHours | None = None) -> list[Span]:
        """The week's hours on that day, holidays and closures not yet taken out."""
        ranges = (hours or self.hours).days[day.weekday()]
        return [Span(self.at(day, opens), self.at(day, closes)) for opens, closes in ranges]

    def regular_spans(self, span: Span, hours: WeekHours | None = None) -> list[Span]:
        """The week's hours on all days the span touches, merged."""
        return merged(hour for day in self.days(span) for hour in self.hours_on(day, hours))

    def holiday_on(self, day: date) -> Text | None:
        """The holiday the lab is closed on, by name."""
        return public_holiday(day) if self.closed_on_holidays else None

    def closures_in(self, span: Span) -> list[Closure]:
        """The closures that share time with the span."""
        return [closure for closure in self.closures if closure.span.overlaps(span)]

    def open_spans(self, span: Span, hours: WeekHours | None = None) -> list[Span]:
        """The bookable time within the span: hours less holidays less closures."""
        shut = [closure.span for closure in self.closures_in(span)]
        shut += [self.whole_day(day) for day in self.days(span) if self.holiday_on(day)]
        inside = without(self.regular_spans(span, hours), shut)
        cut = (Span(max(one.start, span.start), min(one.end, span.end)) for one in inside)
        return merged(cut)

    def is_aligned(self, when: datetime, step_minutes: int) -> bool:
        """Whether the wall clock stands on a step counted from midnight."""
        local = self.local(when)
        return not local.second and not local.microsecond and self._past(local, step_minutes) == 0

    def align_up(self, when: datetime, step_minutes: int) -> datetime:
        """The first aligned instant at or after `when`."""
        whole = when.replace(second=0, microsecond=0)
        when = whole if whole == when else whole + ONE_MINUTE
        # Where a zone turns its clock, one jump may miss the step; then it jumps again.
        while past := self._past(self.local(when), step_minutes):
            when += timedelta(minutes=step_minutes - past)
        return when

    @staticmethod
    def _past(local: datetime, step_minutes: int) -> int:
        return (local.hour * 60 + local.minute) % step_minutes

    def show(self, when: datetime) -> str:
        """The instant as `2026-11-20 10:00` on the lab's wall clock."""
        try:
            return self.local(when).strftime("%Y-%m-%d %H:%M")
        except OverflowError:  # the first and last day of the calendar have no local form
            return when.strftime("%Y-%m-%d %H:%M")


@lru_cache(maxsize=16384)
def _instant(zone: str, day: date, minute: int) -> datetime:
    """Kept, for every look at a calendar asks for the same openings of the same weeks."""
    days, minute = divmod(minute, DAY_MINUTES)
    clock = time(*divmod(minute, 60), tzinfo=ZoneInfo(zone))
    return datetime.combine(day + days * ONE_DAY, clock).astimezone(UTC)


@lru_cache(maxsize=16384)
def public_holiday(day: date) -> Text | None:
    """The Japanese public holiday of a day, substitute and sandwiched holidays included."""
    japanese, english = _holidays(day.year)
    return Text(japanese[day], english[day]) if day in japanese else None


@lru_cache(maxsize=256)
def _holidays(year: int) -> tuple[dict[date, str], dict[date, str]]:
    japanese = country_holidays("JP", years=year, language="ja", expand=False)
    english = country_holidays("JP", years=year, language="en_US", expand=False)
    return dict(japanese), dict(english)
