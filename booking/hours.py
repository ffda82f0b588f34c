"""Opening hours of a week as wall-clock minutes; the zone they are in is the calendar's matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from booking.errors import BadInput

DAY_MINUTES = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")

OpenMinutes = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class WeekHours:
    """Seven days from Monday; each a tuple of (open, close) minutes after local midnight.

    A close of 1440 is midnight at the end of the day, so hours over midnight are two entries.
    """

    days: tuple[OpenMinutes, ...]

    def __post_init__(self) -> None:
        ranges = [span for day in self.days for span in day]
        if len(self.days) != len(WEEKDAYS):
            raise BadInput("booking.bad_hours", text=self.days, day="")
        for opens, closes in ranges:
            if not 0 <= opens < closes <= DAY_MINUTES:
                raise BadInput("booking.bad_hours", text=f"{opens}-{closes}", day="")

    @classmethod
    def parse(cls, week: Mapping[str, str]) -> WeekHours:
        """Read `{"mon": "09:00-12:00, 13:00-17:00", …}`; a day left out or empty is closed.

        Raises BadInput `booking.bad_hours` with the day and the text.
        """
        unknown = set(week) - set(WEEKDAYS)
        if unknown:
            raise BadInput("booking.bad_hours", text=" ".join(sorted(unknown)), day="")
        return cls(tuple(_parse_day(day, week.get(day, "")) for day in WEEKDAYS))


def _parse_day(day: str, text: str) -> OpenMinutes:
    ranges = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise BadInput("booking.bad_hours", text=part, day=day)
        open_hour, open_minute, close_hour, close_minute = map(int, match.groups())
        opens, closes = open_hour * 60 + open_minute, close_hour * 60 + close_minute
        if not opens < closes <= DAY_MINUTES or max(open_minute, close_minute) > 59:
            raise BadInput("booking.bad_hours", text=part, day=day)
        ranges.append((opens, closes))
    return tuple(ranges)


ALWAYS_OPEN = WeekHours((((0, DAY_MINUTES),),) * 7)
"""Open day and night, every day of the week."""
