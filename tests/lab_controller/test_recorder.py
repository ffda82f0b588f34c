"""From facts to files: nothing noted is lost, and what is lost is said to be."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from equipment_drivers.contract import DeviceSpec, SignalSpec
from equipment_drivers.model import (
    CycleFinished,
    DeviceState,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller import recorder as recorder_module
from lab_controller.board import Board, DeviceView
from lab_controller.database import Database, StorageFailed, connect
from lab_controller.facts import Bus
from lab_controller.recorder import Recorder
from lab_controller.telemetry_files import TelemetryFiles
from tests.lab_controller.hand_clock import HandClock
from trial_logs import evidence, record
from trial_logs.chain import Segment
from trial_logs.errors import AlreadyExists
from trial_logs.model import (
    Batch,
    Condition,
    GapEdge,
    Note,
    RunHeader,
    RunMoved,
    RunState,
    Series,
    Verdict,
)
from trial_logs.stamps import to_us

PATIENCE_S = 20.0
HEAT = Series("printer", "heat", "Cel")
HEADER = RunHeader("R1", "T1", 1, "bench", Condition("標準"), "佐倉 花", simulated=False)


def view(device: str, connection: str) -> DeviceView:
    signals = {"heat": SignalSpec("heat", "Cel", 10.0)}
    return DeviceView(device, connection, DeviceSpec(device, "fake", {}, signals))


@dataclass
class Desk:
    """A recorder and what it hears."""

    clock: HandClock
    bus: Bus
    board: Board
    telemetry: TelemetryFiles
    recorder: Recorder

    def read(self, value: float | None, device: str = "printer", quality: str = "GOOD") -> None:
        self.clock.go(0.1)
        now = self.clock.now()
        self.bus.tell(Reading(device, "heat", value, "Cel", Quality[quality], now))

    def link(self, link: Link, code: str = "", connection: str = "usb") -> None:
        self.clock.go(0.1)
        self.bus.tell(LinkChanged(connection, link, self.clock.now(), code))

    async def start(self, *devices: str) -> None:
        await self.recorder.start(HEADER, devices or ("printer",), self.clock.now())

    async def finish(self):
        moved = RunMoved(self.clock.now(), RunState.FINISHED, "staff")
        return await self.recorder.end("R1", moved)

    def evidence(self, function):
        db = connect(self.recorder.path("R1"), read_only=True)
        try:
            return function(db)
        finally:
            db.close()

    def heats(self) -> list[float | None]:
        return self.evidence(
            lambda db: [one.value for one in record.all_readings(db) if one.series == HEAT]
        )

    def gaps(self) -> list[tuple[str, bool, str]]:
        return [(one.device, one.opened, one.cause) for one in self.evidence(record.gap_edges)]

    async def journal(self) -> list[float | None]:
        now = to_us(self.clock.now())
        hour = 3_600_000_000
        return await self.telemetry.read(
            lambda journal: [one.value for one in journal.read(HEAT, now - hour, now + hour)]
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock, bus = HandClock(), Bus()
    board = Board([view("printer", "usb"), view("robot", "lan")])
    telemetry = TelemetryFiles(tmp_path / "telemetry")
    recorder = Recorder(clock=clock, board=board, telemetry=telemetry, folder=tmp_path / "evidence")  # type: ignore[arg-type]
    bus.listen(board.hear)
    bus.listen(recorder.hear)
    found = Desk(clock, bus, board, telemetry, recorder)
    found.link(Link.ONLINE)
    found.link(Link.ONLINE, connection="lan")
    yield found
    await recorder.close()
    await asyncio.to_thread(telemetry.close)


async def test_every_sample_goes_to_the_journal_a_runs_own_to_its_evidence(desk: Desk) -> None:
    desk.read(20.0)
    await desk.start()
    desk.read(21.0)
    desk.read(99.0, "robot")
    desk.read(22.0, quality="UNCERTAIN")
    desk.read(None, quality="BAD")
    await desk.recorder.flush()
    assert await desk.journal() == [20.0, 21.0, 22.0, None]
    assert desk.heats() == [20.0, 21.0, 22.0, None]  # the first is what was known at the start
    desk.read(23.0)
    await desk.finish()
    desk.read(24.0)
    await desk.recorder.flush()
    assert desk.heats() == [20.0, 21.0, 22.0, None, 23.0]
    assert await desk.journal() == [20.0, 21.0, 22.0, None, 23.0, 24.0]


async def test_a_run_that_is_over_leaves_one_plain_file(desk: Desk) -> None:
    await desk.start()
    desk.read(20.0)
    last = await desk.finish()
    path = desk.recorder.path("R1")
    assert [one.name for one in path.parent.iterdir()] == ["R1.db"]
    assert not desk.recorder.live("R1")
    assert desk.evidence(record.moves)[-1].state is RunState.FINISHED
    note = Batch(notes=(Note(desk.clock.now(), "後日", "staff"),))
    assert (await desk.recorder.add("R1", note)).n == last.n + 1
    assert [one.name for one in path.parent.iterdir()] == ["R1.db"]


async def test_while_one_run_is_rolled_up_the_others_are_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, roll_up = threading.Event(), evidence.roll_up

    def slowly(db: Database, now: datetime) -> Segment:
        assert go_on.wait(PATIENCE_S)
        return roll_up(db, now)

    monkeypatch.setattr(evidence, "roll_up", slowly)
    await desk.start()
    ending = asyncio.create_task(desk.finish())
    await asyncio.sleep(0)
    desk.read(205.0)
    async with asyncio.timeout(PATIENCE_S):
        await desk.recorder.flush()
    assert not desk.recorder.live("R1")
    note = Note(desk.clock.now(), "later", "staff")
    noting = asyncio.create_task(desk.recorder.add("R1", Batch(notes=[note])))
    await asyncio.sleep(0)
    go_on.set()
    assert (await noting).n == (await ending).n + 1


async def test_an_end_stands_whatever_becomes_of_the_roll_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def too_large(db: Database, now: datetime) -> Segment:
        raise ValueError("a total without bound")

    monkeypatch.setattr(evidence, "roll_up", too_large)
    await desk.start()
    last = await desk.finish()
    assert "not rolled up" in caplog.text
    assert desk.evidence(record.moves)[-1].state is RunState.FINISHED
    note = Batch(notes=(Note(desk.clock.now(), "later", "staff"),))
    assert (await desk.recorder.add("R1", note)).n == last.n + 1


async def test_later_words_on_a_run_come_one_after_the_other(desk: Desk) -> None:
    await desk.start()
    await desk.finish()
    notes = [Batch(notes=(Note(desk.clock.now(), str(n), "staff"),)) for n in range(8)]
    segments = await asyncio.gather(*(desk.recorder.add("R1", one) for one in notes))
    assert len({one.n for one in segments}) == 8


async def test_an_outage_has_two_edges_however_often_it_was_tried(desk: Desk) -> None:
    await desk.start("printer", "robot")
    desk.link(Link.BACKOFF, "driver.link_lost")
    for _ in range(3):
        desk.link(Link.CONNECTING)
        desk.link(Link.BACKOFF, "driver.connect_failed")
    desk.link(Link.SYNCING)
    desk.link(Link.ONLINE)
    desk.link(Link.DEGRADED)
    await desk.finish()
    assert desk.gaps() == [("printer", True, "driver.link_lost"), ("printer", False, "")]


async def test_a_run_that_begins_without_a_wire_begins_with_a_gap(desk: Desk) -> None:
    desk.read(20.0)
    desk.link(Link.BACKOFF, "driver.link_lost")
    await desk.start()
    await desk.recorder.flush()
    assert desk.gaps() == [("printer", True, "driver.link_lost")]
    assert desk.heats() == []  # what is stale is no first value
    desk.link(Link.ONLINE)
    await desk.finish()
    assert desk.gaps() == [("printer", True, "driver.link_lost"), ("printer", False, "")]


async def test_cycles_become_parts_judged_or_waiting(desk: Desk) -> None:
    await desk.start()
    for verdict, seconds in (
        ("good", 3.5),
        ("scrap", 4.0),
        ("unknown", 5.0),
        ("unknown", float("nan")),
        ("good", -1.0),
    ):
        desk.bus.tell(CycleFinished("printer", desk.clock.now(), seconds, verdict))
    desk.bus.tell(CycleFinished("robot", desk.clock.now(), 1.0, "good"))
    await desk.finish()
    parts = desk.evidence(record.parts)
    assert [(one.verdict, one.event.cycle_time_s) for one in parts] == [
        (Verdict.GOOD, 3.5),
        (Verdict.SCRAP, 4.0),
        (Verdict.UNJUDGED, 5.0),
        (Verdict.UNJUDGED, None),
        (Verdict.GOOD, None),
    ]


async def test_states_are_recorded_with_all_three_axes(desk: Desk) -> None:
    await desk.start()
    desk.board.set_latched(["printer"])
    desk.bus.tell(DeviceState("printer", Operation.FAULT, Safety.NORMAL, desk.clock.now()))
    await desk.finish()
    seen = desk.evidence(record.states)
    assert [(one.link, one.operation, one.safety) for one in seen] == [
        ("online", "unknown", "unknown"),
        ("online", "fault", "lab_latched"),
    ]


class FullDisk:
    """A stretch of time in which a function of the store fails."""

    def __init__(self, patch: pytest.MonkeyPatch, target: object, name: str) -> None:
        self._patch, self._target, self._name = patch, target, name
        self._real = getattr(target, name)
        self.tries = 0

    def begin(self) -> None:
        def full(*_: object, **__: object) -> None:
            self.tries += 1
            raise StorageFailed(file="x.db", cause="disk full")

        self._patch.setattr(self._target, self._name, full)

    def end(self) -> None:
        self._patch.setattr(self._target, self._name, self._real)


async def test_a_full_disk_costs_no_sample(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch, evidence, "append_segment")
    journal = FullDisk(monkeypatch, desk.telemetry._journal, "append")
    await desk.start()
    disk.begin()
    journal.begin()
    for value in (21.0, 22.0, 23.0):
        desk.read(value)
        with pytest.raises(StorageFailed):
            await desk.recorder.flush()
    desk.link(Link.BACKOFF, "driver.link_lost")
    desk.bus.tell(CycleFinished("printer", desk.clock.now(), 2.0))
    with pytest.raises(StorageFailed):
        await desk.recorder.flush()
    disk.end()
    journal.end()
    desk.read(24.0)
    await desk.recorder.flush()
    assert await desk.journal() == [21.0, 22.0, 23.0, 24.0]
    assert desk.heats() == [21.0, 22.0, 23.0, 24.0]
    assert desk.gaps() == [("printer", True, "driver.link_lost")]
    assert len(desk.evidence(record.parts)) == 1


async def test_one_file_that_fails_does_not_keep_the_other_from_being_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FullDisk(monkeypatch, desk.telemetry._journal, "append")
    journal.begin()
    await desk.start()
    desk.read(21.0)
    with pytest.raises(StorageFailed):
        await desk.recorder.flush()
    assert desk.heats() == [21.0]
    note = Batch(notes=(Note(desk.clock.now(), "書けます", "staff"),))
    await desk.recorder.add("R1", note)
    await desk.finish()
    journal.end()


async def test_what_is_kept_is_bounded_and_the_loss_is_a_gap(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_KEPT", 3)
    disk = FullDisk(monkeypatch, evidence, "append_segment")
    journal = FullDisk(monkeypatch, desk.telemetry._journal, "append")
    await desk.start()
    disk.begin()
    journal.begin()
    stamps = []
    for value in range(6):
        desk.read(float(value))
        stamps.append(desk.clock.now())
        with pytest.raises(StorageFailed):
            await desk.recorder.flush()
    disk.end()
    journal.end()
    await desk.recorder.flush()
    assert desk.heats() == await desk.journal() == [3.0, 4.0, 5.0]
    cause = StorageFailed.code
    assert desk.evidence(record.gap_edges) == [
        GapEdge(stamps[0], "*", True, cause),
        GapEdge(stamps[3], "*", False, cause),
    ]
    desk.read(7.0)
    await desk.finish()
    assert len(desk.gaps()) == 2


async def test_a_full_disk_is_told_once_and_so_is_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(monkeypatch, evidence, "append_segment")
    await desk.start()
    disk.begin()
    with caplog.at_level(logging.INFO, logger="lab_controller.recorder"):
        for _ in range(3):
            desk.read(20.0)
            await desk.recorder.flush_or_tell()
        assert "full" in desk.recorder.failing
        disk.end()
        for _ in range(3):
            await desk.recorder.flush_or_tell()
    assert desk.recorder.failing == ""
    assert [one.levelname for one in caplog.records] == ["ERROR", "INFO"]


async def test_a_real_full_disk_does_not_end_the_recording(desk: Desk) -> None:
    """SQLite's own word for it, not ours: the journal's file may not grow."""
    desk.read(20.0)
    await desk.recorder.flush()
    (month,) = desk.telemetry._open.values()
    month.execute("PRAGMA max_page_count = 1")
    for _ in range(3000):
        desk.read(1.0)
    with pytest.raises(StorageFailed, match="full"):
        await desk.recorder.flush()
    month.execute("PRAGMA max_page_count = 100000")
    await desk.recorder.flush()
    assert len(await desk.journal()) == 3001


async def test_an_end_that_cannot_be_written_keeps_the_tape(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, evidence, "append_segment")
    await desk.start()
    desk.read(21.0)
    disk.begin()
    with pytest.raises(StorageFailed):
        await desk.finish()
    disk.end()
    await desk.recorder.flush()
    assert desk.heats() == [21.0]
    await desk.finish()
    assert not desk.recorder.live("R1")


async def test_a_run_is_not_recorded_twice(desk: Desk) -> None:
    await desk.start()
    await desk.finish()
    with pytest.raises(AlreadyExists):
        await desk.start()
    assert not desk.recorder.live("R1")


async def test_being_ended_in_the_middle_of_a_flush_writes_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "FLUSH_S", 0.0)
    await desk.start()
    running = asyncio.create_task(desk.recorder.run())
    desk.read(21.0)
    async with asyncio.timeout(20.0):
        while not desk.recorder._flushing.locked():  # noqa: ASYNC110
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    desk.read(22.0)
    await desk.finish()
    assert desk.heats() == [21.0, 22.0]
    await desk.recorder.flush()
    assert await desk.journal() == [21.0, 22.0]


async def test_months_are_files_of_their_own(desk: Desk, tmp_path: Path) -> None:
    desk.read(20.0)
    await desk.recorder.flush()
    desk.clock.lab += timedelta(days=31)
    desk.read(21.0)
    await desk.recorder.flush()
    await desk.telemetry.settle(to_us(desk.clock.now()))
    names = sorted(path.name for path in (tmp_path / "telemetry").glob("*.db"))
    assert names == ["2026-11.db", "2026-12.db"]
    assert not (tmp_path / "telemetry" / "2026-11.db-wal").exists()
    await desk.telemetry.drop_before(to_us(desk.clock.now()) - 1)
    assert not (tmp_path / "telemetry" / "2026-11.db").exists()
    assert await desk.journal() == [21.0]


async def test_closing_the_journal_twice_does_no_harm(desk: Desk) -> None:
    desk.read(20.0)
    await desk.recorder.flush()
    await asyncio.to_thread(desk.telemetry.close)
    await asyncio.to_thread(desk.telemetry.close)
