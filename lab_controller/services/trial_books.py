"""What is known of trials and runs: plans from lab.db, counts from each run's own file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lab_controller.database import Database, connect, storage_of
from lab_controller.floor import Floor
from trial_logs import record, stop_rules, store
from trial_logs.model import Run, Trial, Verdict
from trial_logs.protocol import StopRule
from trial_logs.stop_tally import NOTHING, Tally
from trial_logs.stores import plans

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunCounts:
    """A run with its parts by verdict, VOID ones left out, and the stop rules that are met."""

    run: Run
    by_verdict: Mapping[Verdict, int]
    met: tuple[StopRule, ...] = ()

    @property
    def produced(self) -> int:
        """Parts made, whatever they are worth."""
        return sum(n for verdict, n in self.by_verdict.items() if verdict is not Verdict.VOID)


class TrialBooks:
    """Trials and runs as they stand; nothing here changes anything."""

    def __init__(self, floor: Floor) -> None:
        self._clock, self._db, self._recorder = floor.clock, floor.db, floor.recorder
        self._tallies: dict[str, Tally] = {}

    async def trials(self, booking: str | None = None) -> list[Trial]:
        """Trials, newest first; of one booking or all."""
        return await self._db.read(lambda db: store.list_trials(db, booking_id=booking))

    async def trial(self, trial: str) -> Trial:
        """One trial. Raises TrialError `trial.unknown`."""
        return await self._db.read(lambda db: store.get_trial(db, trial))

    async def run(self, run: str) -> RunCounts:
        """One run with its counts."""
        found, rules = await self._db.read(lambda db: _with_rules(db, store.get_run(db, run)))
        return await asyncio.to_thread(self._counted, found, rules)

    async def runs(self, trial: str) -> list[RunCounts]:
        """The runs of a trial with their counts."""
        found = await self._db.read(lambda db: store.list_runs(db, trial))
        rules = await self._db.read(lambda db: plans.protocol_of(db, trial).stop_rules)
        return [await asyncio.to_thread(self._counted, run, rules) for run in found]

    async def under_rules(self) -> list[RunCounts]:
        """The live runs whose protocol has stop rules, with those that are met."""
        live = await self._db.read(
            lambda db: [_with_rules(db, run) for run in store.live_runs(db)],
        )
        found = [await asyncio.to_thread(self._counted, *each) for each in live if each[1]]
        going = {each.run.id for each in found}
        kept = self._tallies.copy()  # a thread may add one meanwhile
        self._tallies = {run: tally for run, tally in kept.items() if run in going}
        return found

    def _counted(self, run: Run, rules: tuple[StopRule, ...]) -> RunCounts:
        now = self._clock.now()

        def read(db: Database) -> RunCounts:
            verdicts = Counter(part.verdict for part in record.parts(db))
            counts = {each: verdicts[each] for each in Verdict}
            if not rules:
                return RunCounts(run, counts)
            before = self._tallies.get(run.id, NOTHING)
            standing = stop_rules.standing(db, now, {rule.kind for rule in rules}, before)
            self._tallies[run.id] = standing.tally  # of two at once either will do
            return RunCounts(run, counts, stop_rules.met(rules, standing))

        return self.read_evidence(run.id, read, RunCounts(run, dict.fromkeys(Verdict, 0)))

    def read_evidence(self, run: str, function: Callable[[Database], T], otherwise: T) -> T:
        """Read a run's evidence on a short-lived connection; `otherwise` where there is none.

        Raises StorageFailed for a damaged file.
        """
        path = self._recorder.path(run)
        if not path.exists():
            return otherwise
        with storage_of(path):
            db = connect(path, read_only=True)
            try:
                # a file without tables: the lab went down before the run's first word was written
                return function(db) if db.table_names() else otherwise
            finally:
                db.close()


def _with_rules(db: Database, run: Run) -> tuple[Run, tuple[StopRule, ...]]:
    return run, plans.protocol_of(db, run.trial_id).stop_rules
