"""A whole lab in the test's own process: fake drivers, a real stopper's door, a clock set by hand.

printer (fed by the plug) and robot can act; room only measures; plug and room share the hub.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from booking import migrations as booking_tables
from booking.model import Booking, BookingRequest
from booking.store import directory
from equipment_drivers import registry
from equipment_drivers.contract import (
    Arguments,
    CommandContext,
    CommandResult,
    CommandSpec,
    DeviceSpec,
    Effect,
    SignalSpec,
    StopOutcome,
    StopReport,
)
from equipment_drivers.lifecycle import Limits
from equipment_drivers.model import Operation
from lab_controller import bootstrap
from lab_controller import migrations as lab_tables
from lab_controller.bootstrap import Lab
from lab_controller.config import Settings, load
from lab_controller.database import connect
from lab_controller.services.bookings import Certificate
from lab_controller.stopper import door as door_module
from lab_controller.stopper.controller import ControllerChannel
from lab_controller.stopper.door import Door
from lab_controller.stopper.latch_file import LatchKeeper
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.stopper import Stopper
from tests.equipment_drivers.fakes import AWAKE, STILL, FakeDriver, NoArguments
from tests.lab_controller.hand_clock import HandClock
from trial_logs import migrations as trial_tables
from trial_logs.model import Band, Condition, TrialDraft

PATIENCE_S = 20.0
LIMITS = Limits(attempt_s=5.0, backoff_first_s=0.001, backoff_max_s=0.002, steady_s=60.0)
BY = "staff"

CONFIG = """\
[lab]
name = { ja = "試験ラボ", en = "Test lab" }
data_dir = "data"
open_on_holidays = true
environment = ["room"]
[lab.hours]
mon = "00:00-24:00"
tue = "00:00-24:00"
wed = "00:00-24:00"
thu = "00:00-24:00"
fri = "00:00-24:00"
sat = "00:00-24:00"
sun = "00:00-24:00"

[[equipment]]
id = "bench"
name = { ja = "作業台", en = "Bench" }
category = "printer"
devices = ["printer"]
qualification = "fdm"
policy = { notice_minutes = 0, check_in_opens_minutes = 60 }

[[equipment]]
id = "cell"
name = { ja = "セル", en = "Cell" }
category = "robot"
devices = ["robot"]
policy = { notice_minutes = 0, check_in_opens_minutes = 60 }

[[connection]]
id = "usb"
driver = "bench"

[[connection]]
id = "lan"
driver = "bench"

[[connection]]
id = "hub"
driver = "bench"

[[device]]
id = "printer"
name = { ja = "プリンター", en = "Printer" }
connection = "usb"
power = "plug"
estop = { ja = "正面の赤いボタン", en = "red button at the front" }

[[device]]
id = "robot"
name = { ja = "ロボット", en = "Robot" }
connection = "lan"

[[device]]
id = "plug"
name = { ja = "プラグ", en = "Plug" }
connection = "hub"

