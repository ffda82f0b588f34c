"""From facts to records: every sample to the telemetry journal, a run's own to its evidence.

Facts are only noted when they come; every `FLUSH_S` real seconds they become one journal batch and
one evidence segment per live run, so a crash costs at most that much.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from pathlib import Path

from equipment_drivers.model import CycleFinished, DeviceMessage, DeviceState, LinkChanged, Reading
from lab_controller.board import Board
from lab_controller.clock import LabClock
from lab_controller.database import Database, StorageFailed, Writer
from lab_controller.facts import Told
from lab_controller.gauges import RECORD, Gauges
from lab_controller.seen import cause_of, seen, stands
from lab_controller.telemetry_files import TelemetryFiles
from trial_logs import evidence
from trial_logs.chain import Segment
from trial_logs.model import (
    Batch,
    DeviceStateSeen,
    GapEdge,
    Measurement,
    PartEvent,
    PartSource,
    Quality,
    RunHeader,
    RunMoved,
    Sample,
    Series,
    Verdict,
)
from trial_logs.stamps import from_us, to_us

log = logging.getLogger(__name__)

FLUSH_S = 0.25
MOST_KEPT = 50_000
EVERYTHING = "*"
VERDICTS = {"good": Verdict.GOOD, "scrap": Verdict.SCRAP, "rework": Verdict.REWORK}


Step = Callable[[Database], Batch]


@dataclass(slots=True)
class Tape:
    """What a live run records: its devices, its file, and what has not been written yet."""

    header: RunHeader
    devices: frozenset[str]
    writer: Writer
    gauges: Gauges
    readings: list[Sample] = field(default_factory=list)
    parts: list[PartEvent] = field(default_factory=list)
    states: list[DeviceStateSeen] = field(default_factory=list)
    gaps: list[GapEdge] = field(default_factory=list)
    measured: list[Measurement] = field(default_factory=list)
    dark: set[str] = field(default_factory=set)
    lost: tuple[int, int] | None = None

    def take(self) -> Batch:
        """Everything noted so far, and an empty tape."""
        gaps = [*self.gaps, *self._lost_edges()]
        batch = Batch(
            readings=self.readings,
            parts=self.parts,
            states=self.states,
            gaps=gaps,
            measurements=self.measured,
        )
        self.readings, self.parts, self.states, self.gaps = [], [], [], []
        self.measured = []
        return batch

    def put_back(self, batch: Batch) -> None:
        """Keep what could not be written; past the bound the oldest readings become a gap."""
        self.parts = [*batch.parts, *self.parts]
        self.states = [*batch.states, *self.states]
        self.measured = [*batch.measurements, *self.measured]
        self.gaps = [*(edge for edge in batch.gaps if edge.device != EVERYTHING), *self.gaps]
        readings = [*batch.readings, *self.readings]
        surplus = len(readings) - MOST_KEPT
        if surplus > 0:
            first = self.lost[0] if self.lost else readings[0].t_us
            self.lost = first, readings[surplus].t_us
        self.readings = readings[max(0, surplus) :]

    def written(self) -> None:
        """What was taken is durable."""
        self.lost = None

    def _lost_edges(self) -> list[GapEdge]:
        if self.lost is None:
            return []
        first, last = (from_us(t_us) for t_us in self.lost)
        cause = StorageFailed.code
        return [
            GapEdge(first, EVERYTHING, True, cause),
            GapEdge(last, EVERYTHING, False, cause),
        ]


class Recorder:
    """The bus listener that records, and the tapes of the live runs."""

    def __init__(
        self, *, clock: LabClock, board: Board, telemetry: TelemetryFiles, folder: Path
    ) -> None:
        self._clock, self._board, self._telemetry = clock, board, telemetry
        self._folder = folder
        self._samples: list[Sample] = []
        self._tapes: dict[str, Tape] = {}
        self._closing: dict[str, asyncio.Task[Segment]] = {}
        self._flushing = asyncio.Lock()
        self.failing = ""

    def path(self, run: str) -> Path:
        """The evidence file of a run."""
        return self._folder / f"{run}.db"

    # -- hearing ----------------------------------------------------------------------------

    def hear(self, fact: Told) -> None:
        """Note a fact (a bus listener; after the board)."""
        match fact:
            case Reading():
                sample = sample_of(fact)
                self._samples.append(sample)
                for tape in self._of(fact.device):
                    tape.readings.append(sample)
                    by_hand = RECORD in self._board[fact.device].spec.commands
                    tape.measured += tape.gauges.measured(fact, by_hand=by_hand)
            case CycleFinished():
                for tape in self._of(fact.device):
                    tape.parts.append(part_of(fact))
            case DeviceState():
                for tape in self._of(fact.device):
                    tape.states.append(self._seen(fact.device, fact.at))
            case DeviceMessage() if stands(self._board[fact.device]):
                for tape in self._of(fact.device):
                    tape.states.append(self._seen(fact.device, fact.at, cause_of(fact)))
            case LinkChanged():
                self._link_changed(fact)
            case _:
                return

    def _of(self, device: str) -> Iterable[Tape]:
        return [tape for tape in self._tapes.values() if device in tape.devices]

    def _seen(self, device: str, at: datetime, cause: str = "") -> DeviceStateSeen:
        return seen(self._board[device], at, cause)

    def _link_changed(self, change: LinkChanged) -> None:
        for tape in self._tapes.values():
            for device in sorted(tape.devices):
                if self._board[device].connection != change.connection:
                    continue
                tape.states.append(self._seen(device, change.at, change.code))
                dark = not change.link.carries_commands
                if dark != (device in tape.dark):
                    tape.gaps.append(GapEdge(change.at, device, dark, change.code))
                    tape.dark ^= {device}

    # -- runs -------------------------------------------------------------------------------

    async def start(
        self, header: RunHeader, devices: Iterable[str], now: datetime, booking: str = ""
    ) -> None:
        """Begin a run's own file and record its devices from here on; `booking` is in force."""
        writer = await asyncio.to_thread(Writer, self.path(header.run_id))
        try:
            await writer.write(lambda db: evidence.open_run(db, header, now, booking))
        except BaseException:
            await asyncio.to_thread(writer.close)
            raise
        gauges = Gauges(header.limits)
        measuring = gauges.devices(self._board.views)
        tape = Tape(header, frozenset(devices) | measuring, writer, gauges)
        for device in sorted(tape.devices):
            tape.states.append(self._seen(device, now))
            for reading in self._board[device].readings.values():
                gauges.remember(reading)
            tape.readings += self._known(device, now)
            if not self._board[device].link.carries_commands:
                tape.gaps.append(GapEdge(now, device, True, self._board[device].link_code))
                tape.dark.add(device)
        self._tapes[header.run_id] = tape

    def _known(self, device: str, now: datetime) -> list[Sample]:
        """The last live values, as a run's first: a counter's difference needs its beginning."""
        view = self._board[device]
        live = [one for one in view.readings.values() if not view.is_stale(one, now)]
        return [
            sample_of(replace(one, received=now, source=one.source or one.received)) for one in live
        ]

    def live(self, run: str) -> bool:
        """Whether this run is being recorded."""
        return run in self._tapes

    async def add(self, run: str, batch: Batch) -> Segment:
        """Write a batch (a measurement, a note, a judgement) at once; returns when durable."""
        return await self.change(run, lambda db: batch)

    async def change(self, run: str, function: Step) -> Segment:
        """Write a batch that depends on what is recorded: `function(db)` gives it."""
        now = self._clock.now()

        def step(db: Database) -> Segment:
            return evidence.append_segment(db, function(db), now)

        async with self._flushing:
            tape = self._tapes.get(run)
            if tape is not None:
                await self._write(tape, now)
                return await tape.writer.write(step)
            return await self._reopened(run, step)

    async def _reopened(self, run: str, step: Callable[[Database], Segment]) -> Segment:
        """A later word on a run that is over: its file is opened just for that."""
        if run in self._closing:
            await asyncio.wait({self._closing[run]})
        writer = await asyncio.to_thread(Writer, self.path(run))
        try:
            return await writer.write(step)
        finally:
            await asyncio.to_thread(writer.close, for_good=True)

    async def end(self, run: str, moved: RunMoved) -> Segment:
        """Write what is left and the run's end; its readings are rolled up and the file closed.

        Where the end cannot be written the tape goes on, and the next start of the lab writes it.
        The other runs go on being written while one is rolled up.
        """
        async with self._flushing:
            tape = self._tapes.get(run)
            if tape is not None:
                last = await self._write(tape, moved.at, (moved,))
                del self._tapes[run]
                closing = asyncio.create_task(self._roll_up(run, tape, moved.at, last))
                self._closing[run] = closing
                closing.add_done_callback(lambda _: self._closing.pop(run))
        if tape is None:
            return await self.add(run, Batch(moves=(moved,)))
        return await asyncio.shield(closing)

    async def _roll_up(self, run: str, tape: Tape, at: datetime, last: Segment) -> Segment:
        """The end is written and stays, whatever becomes of the roll-up."""
        try:
            return await tape.writer.write(lambda db: evidence.roll_up(db, at))
        except StorageFailed as fault:
            log.warning("%s is plotted from its readings, not rolled up: %s", run, fault)
        except Exception:
            log.exception("%s is plotted from its readings, not rolled up", run)
        finally:
            await asyncio.to_thread(tape.writer.close, for_good=True)
        return last

    # -- writing ----------------------------------------------------------------------------

    async def flush(self) -> None:
        """Make everything noted so far durable.

        What cannot be written is kept and tried again by the next flush; one file that fails does
        not keep the others from being written. Raises the first fault.
        """
        faults: list[StorageFailed] = []
        async with self._flushing:
            try:
                await self._write_samples()
            except StorageFailed as fault:
                faults.append(fault)
            now = self._clock.now()
            for tape in list(self._tapes.values()):
                try:
                    await self._write(tape, now)
                except StorageFailed as fault:
                    faults.append(fault)
        if faults:
            raise faults[0]

    async def _write_samples(self) -> None:
        samples, self._samples = self._samples, []
        if not samples:
            return
        try:
            await self._telemetry.append(samples)
        except Exception:
            self._samples = [*samples, *self._samples][-MOST_KEPT:]
            raise

    async def _write(self, tape: Tape, now: datetime, moves: tuple[RunMoved, ...] = ()) -> Segment:
        batch = tape.take()
        whole = replace(batch, moves=moves)
        try:
            last = await tape.writer.write(
                lambda db: evidence.append_segment(db, whole, now, rolling_up=False)
            )
        except Exception:
            tape.put_back(batch)
            raise
        tape.written()
        return last

    async def run(self) -> None:
        """Flush for ever; a file that cannot be written is told once and tried again."""
        while True:
            await asyncio.sleep(FLUSH_S)
            flushing = asyncio.create_task(self.flush_or_tell(), name="flush")
            try:
                await asyncio.shield(flushing)
            except asyncio.CancelledError:
                await flushing  # what was begun is ended, else it might be written twice
                raise

    async def flush_or_tell(self) -> None:
        """Flush; a fault is told when it begins and when it is over, not each time."""
        try:
            await self.flush()
        except StorageFailed as error:
            if not self.failing:
                log.error("records cannot be written and are kept for now: %s", error)
            self.failing = str(error)
        else:
            if self.failing:
                log.info("records are written again")
            self.failing = ""

    async def close(self) -> None:
        """Flush and close every file that is still open."""
        try:
            await self.flush()
        finally:
            await asyncio.gather(*self._closing.values(), return_exceptions=True)
            for tape in self._tapes.values():
                await asyncio.to_thread(tape.writer.close)
            self._tapes.clear()


def sample_of(reading: Reading) -> Sample:
    """A reading in the words of the records."""
    received = to_us(reading.received)
    source = to_us(reading.source) if reading.source else None
    return Sample(
        Series(reading.device, reading.signal, reading.unit),
        received,
        reading.value,
        Quality[reading.quality.value],
        source if source != received else None,
    )


def part_of(cycle: CycleFinished) -> PartEvent:
    """A finished cycle as a part: judged where it was told, or waiting for a person's verdict."""
    verdict = VERDICTS.get(cycle.verdict, Verdict.UNJUDGED)
    told = 0 <= cycle.duration_s < inf
    source = PartSource(cycle.told_by)
    return PartEvent(cycle.at, verdict, source, cycle.duration_s if told else None)
