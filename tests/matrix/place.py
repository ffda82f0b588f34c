"""Where a cell is played: a whole floor in this process, the bench's device and a neighbour on it.

The floor (board, coordinator, recorder, leases, the stopper behind its socket) lasts for a lane of
cells; the connection to the bench is made anew for each cell, as a restart would.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlite_utils

from equipment_drivers import lifecycle
from equipment_drivers.conformance.bench import Bench
from equipment_drivers.lifecycle import Connection, Limits
from equipment_drivers.model import Link, LinkChanged
from lab_controller import leases as lease_rows
from lab_controller import migrations, wiring
from lab_controller.board import DeviceView
from lab_controller.config import ConfigInvalid, Device, Interlock, Names, Settings
from lab_controller.config import Connection as ConnectionRow
from lab_controller.config import Lab as LabRow
from lab_controller.facts import Told
from lab_controller.floor import Floor, build_floor
from lab_controller.stopper import door as door_module
from lab_controller.stopper.controller import ControllerChannel
from lab_controller.stopper.door import Door
from lab_controller.stopper.latch_file import LatchKeeper
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.stopper import Stopper
from trial_logs.model import Condition, GapEdge, RunHeader, RunMoved, RunState
from trial_logs.record import gap_edges

PATIENCE_S = 20.0
LIMITS = Limits(attempt_s=3.0, backoff_first_s=0.02, backoff_max_s=0.05, steady_s=60.0, close_s=2.0)
NEIGHBOUR = "neighbour"
NAME = Names(ja="試験", en="test")
BY = "matrix"
DAY = timedelta(days=1)


@dataclass
class Seen:
    """What was told of the bench's device and its neighbour, and what was logged, in one cell."""

    facts: list[Told] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def links(self, connection: str) -> list[LinkChanged]:
        """Changes of one link, oldest first."""
        changes = [one for one in self.facts if isinstance(one, LinkChanged)]
        return [one for one in changes if one.connection == connection]


class Alarms(logging.Handler):
    """Collects the one message that tells people of a lost link."""

    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("connection %s down"):
            self._told(record.getMessage())