[[device]]
id = "room"
name = { ja = "室内", en = "Room" }
connection = "hub"
"""


def command(verb: str, effect: Effect) -> CommandSpec:
    return CommandSpec(verb, NoArguments, effect, STILL if effect is Effect.ACTUATE else AWAKE)


PLUG = (
    {
        "turn_on": command("turn_on", Effect.ACTUATE),
        "refresh": command("refresh", Effect.READ),
    },
    {"on": SignalSpec("on", "1", 60.0), "energy": SignalSpec("energy", "kW.h", 60.0, 3)},
)
ROOM = ({"look": command("look", Effect.READ)}, {"heat": SignalSpec("heat", "Cel", 60.0)})


class BenchDriver(FakeDriver):
    """The fake driver with a plug's and a sensor's words, and a descriptor to write a stop to."""

    drivers: dict[str, BenchDriver] = {}  # noqa: RUF012

    def __init__(self, connection: str, *args, **kwargs) -> None:
        super().__init__(connection, *args, **kwargs)
        self.drivers[connection] = self
        self.rested: list[str] = []
        self.rest_outcome: Mapping[str, StopOutcome | Exception] = {}
        self.bytes_of_stop: int | None = None
        self._stop_fd: int | None = None

    def device_spec(self, device: str) -> DeviceSpec:
        if device == "plug":
            return DeviceSpec(device, "plug", *PLUG)
        if device == "room":
            return DeviceSpec(device, "sensor", *ROOM)
        return super().device_spec(device)

    def stop_descriptor(self) -> int | None:
        return self._stop_fd

    async def connect(self) -> None:
        await super().connect()
        self.bytes_of_stop, self._stop_fd = os.pipe()

    async def execute(
        self, device: str, verb: str, args: Arguments, context: CommandContext
    ) -> CommandResult:
        result = await super().execute(device, verb, args, context)
        if verb == "turn_on":
            self.measure("plug", "on", 1.0)
        if verb == "refresh":
            self.measure("plug", "energy", 1.5)
        return result

    async def safe_state(self, device: str) -> StopReport:
        self.rested.append(device)
        outcome = self.rest_outcome.get(device, StopOutcome.CONFIRMED)
        if isinstance(outcome, Exception):
            raise outcome
        if device == "plug" and outcome is not StopOutcome.FAILED:
            self.measure("plug", "on", 0.0)
        self.report(device, Operation.IDLE)
        return StopReport(device, outcome, "told")

    async def close(self) -> None:
        await super().close()
        for fd in (self._stop_fd, self.bytes_of_stop):
            if fd is not None:
                os.close(fd)
        self._stop_fd = self.bytes_of_stop = None


@dataclass
class Bench:
    """The running lab and the test's hands in it."""

    lab: Lab
    clock: HandClock
    stopper: Stopper
    keys: int = 0
    heard: list[object] = field(default_factory=list)

    def driver(self, connection: str) -> BenchDriver:
        return BenchDriver.drivers[connection]

    async def until(self, holds) -> None:
        """Wait for a condition over the board."""
        async with asyncio.timeout(PATIENCE_S):
            await self.lab.board.until(holds)

    async def when(self, holds) -> None:
        """Wait for something the fake drivers note."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def online(self) -> None:
        await self.until(lambda: all(one.link == "online" for one in self.lab.board.views.values()))

    async def people(self) -> str:
        """A factory and its qualified operator; returns the operator's id."""
        now = self.clock.now()
        await self.lab.db.write(
            lambda db: directory.add_party(
                db, name="サクラ精密", now=now, by=BY, party_id="sakura", phone="03-0000-0000"
            )
        )
        person = await self.lab.bookings.add_person("sakura", "佐倉 花", "さくら はな", by=BY)
        held = Certificate("fdm", date(2026, 1, 1), date(2028, 1, 1), "F-1")
        await self.lab.bookings.add_qualification(person.id, held, by=BY)
        return person.id

    async def book(
        self, equipment: str = "bench", *, operator: str | None, minutes: int = 120
    ) -> Booking:
        """A confirmed booking from the next half hour on."""
        self.keys += 1
        start = self.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=30)
        wanted = BookingRequest(
            equipment_id=equipment,
            start=start,
            end=start + timedelta(minutes=minutes),
            idempotency_key=f"bench-{self.keys:08}",
            party_id="sakura",
            operator_id=operator,
        )
        booked = await self.lab.bookings.request(wanted, by=BY)
        return (await self.lab.bookings.confirm(booked.booking.id, by=BY)).booking

    async def checked_in(self, equipment: str = "bench", *, minutes: int = 120) -> Booking:
        """A party that is here, at the start of its slot."""
        known = await self.lab.bookings.parties()
        operator = None
        if not known:
            operator = await self.people()
        else:
            operator = (await self.lab.bookings.people("sakura"))[0][0].id
        booking = await self.book(equipment, operator=operator, minutes=minutes)
        self.clock.go((booking.start - self.clock.now()).total_seconds())
        return (await self.lab.bookings.check_in(booking.id, by=BY)).booking

    async def armed(self, equipment: str = "bench", *, minutes: int = 120) -> Booking:
        """A party on equipment that is ready."""
        booking = await self.checked_in(equipment, minutes=minutes)
        await self.lab.arming.arm(booking.id, by=BY)
        return booking

    async def both_armed(self) -> tuple[Booking, Booking]:
        """One party on the cell and one on the bench, at the same time."""
        operator = await self.people()
        made = [await self.book(one, operator=operator) for one in ("cell", "bench")]
        self.clock.go((made[0].start - self.clock.now()).total_seconds())
        for booking in made:
            await self.lab.bookings.check_in(booking.id, by=BY)
            await self.lab.arming.arm(booking.id, by=BY)
        return made[0], made[1]

    async def trial(self, booking: Booking) -> str:
        """A trial with one condition."""
        draft = TrialDraft(
            booking_id=booking.id,
            party_id="sakura",
            equipment_id=booking.equipment_id,
            title="治具",
            conditions=(Condition("標準", bands=(Band("printer", "heat", 190.0, 210.0),)),),
        )
        return (await self.lab.trials.create(draft)).id

    async def run(self, booking: Booking) -> str:
        """A planned run."""
        trial = await self.trial(booking)
        return (await self.lab.trials.plan_run(trial, "標準", "佐倉 花")).run.id

    async def at_work(self, booking: Booking) -> str:
        """A run that has begun, and a job of the printer's that will not end by itself."""
        run = await self.run(booking)
        await self.lab.trials.start(run, by=BY)
        self.driver("usb").gate.clear()
        await self.lab.coordinator.command("printer", "run_job", {}, by=BY, wait=False)
        await self.when(lambda: "run_job" in self.driver("usb").started)
        return run

    async def ledger(self) -> list[tuple[str, str, str, str]]:
        """(device, verb, state, code) of every command, oldest first."""
        sql = "SELECT device, verb, state, code FROM lab_command ORDER BY rowid"
        return await self.lab.db.read(lambda db: db.execute(sql).fetchall())

    async def leases(self) -> list[tuple[str, str | None]]:
        """(equipment, how it ended) of every lease."""
        sql = "SELECT equipment, end_reason FROM lab_lease ORDER BY number"
        return await self.lab.db.read(lambda db: db.execute(sql).fetchall())


