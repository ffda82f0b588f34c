"""The composition root: settings in, a whole lab out. Nothing here decides anything."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from booking import migrations as booking_tables
from booking.store import catalogue as booking_rows
from equipment_drivers.lifecycle import Limits
from lab_controller import config, grant_packs, leases, ledger, migrations, schedule, wiring
from lab_controller.config import Settings
from lab_controller.floor import Floor, build_floor
from lab_controller.jobfiles import JobFile, JobFiles, UnknownGcode
from lab_controller.schedule import Wake
from lab_controller.services.arming import Arming
from lab_controller.services.attachments import Attachments
from lab_controller.services.bookings import Bookings
from lab_controller.services.catalogue import calendar_of, equipment_of
from lab_controller.services.dossiers import Dossiers
from lab_controller.services.investments import Investments
from lab_controller.services.operators import Operators
from lab_controller.services.reports import Reports
from lab_controller.services.results import Results
from lab_controller.services.stop_notes import StopNotes
from lab_controller.services.trials import RunScope, Trials
from lab_controller.services.vendor_views import VendorViews
from lab_controller.settling import Settling
from lab_controller.stopper.errors import StopperUnreachable
from lab_controller.under_way import each
from trial_logs import migrations as trial_tables
from trial_logs.stamps import to_us

LEASE_TICK_S = 1.0
INTERLOCK_TICK_S = 0.25
DUE_TICK_S = 2.0
TIDY_TICK_S = 600.0


@dataclass(slots=True)
class Lab(Floor):
    """The floor and the books: everything the doors may use."""

    bookings: Bookings
    arming: Arming
    trials: Trials
    operators: Operators
    stop_notes: StopNotes
    attachments: Attachments
    vendor_views: VendorViews
    investments: Investments
    reports: Reports
    dossiers: Dossiers
    results: Results
    settling: Settling
    job_files: JobFiles
    devices: dict[str, config.Device]
    equipment: dict[str, config.Equipment]
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _scheduler: AsyncIOScheduler | None = None

    @property
    def language(self) -> str:
        return self.settings.lab.language

    def equipment_of(self, device: str) -> str | None:
        """The equipment a device belongs to."""
        return next((one.id for one in self.equipment.values() if device in one.devices), None)

    def with_job_file(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with a kept file's id (`file`) turned into its path and name.

        Raises UnknownGcode, also for a path: what else lies on this disk is nobody's job file.
        """
        given = dict(arguments)
        if "path" in given:
            raise UnknownGcode(file=given["path"])
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
        await asyncio.to_thread(self._leave_buttons)
        await self.permit.open()
        await self.stop_desk.write_down_missed()
        await self.permit.send_plans(self.stop_desk.plans())
        for connection in self.connections.values():
            self._tasks.append(asyncio.create_task(connection.run(), name=connection.id))
        self._tasks.append(asyncio.create_task(self.recorder.run(), name="recorder"))
        self._scheduler = schedule.start(
            [
                Wake("leases", self.arming.keep, LEASE_TICK_S),
                Wake("interlocks", self.watch.tick, INTERLOCK_TICK_S),
                Wake("no-shows", self.bookings.mark_no_shows, DUE_TICK_S),
                Wake("reminders", self.bookings.give_reminders, DUE_TICK_S),
                Wake("telemetry", self.tidy_telemetry, TIDY_TICK_S),
                Wake("orders", self.operators.mark_orders, DUE_TICK_S),
                Wake("stop-rules", self.stop_notes.tick, DUE_TICK_S),
            ]
        )

    async def tidy_telemetry(self) -> None:
        """Seal what has waited, close months that are over, let go what was kept long enough."""
        await self.telemetry.tidy(to_us(self.clock.now()))

    def _leave_buttons(self) -> None:
        """Leave the places of the stop buttons where `machikoba stop` finds them without us."""
        places = {id: one.estop.model_dump() for id, one in self.devices.items() if one.estop}
        path = self.settings.lab.data_dir / "estop.json"
        path.write_text(json.dumps(places, ensure_ascii=False, indent=1), encoding="utf-8")

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
        await self.settling.mark_open()
        await self.trials.interrupt_left_open()

    async def stop(self) -> None:
        """Bring everything to rest, then end; a clean end leaves no latch.

        Every step is taken, also with the stopper gone or the disk full.
        """
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
        await each(
            lambda: self.arming.disarm_all("shutdown"),
            self.watch.settled,
            self._close_wires,
            self.stop_desk.settled,
            self.recorder.close,
            self._take_leave,
            lambda: asyncio.to_thread(self.telemetry.close),
            lambda: asyncio.to_thread(self.db.close),
        )

    async def _close_wires(self) -> None:
        await asyncio.gather(*(connection.stop() for connection in self.connections.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take_leave(self) -> None:
        with contextlib.suppress(StopperUnreachable):
            await self.permit.farewell()
        await self.permit.close()


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
    floor = build_floor(settings, path, socket=socket, on_lost=on_lost, limits=limits)
    data_dir = settings.lab.data_dir
    devices = {device.id: device for device in settings.device}
    equipment = {one.id: one for one in settings.equipment}
    bookings = Bookings(
        clock=floor.clock, bus=floor.bus, lab_db=floor.db, calendar=calendar_of(settings)
    )
    trials = Trials(floor, lambda id: scope_of(floor, id))
    attachments = Attachments(
        floor.clock, floor.db, data_dir / "attachments", settings.lab.max_upload_mb
    )
    arming = Arming(
        floor,
        bookings,
        devices_of=lambda id: equipment[id].devices if id in equipment else (),
        before_disarm=trials.end_on,
    )
    floor.stop_desk.after_stop = arming.after_stop
    reports = Reports(settings=settings, clock=floor.clock, lab_db=floor.db)
    investments = Investments(floor, grant_packs.load(settings.dossier.packs, path))
    dossiers = Dossiers(
        settings=settings,
        clock=floor.clock,
        lab_db=floor.db,
        investments=investments,
        attachments=attachments,
    )
    return Lab(
        **{one.name: getattr(floor, one.name) for one in fields(floor)},
        bookings=bookings,
        arming=arming,
        trials=trials,
        operators=Operators(floor, trials, bookings),
        stop_notes=StopNotes(trials, settings.lab.language),
        attachments=attachments,
        vendor_views=VendorViews(floor.clock, floor.db, attachments),
        investments=investments,
        reports=reports,
        dossiers=dossiers,
        results=Results(trials=trials, reports=reports, dossiers=dossiers, lab_db=floor.db),
        settling=Settling(
            floor.clock, floor.bus, floor.board, floor.connections, floor.coordinator, floor.db
        ),
        job_files=JobFiles(data_dir / "gcode"),
        devices=devices,
        equipment=equipment,
    )


def scope_of(floor: Floor, equipment: str) -> RunScope:
    """A run records its equipment and the room; energy is the plugs' or else the machines' own."""
    settings, board = floor.settings, floor.board
    booked = next((one for one in settings.equipment if one.id == equipment), None)
    own = booked.devices if booked else []
    main = [booked.main_device] if booked and booked.main_device else []
    metered = [one for one in own if "energy" in board[one].spec.signals]
    plugs = [one for one in metered if one in floor.power.values()]
    return RunScope(
        devices=tuple(dict.fromkeys([*own, *main, *settings.lab.environment])),
        energy=tuple((device, "energy") for device in plugs or metered),
        machines=tuple(main) or machines_of(floor, own),
    )


def machines_of(floor: Floor, own: Sequence[str]) -> tuple[str, ...]:
    """The devices whose states decide what a moment of a run is counted as.

    What acts and does not only feed another; without such, what a person starts and finishes.
    """
    plugs = floor.power.values()
    acting = [one for one in own if wiring.acts(floor.board[one]) and one not in plugs]
    by_hand = [one for one in own if "start" in floor.board[one].spec.commands]
    return tuple(acting or by_hand)
