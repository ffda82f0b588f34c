"""Trials and their runs: plans in lab.db, records in a file per run, moved together."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from equipment_drivers.errors import DriverError
from equipment_drivers.model import Operation
from lab_controller.database import Database
from lab_controller.errors import LabError
from lab_controller.facts import RunChanged
from lab_controller.floor import Floor
from lab_controller.services.trial_books import RunCounts, TrialBooks
from trial_logs import record, store
from trial_logs.chain import Segment
from trial_logs.errors import NotPossibleNow, TrialError
from trial_logs.model import (
    JUDGED,
    Batch,
    Correction,
    GapEdge,
    Measurement,
    Note,
    PartEvent,
    PartSource,
    Run,
    RunMoved,
    RunState,
    Trial,
    TrialDraft,
    Verdict,
)
from trial_logs.stamps import from_us
from trial_logs.summary import numbers_json, summarise

log = logging.getLogger(__name__)

RESTARTED = "lab.controller_restarted"
REFRESH = "refresh"
BY = "controller"


class PartUnderWay(LabError):
    """A machine is making the part: counting it now would count it twice."""

    code = "lab.part_under_way"


class NotArmed(LabError):
    """A run needs armed equipment."""

    code = "lab.not_armed"


@dataclass(frozen=True, slots=True)
class RunScope:
    """What a run on this equipment records, which counters are its energy, which are machines."""

    devices: tuple[str, ...]
    energy: tuple[tuple[str, str], ...]
    machines: tuple[str, ...] = ()


class Trials(TrialBooks):
    """The trial use cases of the lab."""

    def __init__(self, floor: Floor, scope_of: Callable[[str], RunScope]) -> None:
        super().__init__(floor)
        self._bus, self._board, self._connections = floor.bus, floor.board, floor.connections
        self._coordinator, self._leases = floor.coordinator, floor.leases
        self._simulated, self._zone = floor.settings.lab.simulated, floor.settings.zone
        self._rehearsal = floor.settings.lab.rehearsal
        self._scope_of = scope_of
        self._moving: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    # -- plan -------------------------------------------------------------------------------

    async def create(self, draft: TrialDraft) -> Trial:
        """A new trial with the next number of the day."""
        now = self._clock.now()
        today = now.astimezone(self._zone).date()
        trial = await self._db.write(
            lambda db: store.create_trial(db, store.next_trial_id(db, today), draft, now)
        )
        self._bus.tell(RunChanged(trial.id, "", "planned"))
        return trial

    async def amend(
        self, trial: str, draft: TrialDraft, *, by: str, why: str, after_runs: bool
    ) -> Trial:
        """Another plan in force from now on; see `store.amend_plan` for what it refuses."""
        now = self._clock.now()
        amended = await self._db.write(
            lambda db: store.amend_plan(
                db, trial, draft, now, by=by, why=why, after_runs=after_runs
            )
        )
        self._bus.tell(RunChanged(trial, "", "planned"))
        return amended

    async def plan_run(self, trial: str, condition: str, operator: str, lot: str = "") -> RunCounts:
        """The next run under one of the plan's conditions."""
        run = await self._db.write(
            lambda db: store.plan_run(
                db,
                trial,
                condition,
                operator=operator,
                simulated=self._simulated,
                lot=lot,
                rehearsal=self._rehearsal,
            )
        )
        self._tell(run)
        return await self.run(run.id)

    # -- moving a run -----------------------------------------------------------------------

    async def start(self, run: str, *, by: str) -> RunCounts:
        """Begin recording and running. Raises NotArmed, or TrialError when it cannot start."""
        async with self._moving[run]:
            planned = await self._db.read(lambda db: store.get_run(db, run))
            trial = await self._db.read(lambda db: store.get_trial(db, planned.trial_id))
            if self._leases.held_by(trial.draft.booking_id) is None:
                raise NotArmed(equipment=planned.equipment_id)
            scope = self._scope_of(planned.equipment_id)
            await self._prime(run, scope)
            now = self._clock.now()

            def step(db: Database) -> tuple[Run, Trial]:
                moved = store.start_run(db, run, now)
                # the plan as it is from here on: one amended in the meantime is the run's
                return moved, store.get_trial(db, moved.trial_id)

            started, trial = await self._db.write(step)
            header = replace(
                store.run_header(trial, started, scope.energy), machines=scope.machines
            )
            try:
                booking = trial.draft.booking_id
                await self._recorder.start(header, scope.devices, now, booking)
            except (LabError, TrialError) as fault:
                code = fault.code
                await self._db.write(lambda db: store.abort_run(db, run, now, code))
                raise
        self._tell(started)
        if self._leases.held_by(trial.draft.booking_id) is None:
            await self.end_on(started.equipment_id, NotArmed.code)  # a stop came in between
        return await self.run(run)

    async def pause(self, run: str, *, by: str, cause: str = "") -> RunCounts:
        """running → paused."""
        return await self._move(
            run, by, cause, lambda db, now: store.pause_run(db, run, now, cause)
        )

    async def resume(self, run: str, *, by: str) -> RunCounts:
        """paused → running."""
        return await self._move(run, by, "", lambda db, now: store.resume_run(db, run, now))

    async def finish(self, run: str, *, by: str) -> RunCounts:
        """End a run that did what it should; its evidence is closed and its numbers computed."""
        return await self._over(run, by, "", lambda db, now: store.finish_run(db, run, now))

    async def abort(self, run: str, *, by: str, cause: str) -> RunCounts:
        """End a run because somebody decided so."""
        return await self._over(
            run, by, cause, lambda db, now: store.abort_run(db, run, now, cause)
        )

    async def end_on(self, equipment: str, cause: str) -> None:
        """End the live run of equipment that is disarmed or stopped."""
        for run in await self._db.read(store.live_runs):
            if run.equipment_id == equipment:
                with suppress(NotPossibleNow):  # somebody else ended it meanwhile
                    await self.abort(run.id, by=BY, cause=cause)

    async def _move(
        self, run: str, by: str, cause: str, step: Callable[[Database, datetime], Run]
    ) -> RunCounts:
        async with self._moving[run]:
            now = self._clock.now()
            moved = await self._db.write(lambda db: step(db, now))
            await self._recorder.flush()
            await self._recorder.add(run, Batch(moves=(RunMoved(now, moved.state, by, cause),)))
        self._tell(moved)
        return await self.run(run)

    async def _over(
        self, run: str, by: str, cause: str, step: Callable[[Database, datetime], Run]
    ) -> RunCounts:
        async with self._moving[run]:
            live = await self._db.read(lambda db: store.get_run(db, run))
            if live.state.is_live:
                await self._prime(run, self._scope_of(live.equipment_id))
            now = self._clock.now()
            ended = await self._db.write(lambda db: step(db, now))
            last = await self._recorder.end(run, RunMoved(now, ended.state, by, cause))
            await self._close_evidence(run, last, now)
        self._tell(ended)
        return await self.run(run)

    async def _prime(self, run: str, scope: RunScope) -> None:
        """Have the meters read now, so that a run's first and last values are its own.

        The energy meters come last: what they count until the run's own stamp is not its own.
        """
        views = [self._board[device] for device in scope.devices]
        alive = [view for view in views if view.link.carries_commands]
        asked = [view for view in alive if REFRESH in view.spec.commands]
        wires = {view.connection for view in alive if view not in asked}
        meters = {device for device, _ in scope.energy}
        reads = [self._connections[wire].resync() for wire in sorted(wires)]
        others = [self._refresh(one.device) for one in asked if one.device not in meters]
        await self._read_all(run, [*reads, *others])
        last = [self._refresh(one.device) for one in asked if one.device in meters]
        await self._read_all(run, last)

    async def _refresh(self, device: str) -> None:
        await self._coordinator.command(device, REFRESH, {}, by=BY)

    @staticmethod
    async def _read_all(run: str, reads: Sequence[Awaitable[None]]) -> None:
        for found in await asyncio.gather(*reads, return_exceptions=True):
            if isinstance(found, DriverError | LabError):
                log.warning("no fresh values at an end of %s: %s", run, found)
            elif isinstance(found, BaseException):
                raise found

    async def _close_evidence(self, run: str, last: Segment, now: datetime) -> None:
        numbers = await self.numbers(run)
        await self._db.write(
            lambda db: store.close_run_evidence(
                db, run, head=last.head, segments=last.n, numbers=numbers, now=now
            )
        )

    async def numbers(self, run: str) -> str:
        """The run's numbers, computed from its evidence, as canonical JSON."""
        await self._db.read(lambda db: store.get_run(db, run))
        if self._recorder.live(run):
            await self._recorder.flush()
        return await asyncio.to_thread(
            self.read_evidence, run, lambda db: numbers_json(summarise(db)), "{}"
        )

    # -- what people add --------------------------------------------------------------------

    async def count(self, run: str, verdict: Verdict, *, by: str, cause: str = "") -> RunCounts:
        """Judge the oldest part that waits for a verdict, or count one no device saw.

        Raises PartUnderWay while a machine is at work whose part will be told by itself.
        """
        now = self._clock.now()
        at_work = await self._at_work(run)

        def judge(db: Database) -> Batch:
            waiting = [part for part in record.parts(db) if part.verdict is Verdict.UNJUDGED]
            if not waiting and at_work:
                raise PartUnderWay(device=at_work)
            if not waiting:
                part = PartEvent(now, verdict, PartSource.OPERATOR, None, cause, by)
                return Batch(parts=(part,))
            return Batch(
                corrections=(
                    Correction(now, "part_event", waiting[0].no, by, cause or JUDGED, verdict),
                )
            )

        return await self.add(run, judge)

    async def _at_work(self, run: str) -> str:
        """A machine of the run that is making a part now, or nothing."""
        found = await self._db.read(lambda db: store.get_run(db, run))
        views = [self._board[device] for device in self._scope_of(found.equipment_id).devices]
        busy = (Operation.BUSY, Operation.PAUSED)
        return next((view.device for view in views if view.operation in busy), "")

    async def measure(
        self,
        run: str,
        characteristic: str,
        value: float,
        unit: str,
        *,
        by: str,
        part: int | None = None,
        gauge: str = "",
    ) -> RunCounts:
        """A value read from a gauge."""
        measured = Measurement(self._clock.now(), characteristic, value, unit, gauge, by, part)
        return await self.add(run, lambda db: Batch(measurements=(measured,)))

    async def note(self, run: str, text: str, *, by: str) -> RunCounts:
        """A remark for the record."""
        written = Note(self._clock.now(), text, by)
        return await self.add(run, lambda db: Batch(notes=(written,)))

    async def note_once(self, run: str, text: str, *, by: str) -> RunCounts:
        """A remark that is not written down again by the same hand."""
        written = Note(self._clock.now(), text, by)

        def unless_known(db: Database) -> Batch:
            known = {(note.by, note.text) for note in record.notes(db)}
            return Batch() if (by, text) in known else Batch(notes=(written,))

        return await self.add(run, unless_known)

    async def add(self, run: str, batch: Callable[[Database], Batch]) -> RunCounts:
        """Record what somebody says of a run that has begun; `batch(db)` may look at its record."""
        async with self._moving[run]:
            found = await self._db.read(lambda db: store.get_run(db, run))
            if found.state is RunState.PLANNED:
                raise NotPossibleNow("trial.not_running", run=run, state=found.state)
            last = await self._recorder.change(run, batch)
            if found.state.is_over:
                await self._close_evidence(run, last, self._clock.now())
        self._tell(found)
        return await self.run(run)

    # -- after a crash ----------------------------------------------------------------------

    async def interrupt_left_open(self) -> None:
        """At start: runs the last life left live are interrupted, with all that was recorded."""
        now = self._clock.now()
        await self._db.write(lambda db: store.interrupt_running(db, now, RESTARTED))
        for run in await self._db.read(store.runs_without_head):
            try:
                if await asyncio.to_thread(self.read_evidence, run.id, lambda db: True, False):
                    await self._close_interrupted(run, now)
            except Exception:  # one damaged record must not keep the lab from opening
                log.exception("the record of %s cannot be closed", run.id)

    async def _close_interrupted(self, run: Run, now: datetime) -> None:
        def batch(db: Database) -> Batch:
            if record.moves(db)[-1].state.is_over:
                return Batch()
            _, last_us = record.run_span(db)
            gap = GapEdge(from_us(last_us), "*", True, RESTARTED)
            moved = RunMoved(run.ended or now, run.state, "", run.cause or RESTARTED)
            return Batch(gaps=(gap,), moves=(moved,))

        last = await self._recorder.change(run.id, batch)
        await self._close_evidence(run.id, last, now)

    def _tell(self, run: Run) -> None:
        self._bus.tell(RunChanged(run.trial_id, run.id, run.state))