@dataclass
class Site:
    """A place with a configuration and a stopper, where labs are opened and closed."""

    folder: Path
    clock: HandClock
    stopper: Stopper
    door: Door | None
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def stopper_dies(self) -> None:
        """Its door closes; may be called twice."""
        door, self.door = self.door, None
        if door is not None:
            await door.close()

    def build(self) -> Lab:
        path = self.folder / "lab.toml"
        return bootstrap.build(
            load(path), path, socket=self.folder / "s.sock", on_lost=self.lost.set, limits=LIMITS
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Bench]:
        """One life of the lab, everything online."""
        lab = self.build()
        bench = Bench(lab, self.clock, self.stopper)
        lab.bus.listen(bench.heard.append)
        await lab.start()
        try:
            await bench.online()
            yield bench
        finally:
            await lab.stop()


@cache
def empty_books() -> bytes:
    """A lab.db with all its tables and nothing in them: making them takes longer than most tests.

    That a lab makes its own is proved in test_bootstrap.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lab.db"
        db = connect(path)
        for apply in (lab_tables.migrate, booking_tables.migrate, trial_tables.lab.apply):
            apply(db)
            db.conn.commit()
        db.close()
        return path.read_bytes()


@asynccontextmanager
async def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The configuration, the stopper behind its socket, and the fake driver by its name."""
    clock = HandClock(datetime(2026, 11, 20, 1, 0, tzinfo=UTC))
    monkeypatch.setattr(registry, "find", lambda driver: BenchDriver)
    monkeypatch.setattr(Settings, "clock", clock)
    monkeypatch.setattr(door_module, "PERMIT_S", 60.0)  # a busy machine is no dead stopper
    (folder / "lab.toml").write_text(CONFIG, encoding="utf-8")
    controller = ControllerChannel()
    (folder / "data").mkdir()
    (folder / "data" / "lab.db").write_bytes(empty_books())
    stopper = Stopper(LatchKeeper(folder / "data" / "stop.latch"), Reach(), controller.push)
    door = Door(folder / "s.sock", stopper, controller, dict)
    found = Site(folder, clock, stopper, door)
    try:
        yield found
    finally:
        await found.stopper_dies()
        await stopper.close()
        controller.close()
