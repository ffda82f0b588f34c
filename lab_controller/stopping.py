"""The controller's half of stopping: plans for the stopper, what a stop ends here, and the reset.

The stop itself is the stopper's (DESIGN section 4). Here a stop takes leases away, ends running
jobs, and a reset verifies every device before the latch may be lifted.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from equipment_drivers.contract import StopPlan, StopStep
from equipment_drivers.errors import DriverError
from equipment_drivers.lifecycle import Connection
from equipment_drivers.model import DeviceState, Operation
from lab_controller import ledger
from lab_controller.board import SAFE_TO_ACT, Board, DeviceView
from lab_controller.clock import LabClock
from lab_controller.database import Writer
from lab_controller.errors import LabError
from lab_controller.facts import Bus, LatchChanged, Told
from lab_controller.ledger import LedgerRow
from lab_controller.permit import Permit, Stopping
from lab_controller.stopper.errors import Refused
from lab_controller.stopper.latch import LatchState, Press
from lab_controller.under_way import each
from lab_controller.wiring import acts

log = logging.getLogger(__name__)

HEATER_TARGET = "_target"
AT_REST = (Operation.IDLE, Operation.READY)
NOT_KNOWN_YET = "stop.means.not_known_yet"
STOPS = uuid.UUID("0d7cc2f4-4b0a-4c36-9a5a-0c2d2d0a8a55")
LEDGER_STATES = {"CONFIRMED": "done", "SENT": "unknown", "FAILED": "failed"}

AfterStop = Callable[[frozenset[str], str], Awaitable[None]]


class NotVerified(LabError):
    """Some devices could not be shown to be safe, so the latch stays."""

    code = "stop.not_verified"


@dataclass(frozen=True, slots=True)
class LabPlan:
    """A device's stop plan as the lab knows it: its own steps, then its plug's.

    `known` False: without steps of its own and never yet seen, so nobody knows what it offers.
    `estop`: where its physical button is, by language.
    """

    device: str
    means: str
    steps: tuple[StopStep, ...]
    known: bool
    estop: Mapping[str, str]


class StopDesk:
    """Plans, presses, and the verified reset."""

    def __init__(
        self,
        clock: LabClock,
        bus: Bus,
        board: Board,
        connections: Mapping[str, Connection],
        power: Mapping[str, str],
        permit: Permit,
        lab_db: Writer,
        estops: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._clock, self._bus, self._board = clock, bus, board
        self._connections, self._power, self._permit = connections, power, permit
        self._db = lab_db
        self._estops = estops
        self._seen: set[str] = set()
        self._awaited: set[str] = set()
        self._stops = 0
        self._begun: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.after_stop: AfterStop = _nothing

    # -- what the stopper needs -------------------------------------------------------------

    def plans(self) -> list[LabPlan]:
        """A plan per device that can act: its own means, then its plug."""
        return [self.plan(view.device) for view in self._board.views.values() if acts(view)]

    def plan(self, device: str) -> LabPlan:
        """How one device is stopped, as known now: some are known once they were seen."""
        own = self._own_plan(device)
        plug = self._power.get(device)
        steps = own.steps + (self._own_plan(plug).steps if plug else ())
        known = bool(own.steps) or self._board[device].connection in self._seen
        means = own.means if known else NOT_KNOWN_YET
        return LabPlan(device, means, steps, known, self._estops.get(device, {}))

    def _own_plan(self, device: str) -> StopPlan:
        return self._connections[self._board[device].connection].driver.stop_plan(device)

    async def wire_is_up(self, connection: str) -> None:
        """Give the stopper the plans as now known, and a duplicate of the wire that came up."""
        self._seen.add(connection)
        await self._permit.send_plans(self.plans())
        descriptor = self._connections[connection].driver.stop_descriptor()
        if descriptor is not None:
            await self._permit.hand_over(connection, descriptor)

    async def wire_closes(self, connection: str) -> None:
        """Get the duplicate back before the wire closes, else the port stays taken."""
        await self._permit.release(connection)

    # -- a stop -----------------------------------------------------------------------------

    async def press(self, device: str | None, *, by: str, reason: str) -> dict[str, Any]:
        """Stop one device or the lab through the stopper; returns its report."""
        return await self._permit.stop(device, by=by, reason=reason)

    def stopping(self, stop: Stopping) -> None:
        """The stopper has begun a stop: end what runs here, at once, on the loop."""
        devices = frozenset(self._board.views) if stop.lab else frozenset(stop.devices)
        self._stops += 1
        self._begun[stop.at] = self._clock.now()
        self._awaited |= devices
        self._start(self._end_what_runs(devices, stop))

    def hear(self, fact: Told) -> None:
        """Tell the stopper when a device it cannot read itself says that it stopped."""
        if not isinstance(fact, DeviceState) or fact.device not in self._awaited:
            return
        if fact.operation is Operation.FAULT:
            self._awaited.discard(fact.device)
            self._permit.confirmed(fact.device)

    async def _end_what_runs(self, devices: frozenset[str], stop: Stopping) -> None:
        """Jobs first and all at once; what fails in the books is logged and the rest goes on."""
        ending = [
            connection.cancel_jobs(device)
            for connection in self._connections.values()
            for device in devices.intersection(connection.devices)
        ]
        await each(
            lambda: asyncio.gather(*ending),
            lambda: self.after_stop(devices, stop.cause),
        )

    def stopped(self, press: Press) -> None:
        """The stopper has its report: write down what became of the stop on each device."""
        issued = self._begun.pop(press.at, None) or self._clock.now()
        self._start(self._write_down(press, issued))

    async def write_down_missed(self) -> None:
        """At start: the stops the latch tells of, unless an earlier life wrote them down."""
        latch, now = self._permit.latch, self._clock.now()
        for press in [*([latch.lab] if latch.lab else []), *latch.devices.values()]:
            await self._write_down(press, now)

    async def _write_down(self, press: Press, issued: datetime) -> None:
        views = self._board.views
        rows = [
            stop_row(device, press, found, issued, self._clock.now())
            for device, found in sorted(press.report.items())
            if device in views and acts(views[device])
        ]
        await self._db.write(lambda db: ledger.record_stops(db, rows))

    def latch_changed(self, latch: LatchState) -> None:
        """Show the latch on the board and tell everybody."""
        self._board.set_latched(None if latch.lab else latch.devices)
        if latch.lab is None:
            self._awaited &= latch.devices.keys()  # a later fault answers no stop of the past
        press = latch.lab or next(iter(latch.devices.values()), None)
        scopes = ("lab",) if latch.lab else tuple(sorted(latch.devices))
        self._bus.tell(
            LatchChanged(
                press is not None, scopes, press.by if press else "", press.reason if press else ""
            )
        )

    # -- the reset --------------------------------------------------------------------------

    async def reset(self, device: str | None, *, by: str, reason: str) -> LatchState:
        """Lift the latch once every device in scope is verified.

        Raises NotVerified, or Refused when somebody pressed stop again meanwhile: that stop stands.
        """
        stops = self._stops
        scope = [
            view
            for view in self._board.views.values()
            if acts(view) and device in (None, view.device)
        ]
        checks = await asyncio.gather(*(self._verified(view) for view in scope))
        missing = [view.device for view, good in zip(scope, checks, strict=True) if not good]
        if missing:
            raise NotVerified(missing=", ".join(missing))
        verified, now = [view.device for view in scope], self._clock.now()
        await self._db.write(lambda db: ledger.settle_at_rest(db, verified, by, now))
        if self._stops != stops:  # asked last: writing may have taken as long as a stop
            raise Refused("stop.still_stopping")
        for view in scope:
            view.outcome_unknown = ""
        return await self._permit.reset(device, by=by, reason=reason, verified=verified)

    async def _verified(self, view: DeviceView) -> bool:
        """Read back, at rest and cold, or shown to have no power."""
        if view.link.carries_commands:
            asked = self._clock.now()
            try:
                await self._connections[view.connection].resync()
            except DriverError as error:
                log.info("%s could not be verified: %s", view.device, error)
                return self._has_no_power(view)
            at_rest = view.operation in AT_REST and view.own_safety in SAFE_TO_ACT
            return at_rest and _is_cold(view, asked)
        return self._has_no_power(view)

    def _has_no_power(self, view: DeviceView) -> bool:
        plug = self._power.get(view.device)
        if plug is None:
            return False
        return self._board[plug].live_value("on", self._clock.now()) == 0.0

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run(), name="after stop")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until everything the last stops ended has ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


def stop_row(
    device: str, press: Press, found: Mapping[str, Any], issued: datetime, closed: datetime
) -> LedgerRow:
    """The ledger's row of one stop on one device; the same stop has the same id in every life."""
    outcome, detail = str(found["outcome"]), str(found.get("detail", ""))
    steps = [
        " ".join(filter(None, (one["kind"], one["outcome"], one["detail"], one["info"])))
        for one in found.get("steps", ())
    ]
    return LedgerRow(
        id=uuid.uuid5(STOPS, f"{press.at} {device}").hex,
        device=device,
        verb="stop",
        arguments={"cause": press.cause, "reason": press.reason},
        issuer=press.by,
        lease=None,
        issued=issued,
        state=LEDGER_STATES[outcome],
        closed=closed,
        code=f"stop.detail.{detail}" if detail else f"stop.outcome.{outcome}",
        answer="; ".join(steps),
    )


def _is_cold(view: DeviceView, asked: datetime) -> bool:
    """Every heater's target has been read back since `asked`, and is 0."""
    targets = [
        view.readings.get(name) for name in view.spec.signals if name.endswith(HEATER_TARGET)
    ]
    return all(one is not None and one.received >= asked and one.value == 0.0 for one in targets)


async def _nothing(devices: Iterable[str], cause: str) -> None:
    """Nobody holds anything yet."""
