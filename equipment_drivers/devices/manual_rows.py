"""What a person states or a file lists of measurements, checked row by row.

A CSV has a header with `time`, `signal`, `value` and, where one likes, `unit`, in any order. All
its rows are taken or none, and every row that is wrong is named with its line.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from equipment_drivers.errors import Refused

COLUMNS = frozenset({"time", "signal", "value"})
OPTIONAL = frozenset({"unit"})
MOST_NAMED = 20


class RowsRefused(Refused):
    """The rows of a CSV are not taken: `lines` names what is wrong, `count` how many there are."""

    code = "driver.rows_refused"


class Bounded(Protocol):
    """What a signal promises: its unit, and the bounds its values must keep."""

    @property
    def unit(self) -> str: ...

    @property
    def min(self) -> float | None: ...

    @property
    def max(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement of a file; `at` is aware UTC."""

    line: int
    signal: str
    at: datetime
    value: float

    @property
    def key(self) -> tuple[str, datetime]:
        """What makes it the same measurement as another."""
        return self.signal, self.at


@dataclass(frozen=True, slots=True)
class Measure:
    """How rows are judged: the signals there are, the zone of a time without one, and now."""

    signals: Mapping[str, Bounded]
    zone: ZoneInfo
    now: datetime
    ahead: timedelta

    def time(self, text: str) -> datetime:
        """A stated time (ISO 8601, slashes allowed) in UTC. Raises ValueError."""
        stated = datetime.fromisoformat(text.strip().replace("/", "-"))
        if stated.tzinfo is None:
            stated = stated.replace(tzinfo=self.zone)
        try:
            stated = stated.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(text) from error
        if stated > self.now + self.ahead:
            raise ValueError(text)
        return stated

    def value(self, signal: str, value: float) -> float:
        """A value within the signal's bounds. Raises ValueError."""
        bounds = self.signals[signal]
        low = -math.inf if bounds.min is None else bounds.min
        high = math.inf if bounds.max is None else bounds.max
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(value)
        return value


def read(
    text: str, measure: Measure, taken: Collection[tuple[str, datetime]], most: int
) -> list[Row]:
    """The rows of a CSV. Raises RowsRefused, with every bad line, when one is not good.

    `taken` are the measurements that were taken before: the same one twice is a mistake.
    """
    good: dict[tuple[str, datetime], Row] = {}
    bad: list[str] = []
    for line, cells in _lines(text, most):
        fault = _fault(cells, measure)
        row = None if fault else _row(line, cells, measure)
        if row is None:
            bad.append(f"{line}: {fault}")
        elif row.key in taken or row.key in good:
            bad.append(f"{line}: again={row.signal} {cells['time'].strip()}")
        else:
            good[row.key] = row
    if bad:
        more = ["…"] if len(bad) > MOST_NAMED else []
        raise RowsRefused(count=len(bad), lines="; ".join([*bad[:MOST_NAMED], *more]))
    if not good:
        raise RowsRefused(count=0, lines="1: rows=0")
    return list(good.values())


def _lines(text: str, most: int) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row with the number of its line; a row of another width has an odd column."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    header: Sequence[str] = ()
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(reader.line_num, cells)
                continue
            count += 1
            if count > most:
                raise RowsRefused(count=count, lines=f"{reader.line_num}: rows>{most}")
            if len(cells) != len(header):
                yield reader.line_num, {"columns": str(len(cells))}
            else:
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise RowsRefused(count=1, lines=f"{reader.line_num}: csv={error}") from error


def _header(line: int, cells: Sequence[str]) -> Sequence[str]:
    names = [cell.strip().lower() for cell in cells]
    missing, odd = COLUMNS - set(names), set(names) - COLUMNS - OPTIONAL
    if missing or odd or len(set(names)) != len(names):
        wrong = ",".join(sorted(missing | odd)) or ",".join(names)
        raise RowsRefused(count=1, lines=f"{line}: columns={wrong}")
    return names


def _fault(cells: Mapping[str, str], measure: Measure) -> str:
    """The first thing wrong with a row, as `column=what stands there`; empty: nothing."""
    if "columns" in cells:
        return f"columns={cells['columns']}"
    signal = cells["signal"].strip()
    if signal not in measure.signals:
        return f"signal={signal}"
    unit = cells.get("unit", "").strip()
    if unit and unit != measure.signals[signal].unit:
        return f"unit={unit}"
    try:
        measure.value(signal, _number(cells["value"]))
    except ValueError:
        return f"value={cells['value'].strip()}"
    try:
        measure.time(cells["time"])
    except ValueError:
        return f"time={cells['time'].strip()}"
    return ""


def _row(line: int, cells: Mapping[str, str], measure: Measure) -> Row:
    return Row(line, cells["signal"].strip(), measure.time(cells["time"]), _number(cells["value"]))


def _number(text: str) -> float:
    """A decimal number; Python's underscores are none."""
    if "_" in text:
        raise ValueError(text)
    return float(text)
