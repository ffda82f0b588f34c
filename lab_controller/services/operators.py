"""What people say of a run beside parts and measurements: mode, causes of stops, what was used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from lab_controller.database import Database
from lab_controller.floor import Floor
from lab_controller.services.bookings import Bookings
from lab_controller.services.trial_books import RunCounts
from lab_controller.services.trials import Trials
from trial_logs import context_record, record, scanning, store
from trial_logs.context import Consumable, Mode, ModeSet, OrderEdge, Serial, StopExplained
from trial_logs.errors import EvidenceClosed, NotPossibleNow
from trial_logs.model import Batch, Correction, RunHeader, Verdict
from trial_logs.run_times import element_at, stops_of
from trial_logs.scanning import Key, Kind, Meaning
from trial_logs.stamps import from_us, to_us
from trial_logs.taking_back import undo, undo_part
from trial_logs.times import Element, Stop


@dataclass(frozen=True, slots=True)
class RunFloor:
    """How a run stands for the one who works at it; `element` is what its time is counted as.

    `undo_part` is the part an undo would change.
    """

    header: RunHeader
    mode: Mode
    element: Element
    stops: tuple[Stop, ...]
    keys: tuple[Key, ...]
    undo_part: int | None = None


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a code did, and the run after it."""

    meaning: Meaning
    run: RunCounts


