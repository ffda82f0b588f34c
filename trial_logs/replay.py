"""A run played back from its own record: the state at any instant, and what happened around it.

Nothing of the run is held in memory but its stretches of one time element. Every answer is a
handful of queries; those for readings go by an index, so that an instant near the end of a million
of them costs what one near their beginning costs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import groupby
from typing import Any

from trial_logs import record
from trial_logs.buckets import Bucket
from trial_logs.chain import TABLES
from trial_logs.context import Mode
from trial_logs.elements import pieces, spans_of
from trial_logs.model import (
    DeviceStateSeen,
    Quality,
    RunHeader,
    RunState,
    Sample,
    Series,
    Verdict,
)
from trial_logs.record import Evidence
from trial_logs.run_times import story_of
from trial_logs.spans import Span
from trial_logs.stamps import from_us
from trial_logs.times import Element, TimeSpan

READINGS = ("reading", "rollup")
KINDS = tuple(
    name for name, columns in TABLES.items() if "t_us" in columns and name not in READINGS
)

LAST_READING = """
    SELECT t_us, value, quality, source_us FROM reading INDEXED BY reading_series
    WHERE series = ? AND t_us <= ? ORDER BY t_us DESC, id DESC LIMIT 1"""
LAST_STATE = """
    SELECT t_us, device, link, operation, safety, cause FROM device_state
    WHERE device = ? AND t_us <= ? ORDER BY t_us DESC, id DESC LIMIT 1"""
LAST_EDGE = """
    SELECT opened FROM gap WHERE device = ? AND t_us <= ? ORDER BY t_us DESC, id DESC LIMIT 1"""
LAST_MODE = "SELECT mode FROM mode WHERE t_us <= ? ORDER BY t_us DESC, id DESC LIMIT 1"
LAST_MOVE = "SELECT state FROM run_event WHERE t_us <= ? ORDER BY t_us DESC, id DESC LIMIT 1"
# the bare column of an aggregate with max() comes from the row that has it (sqlite.org/lang_select)
COUNTS = """
    SELECT coalesce(fix.verdict, part.verdict) AS word, count(*) FROM part_event AS part
    LEFT JOIN (
        SELECT row, verdict, max(id) FROM correction
        WHERE about = 'part_event' AND t_us <= :t GROUP BY row
    ) AS fix ON fix.row = part.id
    WHERE part.t_us <= :t GROUP BY word"""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the record that is no reading: its table, its number there, and its columns."""

    t_us: int
    kind: str
    no: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """The run as it stood at one instant, everything stamped up to and with `t_us` counted.

    `readings` are the last of each series, `states` the last of each device, `dark` the devices
    not recorded at that instant (`*`: none was), `counts` the parts by the verdict they had then,
    `mode` what the equipment was used for (None: nobody had said).
    """

    t_us: int
    run_state: RunState | None
    mode: Mode | None
    readings: tuple[Sample, ...]
    states: tuple[DeviceStateSeen, ...]
    dark: tuple[str, ...]
    counts: Mapping[Verdict, int]

    def age_us(self, reading: Sample) -> int:
        """How old the reading was at this moment."""
        return self.t_us - reading.t_us


