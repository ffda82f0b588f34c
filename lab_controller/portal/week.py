"""The week of one machine as a reader scans it: each free cell, the rest in stretches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from booking.model import BookingPolicy
from booking.slots import Cell, CellState, DayColumn

CELL_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time of one state."""

    start: datetime
    end: datetime
    state: CellState

    @property
    def free(self) -> bool:
        """Whether it can be chosen."""
        return self.state is CellState.FREE


def cell_minutes(policy: BookingPolicy) -> int:
    """About an hour, in whole steps of the equipment."""
    step = policy.step_minutes
    return -(-CELL_MINUTES // step) * step


def usual_minutes(policy: BookingPolicy) -> int:
    """The length a form begins with: one cell, if the equipment permits that."""
    return max(policy.min_minutes, min(cell_minutes(policy), policy.max_minutes))


def stretches(column: DayColumn) -> Iterator[Stretch]:
    """A day's cells; neighbours that cannot be chosen for the same reason are one."""
    for state, group in groupby(column.cells, key=lambda cell: cell.state):
        cells: list[Cell] = list(group)
        if state is CellState.FREE:
            yield from (Stretch(cell.start, cell.end, state) for cell in cells)
        else:
            yield Stretch(cells[0].start, cells[-1].end, state)