class Place:
    """One lane's floor: `opened`, then for each cell `begun`."""

    def __init__(
        self,
        bench: Bench,
        name: str,
        home: Path,
        hub: Mapping[str, object],
        interlocks: Sequence[Interlock] = (),
    ) -> None:
        self.bench, self.device, self._interlocks = bench, bench.device, list(interlocks)
        self.wire = f"wire-{name}"
        self.home, self._hub = home, hub
        self._channel = ControllerChannel()
        self._alarms = Alarms(self._alarm)
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._cells = 0
        self._run = ""
        self.seen = Seen()
        self.lease: int | None = None

    # -- the lane ---------------------------------------------------------------------------

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Compose the floor, bring the neighbour online; in the end nothing is left."""
        await self._open()
        try:
            yield
        finally:
            await self._close()

    async def _open(self) -> None:
        data = self.home / "data"
        data.mkdir(parents=True)
        socket = self.home / "s.sock"
        self._stopper = Stopper(LatchKeeper(data / "stop.latch"), Reach(), self._channel.push)
        self._door = Door(socket, self._stopper, self._channel, dict)
        self.floor = self._built(socket)
        self.floor.bus.listen(self._hear)
        logging.getLogger(lifecycle.__name__).addHandler(self._alarms)
        await self.floor.db.write(migrations.migrate)
        await self.floor.permit.open()
        self._start(NEIGHBOUR)
        await self.until(lambda: self.floor.board[NEIGHBOUR].link.carries_commands)

    def _built(self, socket: Path) -> Floor:
        settings, path = self._settings(), self.home / "lab.toml"
        try:
            return build_floor(settings, path, socket=socket, on_lost=lambda: None, limits=LIMITS)
        except ConfigInvalid as error:
            raise AssertionError(f"{self.bench.id}: {error.problems}") from error

    async def _close(self) -> None:
        logging.getLogger(lifecycle.__name__).removeHandler(self._alarms)
        await self._stop(NEIGHBOUR)
        await self.floor.stop_desk.settled()
        await self.floor.recorder.close()
        await self.floor.permit.farewell()
        await self.floor.permit.close()
        await asyncio.to_thread(self.floor.telemetry.close)
        await asyncio.to_thread(self.floor.db.close)
        await self._door.close()
        await self._stopper.close()
        self._channel.close()

    def _settings(self) -> Settings:
        rows = [
            Device(
                id=str(one["id"]),
                name=NAME,
                connection=self.wire,
                address=str(one.get("address", "")),
                options=dict(one.get("options", {})),  # type: ignore[call-overload]
                estop=NAME,
            )
            for one in self.bench.devices()
        ]
        sensors = {"kind": "sensors", "signals": {"room_temperature": "sensor.lab_temperature"}}
        rows.append(Device(id=NEIGHBOUR, name=NAME, connection=NEIGHBOUR, options=sensors))
        options = self.bench.connection_options()
        return Settings(
            lab=LabRow(name=NAME, data_dir=self.home / "data"),
            connection=[
                ConnectionRow(id=self.wire, driver=self.bench.driver, options=options),
                ConnectionRow(id=NEIGHBOUR, driver="home_assistant", options=self._hub),
            ],
            device=rows,
            interlock=self._interlocks,
        )

    def _hear(self, fact: Told) -> None:
        self.seen.facts.append(fact)

    def _alarm(self, text: str) -> None:
        if text.startswith(f"connection {self.wire} "):
            self.seen.alarms.append(text)

    # -- a cell -----------------------------------------------------------------------------

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """A connection that is not yet started, and a run that records its device.

        In the end no fault, wire closed, record closed, lease gone, latch lifted.
        """
        await self._begin()
        try:
            yield
        finally:
            await self.bench.clear_faults()
            await self._end()

    async def _begin(self) -> None:
        floor, settings = self.floor, self._settings()
        wires = [
            w for w in wiring.plan_wires(settings, self.home / "lab.toml") if w.id == self.wire
        ]
        made = wiring.build(
            wires,
            clock=floor.clock,
            emit=floor.bus.tell,
            before_close=floor.stop_desk.wire_closes,
            on_online=floor.stop_desk.wire_is_up,
            limits=LIMITS,
        )
        floor.connections.update(made)
        floor.board.views.update({view.device: view for view in wiring.views(made)})
        self._cells += 1
        self._run = f"run{self._cells}"
        self.seen = Seen()
        header = RunHeader(self._run, "trial", self._cells, "bench", Condition("one"), BY, True)
        await floor.recorder.start(header, [self.device], floor.clock.now())

    async def _end(self) -> None:
        await self._stop(self.wire)
        await self.floor.stop_desk.settled()
        await self.floor.coordinator.cancel_jobs([self.device])
        now = self.floor.clock.now()
        await self.floor.recorder.end(self._run, RunMoved(now, RunState.FINISHED, BY, "over"))
        if self.lease is not None:
            self.floor.leases.end(self.lease)
            self.lease = None
        if self.floor.permit.latched(self.device):
            await self.floor.permit.reset(
                self.device, by=BY, reason="next cell", verified=[self.device]
            )

    @property
    def connection(self) -> Connection:
        """The wire under test."""
        return self.floor.connections[self.wire]

    @property
    def view(self) -> DeviceView:
        """The device under test as the board knows it."""
        return self.floor.board[self.device]

    def start(self) -> None:
        """Let the connection live."""
        self._start(self.wire)

    async def online(self) -> None:
        """Start, and wait for the link; with nothing wrong it does not stay degraded either."""
        self.start()
        up = await self.until(lambda: self.view.link is Link.ONLINE)
        life = self._lives[self.wire]
        died = life.exception() if life.done() and not life.cancelled() else None
        stands = f"{self.view.link} {self.view.link_code} {self.view.link_params} {died!r}"
        assert up, f"not online with nothing wrong: {stands}"

    async def stop(self) -> None:
        """End the connection, as a shutdown does."""
        await self._stop(self.wire)

    async def arm(self) -> None:
        """A lease over the device, as arming grants it."""
        floor, now = self.floor, self.floor.clock.now()
        until = now + DAY
        held = {"equipment": "bench", "holder_kind": "booking", "holder": self._run}
        number = await floor.db.write(
            lambda db: lease_rows.open_row(db, **held, by=BY, now=now, until=until)
        )
        floor.leases.grant(
            number, **held, devices=[self.device], until=until, window_s=DAY.total_seconds()
        )
        self.lease = number

    async def until(self, holds: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
        """Wait for a condition over the board; whether it came to hold in time."""
        try:
            async with asyncio.timeout(seconds):
                await self.floor.board.until(holds)
        except TimeoutError:
            return False
        return True

    async def gaps(self) -> list[GapEdge]:
        """The edges of gaps in this cell's record, as complete as what was told of the link."""
        while True:
            told = len(self.seen.links(self.wire))
            await self.floor.recorder.flush()
            if told == len(self.seen.links(self.wire)):
                break
        path = self.floor.recorder.path(self._run)
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as plain:
            return gap_edges(sqlite_utils.Database(plain))

    def live(self, device: str) -> dict[str, float]:
        """Values that are shown as live and GOOD."""
        view, now = self.floor.board[device], self.floor.clock.now()
        found = {signal: view.live_value(signal, now) for signal in view.spec.signals}
        return {signal: value for signal, value in found.items() if value is not None}

    def _start(self, connection: str) -> None:
        life = self.floor.connections[connection].run()
        self._lives[connection] = asyncio.create_task(life, name=connection)

    async def _stop(self, connection: str) -> None:
        await self.floor.connections[connection].stop()
        if (life := self._lives.pop(connection, None)) is not None:
            await life


def patient_door() -> None:
    """A busy machine is no dead stopper."""
    door_module.PERMIT_S = 60.0  # type: ignore[attr-defined]