class Replay:
    """One run's record, played back. Raises EvidenceMissing for a file that holds no run.

    `position` (µs) moves with `seek` and `step`.
    """

    def __init__(self, db: Evidence) -> None:
        self._db = db
        self.header: RunHeader = record.read_header(db)
        self.span: Span = record.run_span(db)
        self.series: list[Series] = record.series(db)
        self.position = self.span[0]
        there = set(db.table_names())
        self.kinds = tuple(kind for kind in KINDS if kind in there)

    # -- an instant -----------------------------------------------------------------------------

    def seek(self, t_us: int) -> Moment:
        """Go to an instant, held within the run, and tell how the run stood there."""
        self.position = min(max(t_us, self.span[0]), self.span[1])
        return self.at(self.position)

    def element(self, t_us: int) -> Element | None:
        """The time element an instant lies in; None outside the run."""
        place = bisect_right(self.elements, t_us, key=lambda span: span.t0_us) - 1
        inside = place >= 0 and t_us < self.elements[place].t1_us
        return self.elements[place].element if inside else None

    @cached_property
    def elements(self) -> list[TimeSpan]:
        """The run cut into stretches of one time element each, whichever machine decided it."""
        spans = spans_of(pieces(story_of(self._db, self.header)))
        found = []
        for element, together in groupby(spans, key=lambda span: span.element):
            alike = list(together)
            found.append(TimeSpan(element, alike[0].t0_us, alike[-1].t1_us, "", ""))
        return found

    def step(self, way: int) -> Moment | None:
        """Go to the next (`way` 1) or previous (-1) instant at which something happened.

        None at the last or first one; the position then stays.
        """
        found = self.neighbour(self.position, way)
        return None if found is None else self.seek(found)

    def at(self, t_us: int) -> Moment:
        """How the run stood at an instant, wherever the position is."""
        state = self._db.execute(LAST_MOVE, [t_us]).fetchone()
        mode = self._db.execute(LAST_MODE, [t_us]).fetchone() if "mode" in self.kinds else None
        return Moment(
            t_us,
            RunState(state[0]) if state else None,
            Mode(mode[0]) if mode else None,
            tuple(self._readings(t_us)),
            tuple(self._states(t_us)),
            tuple(self._dark(t_us)),
            dict.fromkeys(Verdict, 0) | self._counts(t_us),
        )

    def _readings(self, t_us: int) -> Iterator[Sample]:
        for number, series in enumerate(self.series, 1):
            row = self._db.execute(LAST_READING, [number, t_us]).fetchone()
            if row is not None:
                stamp, value, quality, source = row
                yield Sample(series, stamp, value, Quality(quality), source)

    def _states(self, t_us: int) -> Iterator[DeviceStateSeen]:
        for device in self._devices_of("device_state"):
            row = self._db.execute(LAST_STATE, [device, t_us]).fetchone()
            if row is not None:
                yield DeviceStateSeen(from_us(row[0]), *row[1:])

    def _dark(self, t_us: int) -> Iterator[str]:
        for device in self._devices_of("gap"):
            row = self._db.execute(LAST_EDGE, [device, t_us]).fetchone()
            if row is not None and row[0]:
                yield device

    def _devices_of(self, table: str) -> list[str]:
        rows = self._db.execute(f"SELECT DISTINCT device FROM [{table}] ORDER BY device")  # noqa: S608
        return [device for (device,) in rows]

    def _counts(self, t_us: int) -> dict[Verdict, int]:
        return {Verdict(word): n for word, n in self._db.execute(COUNTS, {"t": t_us})}

    # -- what happened --------------------------------------------------------------------------

    def neighbour(self, t_us: int, way: int) -> int | None:
        """The nearest instant after (`way` 1) or before (-1) this one at which something happened.

        Readings alone are nothing of note.
        """
        what, how = ("min", ">") if way > 0 else ("max", "<")
        found = [
            self._db.execute(
                f"SELECT {what}(t_us) FROM [{kind}] WHERE t_us {how} ?",  # noqa: S608
                [t_us],
            ).fetchone()[0]
            for kind in self.kinds
        ]
        there = [stamp for stamp in found if stamp is not None]
        return (min(there) if way > 0 else max(there)) if there else None

    def events(self, t0: int, t1: int) -> Iterator[Event]:
        """What happened in [t0, t1) µs in order of time, one row at a time."""
        return merge(*(self._of_kind(kind, t0, t1) for kind in self.kinds), key=self._place)

    def last_events(self, t_us: int, n: int) -> list[Event]:
        """The newest `n` things that had happened by an instant, in order of time."""
        found = [event for kind in self.kinds for event in self._newest(kind, t_us, n)]
        return sorted(found, key=self._place)[-n:]

    def rows(self, t0: int, t1: int) -> Iterator[Event | Sample]:
        """Everything recorded in [t0, t1) µs in order of time, the readings too."""
        samples = [self._samples(number, t0, t1) for number in range(1, len(self.series) + 1)]
        return merge(self.events(t0, t1), *samples, key=lambda row: row.t_us)

    def _place(self, event: Event) -> tuple[int, int, int]:
        return event.t_us, self.kinds.index(event.kind), event.no

    def _of_kind(self, kind: str, t0: int, t1: int) -> Iterator[Event]:
        where = "t_us >= ? AND t_us < ? ORDER BY t_us, id"
        return self._selected(kind, where, [t0, t1])

    def _newest(self, kind: str, t_us: int, n: int) -> Iterator[Event]:
        return self._selected(kind, "t_us <= ? ORDER BY t_us DESC, id DESC LIMIT ?", [t_us, n])

    def _selected(self, kind: str, where: str, values: list[int]) -> Iterator[Event]:
        names = TABLES[kind]
        columns = ", ".join(f"[{name}]" for name in names)
        sql = f"SELECT {columns} FROM [{kind}] WHERE {where}"  # noqa: S608
        for row in self._db.execute(sql, values):
            facts = dict(zip(names, row, strict=True))
            yield Event(facts.pop("t_us"), kind, facts.pop("id"), facts)

    def _samples(self, number: int, t0: int, t1: int) -> Iterator[Sample]:
        sql = (
            "SELECT t_us, value, quality, source_us FROM reading"
            " WHERE series = ? AND t_us >= ? AND t_us < ? ORDER BY t_us, id"
        )
        series = self.series[number - 1]
        for t_us, value, quality, source_us in self._db.execute(sql, [number, t0, t1]):
            yield Sample(series, t_us, value, Quality(quality), source_us)

    # -- curves ---------------------------------------------------------------------------------

    def window(self, of: Series, t0: int, t1: int, n: int) -> list[Bucket]:
        """[t0, t1) µs of one series cut into `n` buckets, as `record.window` does."""
        return record.window(self._db, of, t0, t1, n)
