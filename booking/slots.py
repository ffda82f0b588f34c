"""Free time of one piece of equipment: what the open hours leave, and a week to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from booking.calendar import ONE_DAY, LabCalendar
from booking.hours import DAY_MINUTES
from booking.model import BookingPolicy, Equipment, Outage, Text
from booking.spans import Span, without


@dataclass(frozen=True, slots=True)
class Occupied:
    """What stands in the way on one piece of equipment: spans held by bookings, and outages."""

    busy: tuple[Span, ...] = ()
    outages: tuple[Outage, ...] = ()

    def outage_spans(self, until: datetime) -> list[Span]:
        """The outages as spans; an open end reaches to `until`."""
        return [
            Span(one.start, max(one.start, until if one.end is None else one.end))
            for one in self.outages
        ]


def bookable_window(policy: BookingPolicy, now: datetime) -> Span:
    """The first and the last start that notice and horizon permit."""
    return Span(
        now + timedelta(minutes=policy.notice_minutes), now + timedelta(days=policy.horizon_days)
    )


def free_spans(
    window: Span, equipment: Equipment, calendar: LabCalendar, occupied: Occupied
) -> list[Span]:
    """The time in the window where a slot may lie so that its buffers touch nobody else's span."""
    policy = equipment.policy
    until = window.end + policy.teardown
    holes = [*occupied.busy, *occupied.outage_spans(until)]
    # A slot's own buffers reach out; widening the holes by them, mirrored, says the same.
    kept_free = [hole.widened(policy.teardown, policy.setup) for hole in holes]
    return without(calendar.open_spans(window, policy.hours), kept_free)


def free_starts(
    window: Span,
    length: timedelta,
    equipment: Equipment,
    calendar: LabCalendar,
    occupied: Occupied,
) -> Iterator[datetime]:
    """Every aligned start in the window, both ends included, from which the length is free."""
    step = equipment.policy.step_minutes
    reach = Span(window.start, window.end + length)
    for span in free_spans(reach, equipment, calendar, occupied):
        start = calendar.align_up(span.start, step)
        while start + length <= span.end and start <= window.end:
            yield start
            start = calendar.align_up(start + timedelta(minutes=1), step)


class CellState(StrEnum):
    """Why a cell of the week can or cannot be chosen."""

    FREE = "free"
    TAKEN = "taken"
    OUTAGE = "outage"
    CLOSED = "closed"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"


@dataclass(frozen=True, slots=True)
class Cell:
    """One slot of the week's grid."""

    start: datetime
    end: datetime
    state: CellState


@dataclass(frozen=True, slots=True)
class DayColumn:
    """One local day of the grid, with the holiday's name when the lab is closed for it."""

    day: date
    holiday: Text | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class WeekGrid:
    """Days by times of day: `rows` are wall-clock starts (`09:00`), the same for every day."""

    equipment_id: str
    rows: tuple[str, ...]
    days: tuple[DayColumn, ...]

    @property
    def free(self) -> tuple[Cell, ...]:
        """The cells that can be chosen, in time order."""
        cells = (cell for column in self.days for cell in column.cells)
        return tuple(cell for cell in cells if cell.state is CellState.FREE)


def week_grid(
    equipment: Equipment,
    calendar: LabCalendar,
    occupied: Occupied,
    first_day: date,
    now: datetime,
    *,
    day_count: int = 7,
    cell_minutes: int = 60,
) -> WeekGrid:
    """The days from `first_day` cut into cells between the earliest opening and latest closing."""
    days = [first_day + number * ONE_DAY for number in range(day_count)]
    hours = equipment.policy.hours or calendar.hours
    ranges = [span for day in days for span in hours.days[day.weekday()]]
    opens = min((start for start, _ in ranges), default=0) // cell_minutes * cell_minutes
    closes = min(max((end for _, end in ranges), default=0), DAY_MINUTES)
    minutes = range(opens, closes, cell_minutes)
    window = Span(calendar.at(days[0], 0), calendar.at(days[-1], DAY_MINUTES))
    look = _Look(
        equipment,
        calendar,
        occupied,
        calendar.open_spans(window, equipment.policy.hours),
        free_spans(window, equipment, calendar, occupied),
        bookable_window(equipment.policy, now),
    )
    columns = [
        DayColumn(
            day,
            calendar.holiday_on(day),
            tuple(look.cell(calendar.at(day, minute), cell_minutes) for minute in minutes),
        )
        for day in days
    ]
    rows = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in minutes)
    return WeekGrid(equipment.id, rows, tuple(columns))


@dataclass(frozen=True, slots=True)
class _Look:
    equipment: Equipment
    calendar: LabCalendar
    occupied: Occupied
    opened: Sequence[Span]
    free: Sequence[Span]
    window: Span

    def cell(self, start: datetime, minutes: int) -> Cell:
        slot = Span(start, start + timedelta(minutes=minutes))
        return Cell(slot.start, slot.end, self._state(slot))

    def _state(self, slot: Span) -> CellState:
        if not any(span.contains(slot) for span in self.opened):
            return CellState.CLOSED
        if slot.start < self.window.start:
            return CellState.TOO_SOON
        if slot.start > self.window.end:
            return CellState.TOO_FAR
        if any(span.contains(slot) for span in self.free):
            return CellState.FREE
        held = self.equipment.policy.busy(slot)
        out = self.occupied.outage_spans(held.end)
        return CellState.OUTAGE if any(o.overlaps(held) for o in out) else CellState.TAKEN
