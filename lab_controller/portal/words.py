"""What a page says, in the reader's language: texts, days, times, fees, problems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from booking.calendar import LabCalendar
from booking.errors import Problem
from booking.hours import DAY_MINUTES
from lab_controller.i18n import catalogue, say, text


@dataclass(frozen=True, slots=True)
class Words:
    """One reader's language on the lab's wall clock."""

    language: str
    calendar: LabCalendar

    def text(self, code: str, /, **params: object) -> str:
        """The sentence for a code."""
        return text(self.language, code, params)

    def named(self, kind: str, name: str) -> str:
        """The public name of a configured word, or the word itself where we have none."""
        return catalogue(self.language).get(f"portal.{kind}.{name}", name)

    def day(self, day: date) -> str:
        """A day with its weekday, years counted in the Western way."""
        return self._dated("portal.day", day)

    def short_day(self, day: date) -> str:
        """The day without its year, for lists within a few weeks."""
        return self._dated("portal.short_day", day)

    def moment(self, when: datetime) -> str:
        """Day and time."""
        local = self.calendar.local(when)
        return f"{self.day(local.date())} {clock(local.hour * 60 + local.minute)}"

    def slot(self, start: datetime, end: datetime) -> str:
        """A slot; its end names a day only when that is another one."""
        return self.text("portal.slot", start=self.moment(start), end=self._end(start, end))

    def hours(self, start: datetime, end: datetime) -> str:
        """A stretch within one day, without the day."""
        local = self.calendar.local(start)
        begins = clock(local.hour * 60 + local.minute)
        return self.text("portal.slot", start=begins, end=self._end(start, end))

    def local_day(self, when: datetime) -> date:
        """The lab's calendar day of an instant."""
        return self.calendar.day_of(when)

    def wall_time(self, when: datetime) -> str:
        """The lab's wall clock as it stands in an address: `2026-11-20T10:00`."""
        return self.calendar.local(when).strftime("%Y-%m-%dT%H:%M")

    def wall_clock(self, when: datetime) -> str:
        """The time of day."""
        local = self.calendar.local(when)
        return clock(local.hour * 60 + local.minute)

    def end_label(self, minutes: int) -> str:
        """An end counted from a day's midnight; after the next midnight it says so."""
        if minutes <= DAY_MINUTES:
            return clock(minutes)
        return self.text("portal.next_day", time=clock(minutes - DAY_MINUTES))

    def length(self, minutes: int) -> str:
        """How long, in hours where they are whole."""
        hours, rest = divmod(minutes, 60)
        unit, count = ("minutes", minutes) if rest else ("hours", hours)
        return self.text(f"portal.{unit}", count=count)

    def fee(self, yen_per_hour: int) -> str:
        """What an hour costs."""
        if not yen_per_hour:
            return self.text("portal.fee_none")
        return self.text("portal.fee_hourly", yen=f"{yen_per_hour:,}")

    def problem(self, problem: Problem) -> str:
        """A problem's sentence."""
        return say(self.language, problem)

    def _end(self, start: datetime, end: datetime) -> str:
        first = self.calendar.local(start).date()
        last = self.calendar.local(end)
        minutes = (last.date() - first).days * DAY_MINUTES + last.hour * 60 + last.minute
        return self.end_label(minutes) if minutes < 2 * DAY_MINUTES else self.moment(end)

    def _dated(self, code: str, day: date) -> str:
        weekday = self.text(f"portal.weekday.{day.weekday()}")
        return self.text(code, year=day.year, month=day.month, day=day.day, weekday=weekday)


def clock(minutes: int) -> str:
    """Minutes after midnight as `9:30`."""
    return f"{minutes // 60}:{minutes % 60:02d}"