class Operators:
    """The inputs of the one at the machine; every one is a new row, none changes an old one."""

    def __init__(self, floor: Floor, trials: Trials, bookings: Bookings) -> None:
        self._clock, self._db, self._recorder = floor.clock, floor.db, floor.recorder
        self._trials, self._bookings = trials, bookings
        self._in_force: dict[str, bool] = {}

    async def floor(self, run: str) -> RunFloor:
        """How a run stands. Raises NotPossibleNow before it has begun."""
        conditions = await self._conditions(run)
        until = 0
        if self._recorder.live(run):
            await self._recorder.flush()
            until = to_us(self._clock.now())

        def read(db: Database) -> RunFloor | None:
            header = record.read_header(db)
            said = context_record.modes(db)
            mode = said[-1].mode if said else Mode.PRODUCTION
            known = scanning.keys(header, conditions)
            stood = tuple(stops_of(db, until))
            element = element_at(db, until)
            return RunFloor(header, mode, element, stood, tuple(known), undo_part(db))

        found = await asyncio.to_thread(self._trials.read_evidence, run, read, None)
        if found is None:
            state = (await self._trials.run(run)).run.state
            raise NotPossibleNow("trial.not_running", run=run, state=state)
        return found

    # -- what is said -----------------------------------------------------------------------

    async def set_mode(self, run: str, mode: Mode, *, by: str) -> RunCounts:
        """From now on the equipment is used for this. Raises EvidenceClosed once it is over."""
        said = ModeSet(self._clock.now(), mode, by)
        return await self._trials.add(run, lambda db: Batch(modes=(said,)))

    async def explain(
        self,
        run: str,
        cause: str,
        text: str = "",
        *,
        by: str,
        device: str = "",
        at: datetime | None = None,
    ) -> RunCounts:
        """Say why a machine stood still: the stop named, else the newest nobody explained yet.

        Raises NotPossibleNow `trial.no_stop`.
        """
        now = self._clock.now()

        def step(db: Database) -> Batch:
            stop = _stop_meant(stops_of(db), device, at)
            if stop is None:
                raise NotPossibleNow("trial.no_stop", run=run)
            since = from_us(stop.t0_us)
            return Batch(explained=(StopExplained(now, since, stop.device, cause, text, by),))

        return await self._trials.add(run, step)

    async def use(
        self, run: str, name: str, amount: float, unit: str, *, by: str, why: str = ""
    ) -> RunCounts:
        """Something was used up; a negative amount takes back, with a reason."""
        used = Consumable(self._clock.now(), name, amount, unit, by, why)
        return await self._trials.add(run, lambda db: Batch(consumables=(used,)))

    async def mark(self, run: str, serial: str, *, by: str, part: int | None = None) -> RunCounts:
        """Give a part its mark: the part named, else the newest one made."""
        now = self._clock.now()

        def step(db: Database) -> Batch:
            made = [one.no for one in record.parts(db) if one.verdict is not Verdict.VOID]
            number = part if part is not None else max(made, default=0)
            if number not in made:
                raise NotPossibleNow("trial.no_such_part", run=run, part=number or "-")
            return Batch(serials=(Serial(now, number, serial, by),))

        return await self._trials.add(run, step)

    async def undo(self, run: str, *, by: str, why: str = "") -> RunCounts:
        """Take back the newest part or verdict a person gave, by a correction."""
        now = self._clock.now()
        return await self._trials.add(
            run, lambda db: Batch(corrections=(undo(db, by=by, why=why, now=now),))
        )

    async def correct(
        self,
        run: str,
        about: str,
        row: int,
        *,
        by: str,
        why: str,
        verdict: Verdict | None = None,
        value: float | None = None,
    ) -> RunCounts:
        """A later word on a part (`part_event`) or a `measurement`; raises Invalid."""
        fix = Correction(self._clock.now(), about, row, by, why, verdict, value)
        return await self._trials.add(run, lambda db: Batch(corrections=(fix,)))

    # -- one key, one barcode ---------------------------------------------------------------

    async def scan(self, run: str, code: str, *, by: str) -> Scanned:
        """Do what a code stands for. Raises UnknownCode and OtherCondition."""
        known = await self.floor(run)
        meaning = scanning.read(code, known.header, await self._conditions(run))
        return Scanned(meaning, await SCANNED[meaning.kind](self, run, meaning.value, by))

    async def confirm(self, run: str, condition: str, *, by: str) -> RunCounts:
        """The condition scanned is this run's: written down as a note."""
        return await self._trials.note(run, f"{scanning.CONDITION}{condition}", by=by)

    async def count(self, run: str, verdict: Verdict, *, by: str) -> RunCounts:
        """One part, as `Trials.count`."""
        return await self._trials.count(run, verdict, by=by)

    async def _conditions(self, run: str) -> list[str]:
        def read(db: Database) -> list[str]:
            trial = store.get_trial(db, store.get_run(db, run).trial_id)
            return [one.name for one in trial.draft.conditions]

        return await self._db.read(read)

    # -- whether a booking is in force ------------------------------------------------------

    async def mark_orders(self) -> None:
        """Write down where a live run's booking ends (or was extended): called every tick."""
        live = await self._db.read(store.live_runs)
        self._in_force = {run.id: self._in_force.get(run.id, True) for run in live}
        for run in live:
            trial = await self._trials.trial(run.trial_id)
            booking = (await self._bookings.one(trial.draft.booking_id)).booking
            now = self._clock.now()
            holds = now < booking.end
            if holds == self._in_force[run.id]:
                continue
            edge = OrderEdge(now if holds else booking.end, holds, booking.id)
            with suppress(EvidenceClosed):  # the run ended meanwhile
                await self._trials.add(run.id, partial(_unless_known, edge))
            self._in_force[run.id] = holds


def _unless_known(edge: OrderEdge, db: Database) -> Batch:
    told = context_record.orders(db)
    return Batch() if told and told[-1].in_force == edge.in_force else Batch(orders=(edge,))


def _stop_meant(found: list[Stop], device: str, at: datetime | None) -> Stop | None:
    named = [stop for stop in found if not device or stop.device == device]
    if at is not None:
        return next((stop for stop in named if stop.t0_us == to_us(at)), None)
    open_ones = [stop for stop in named if not stop.explained_by]
    return max(open_ones or named, key=lambda stop: stop.t0_us, default=None)


SCANNED: Mapping[Kind, Callable[[Operators, str, str, str], Awaitable[RunCounts]]] = {
    Kind.PART: lambda people, run, value, by: people.count(run, Verdict(value), by=by),
    Kind.UNDO: lambda people, run, value, by: people.undo(run, by=by),
    Kind.MODE: lambda people, run, value, by: people.set_mode(run, Mode(value), by=by),
    Kind.STOP_CAUSE: lambda people, run, value, by: people.explain(run, value, by=by),
    Kind.CONDITION: lambda people, run, value, by: people.confirm(run, value, by=by),
    Kind.SERIAL: lambda people, run, value, by: people.mark(run, value, by=by),
}
