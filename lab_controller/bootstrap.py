"""The composition root: settings in, a whole lab out. Nothing here decides anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from booking import migrations as booking_tables
from booking.store import catalogue as booking_rows
from equipment_drivers.contract import StopPlan
from equipment_drivers.lifecycle import Connection, Limits
from lab_controller import config, leases, ledger, migrations, schedule, wiring
from lab_controller.board import Board
from lab_controller.clock import LabClock
from lab_controller.config import Settings
from lab_controller.coordinator import Coordinator
from lab_controller.database import Writer
from lab_controller.facts import Bus
from lab_controller.jobfiles import JobFile, JobFiles
from lab_controller.leases import Leases
from lab_controller.permit import Permit
from lab_controller.recorder import Recorder
from lab_controller.schedule import Wake
from lab_controller.services.arming import Arming
from lab_controller.services.bookings import Bookings
from lab_controller.services.catalogue import calendar_of, equipment_of
from lab_controller.services.reports import Reports
from lab_controller.services.trials import RunScope, Trials
from lab_controller.stopping import StopDesk
from lab_controller.telemetry_files import TelemetryFiles
from lab_controller.wiring import Wire
from trial_logs import migrations as trial_tables

LEASE_TICK_S = 1.0
DUE_TICK_S = 2.0


@dataclass(slots=True)
class Lab:
    """Everything the doors may use."""

    settings: Settings
    clock: LabClock
    bus: Bus
    board: Board
    db: Writer
    telemetry: TelemetryFiles
    permit: Permit
    connections: dict[str, Connection]
    leases: Leases
    coordinator: Coordinator
    stop_desk: StopDesk
    recorder: Recorder
    bookings: Bookings
    arming: Arming
    trials: Trials
    reports: Reports
    job_files: JobFiles
    devices: dict[str, config.Device]
    equipment: dict[str, config.Equipment]
    _tasks: list[asyncio.Task[None]]
    _scheduler: AsyncIOScheduler | None = None

    @property
    def language(self) -> str:
        return self.settings.lab.language

    @property
    def stop_means(self) -> dict[str, StopPlan]:
        """How each device is stopped, as known now: a robot's plan is known once it was seen."""
        return {plan.device: plan for plan in self.stop_desk.plans()}

    def equipment_of(self, device: str) -> str | None:
        """The equipment a device belongs to."""
        return next((one.id for one in self.equipment.values() if device in one.devices), None)

    def with_job_file(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with a kept file's id (`file`) turned into its path and name."""
        given = dict(arguments)
        if "file" in given:
            kept = self.job_files.get(str(given.pop("file")))
            given |= {"path": str(kept.path), "name": kept.name}
        return given

    async def keep_job_file(self, name: str, content: bytes) -> JobFile:
        """Check a job file and keep it, off the loop."""
        return await asyncio.to_thread(self.job_files.keep, name, content)

    async def start(self) -> None:
        """Bring the lab up: read back, move nothing, then wake the jobs."""
        await self._open_books()
        await self.permit.open()
        await self.permit.send_plans(self.stop_desk.plans())
        for connection in self.connections.values():
            self._tasks.append(asyncio.create_task(connection.run(), name=connection.id))
        self._tasks.append(asyncio.create_task(self.recorder.run(), name="recorder"))
        self._scheduler = schedule.start(
            [
                Wake("leases", self.arming.keep, LEASE_TICK_S),
                Wake("no-shows", self.bookings.mark_no_shows, DUE_TICK_S),
                Wake("reminders", self.bookings.give_reminders, DUE_TICK_S),
            ]
        )

    async def _open_books(self) -> None:
        now = self.clock.now()
        equipment, calendar = equipment_of(self.settings), self.bookings.calendar
        await self.db.write(migrations.migrate)
        await self.db.write(booking_tables.migrate)
        await self.db.write(trial_tables.lab.apply)
        await self.db.write(lambda db: booking_rows.sync_lab(db, calendar, now))
        await self.db.write(lambda db: booking_rows.sync_catalogue(db, equipment, now))
        await self.db.write(lambda db: ledger.close_left_open(db, now))
        await self.db.write(lambda db: leases.close_left_open(db, now))
        await self.trials.interrupt_left_open()

    async def stop(self) -> None:
        """Bring everything to rest, then end; a clean end leaves no latch."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
        await self.arming.disarm_all("shutdown")
        for connection in self.connections.values():
            await connection.stop()
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.stop_desk.settled()
        await self.recorder.close()
        await self.permit.farewell()
        await self.permit.close()
        await asyncio.to_thread(self.telemetry.close)
        await asyncio.to_thread(self.db.close)


def build(
    settings: Settings,
    path: Path,
    *,
    socket: Path,
    on_lost: Callable[[], None] = lambda: None,
    limits: Limits | None = None,
) -> Lab:
    """Compose a lab from its settings. Raises ConfigInvalid for drivers and their options.

    `on_lost` is called when the stopper is gone for good: the lab must come to rest and end.
    """
    floor = _build_floor(settings, wiring.plan_wires(settings, path), socket, on_lost, limits)
    data_dir, equipment = settings.lab.data_dir, {one.id: one for one in settings.equipment}
    bookings = Bookings(
        clock=floor.clock, bus=floor.bus, lab_db=floor.db, calendar=calendar_of(settings)
    )
    trials = Trials(
        clock=floor.clock,
        bus=floor.bus,
        board=floor.board,
        lab_db=floor.db,
        recorder=floor.recorder,
        coordinator=floor.coordinator,
        connections=floor.connections,
        leases=floor.leases,
        scope_of=lambda id: scope_of(settings, floor.board, floor.power, id),
        simulated=settings.lab.simulated,
        zone=settings.zone,
    )
    arming = Arming(
        clock=floor.clock,
        bus=floor.bus,
        board=floor.board,
        coordinator=floor.coordinator,
        connections=floor.connections,
        power=floor.power,
        devices_of=lambda id: equipment[id].devices if id in equipment else (),
        bookings=bookings,
        leases=floor.leases,
        permit=floor.permit,
        lab_db=floor.db,
        before_disarm=trials.end_on,
    )
    floor.stop_desk.after_stop = arming.after_stop
    devices = {device.id: device for device in settings.device}
    reports = Reports(
        settings=settings,
        devices=devices,
        trials=trials,
        bookings=bookings,
        signals=lambda id: floor.board[id].spec.signals,
        folder=data_dir / "reports",
    )
    return Lab(
        settings=settings,
        clock=floor.clock,
        bus=floor.bus,
        board=floor.board,
        db=floor.db,
        telemetry=floor.telemetry,
        permit=floor.permit,
        connections=floor.connections,
        leases=floor.leases,
        coordinator=floor.coordinator,
        stop_desk=floor.stop_desk,
        recorder=floor.recorder,
        bookings=bookings,
        arming=arming,
        trials=trials,
        reports=reports,
        job_files=JobFiles(data_dir / "gcode"),
        devices=devices,
        equipment=equipment,
        _tasks=[],
    )


@dataclass(frozen=True, slots=True)
class Floor:
    """The device half of a lab: wires, board, commands, stopping, records."""

    clock: LabClock
    bus: Bus
    board: Board
    db: Writer
    telemetry: TelemetryFiles
    permit: Permit
    power: Mapping[str, str]
    connections: dict[str, Connection]
    leases: Leases
    coordinator: Coordinator
    stop_desk: StopDesk
    recorder: Recorder


def _build_floor(
    settings: Settings,
    wires: list[Wire],
    socket: Path,
    on_lost: Callable[[], None],
    limits: Limits | None,
) -> Floor:
    clock, bus, data_dir = settings.clock, Bus(), settings.lab.data_dir
    power = {device.id: device.power for device in settings.device if device.power}
    db, telemetry = Writer(data_dir / "lab.db"), TelemetryFiles(data_dir / "telemetry")
    leases_held = Leases(clock.monotonic)
    permit = Permit(
        socket,
        on_stopping=lambda stop: desk.stopping(stop),
        on_latch=lambda latch: desk.latch_changed(latch),
        on_lost=on_lost,
    )
    connections = wiring.build(
        wires,
        clock=clock,
        emit=bus.tell,
        before_close=lambda id: desk.wire_closes(id),
        on_online=lambda id: desk.wire_is_up(id),
        limits=limits,
    )
    board = Board(wiring.views(connections))
    desk = StopDesk(
        clock=clock,
        bus=bus,
        board=board,
        connections=connections,
        power=power,
        permit=permit,
        lab_db=db,
    )
    recorder = Recorder(clock=clock, board=board, telemetry=telemetry, folder=data_dir / "evidence")
    for listener in (board.hear, desk.hear, recorder.hear):
        bus.listen(listener)
    coordinator = Coordinator(
        clock=clock,
        bus=bus,
        board=board,
        connections=connections,
        leases=leases_held,
        permit=permit,
        lab_db=db,
        job_logs=data_dir / "job_logs",
    )
    return Floor(
        clock=clock,
        bus=bus,
        board=board,
        db=db,
        telemetry=telemetry,
        permit=permit,
        power=power,
        connections=connections,
        leases=leases_held,
        coordinator=coordinator,
        stop_desk=desk,
        recorder=recorder,
    )


def scope_of(
    settings: Settings, board: Board, power: Mapping[str, str], equipment: str
) -> RunScope:
    """A run records its equipment and the room; energy is the plugs' or else the machines' own."""
    own = next((one.devices for one in settings.equipment if one.id == equipment), [])
    metered = [one for one in own if "energy" in board[one].spec.signals]
    plugs = [one for one in metered if one in power.values()]
    return RunScope(
        devices=tuple(dict.fromkeys([*own, *settings.lab.environment])),
        energy=tuple((device, "energy") for device in plugs or metered),
    )
