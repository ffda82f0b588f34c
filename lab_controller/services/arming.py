"""Making equipment ready for a party, and safe again: lease, power, devices – or all of it undone.

The lease is renewed here, by the controller; closing a screen ends nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from booking.errors import BookingRefused
from booking.states import State
from equipment_drivers.contract import StopOutcome
from equipment_drivers.errors import DriverError
from equipment_drivers.model import DeviceMessage
from lab_controller import leases as lease_rows
from lab_controller.coordinator import Latched, NoPermit
from lab_controller.errors import LabError
from lab_controller.facts import LeaseChanged
from lab_controller.floor import Floor
from lab_controller.leases import Lease, LeaseMissing
from lab_controller.services.bookings import Bookings
from lab_controller.under_way import UnderWay, each
from lab_controller.wiring import acts

log = logging.getLogger(__name__)

READY_WITHIN_S = 30.0
NOT_AT_REST = "lab.not_at_rest"
BY = "controller"
MAINTENANCE = "maintenance"
PREEMPTED = "preempted"


class NotCheckedIn(LabError):
    """Only a party that is here can be given the equipment."""

    code = "lab.not_checked_in"


class ArmFailed(LabError):
    """The equipment could not be made ready; everything was undone."""

    code = "lab.arm_failed"


class ReasonMissing(LabError):
    """Taking equipment needs a reason: it is written down."""

    code = "lease.reason_missing"


class NotReady(LabError):
    """Some devices did not answer in time."""

    code = "lab.not_ready"


class UnknownEquipment(LabError):
    """No such equipment, or none that has devices."""

    code = "lease.unknown_equipment"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who gets a lease: kind (booking, demo, maintenance), name, who gave it and why."""

    kind: str
    name: str
    by: str
    why: str = ""


class EquipmentDevices(Protocol):
    """Which devices belong to equipment, from the configuration."""

    def __call__(self, equipment: str) -> Sequence[str]: ...


BeforeDisarm = Callable[[str, str], Awaitable[None]]


class Arming:
    """Arm, disarm, renew, and what a stop or the end of a window takes away."""

    def __init__(
        self,
        floor: Floor,
        bookings: Bookings,
        *,
        devices_of: EquipmentDevices,
        before_disarm: BeforeDisarm,
    ) -> None:
        self._clock, self._bus, self._board, self._db = (
            floor.clock,
            floor.bus,
            floor.board,
            floor.db,
        )
        self._coordinator, self._connections = floor.coordinator, floor.connections
        self._power, self._leases, self._permit = floor.power, floor.leases, floor.permit
        self._bookings, self._devices_of = bookings, devices_of
        self._before_disarm = before_disarm
        self._one_at_a_time = asyncio.Lock()
        self._under_way = UnderWay()

    # -- arm --------------------------------------------------------------------------------

    async def arm(self, booking: str, *, by: str) -> Lease:
        """Grant the lease, switch on, wait until every device answers; or undo all of it.

        Raises NotCheckedIn, BookingRefused (nobody qualified), LeaseTaken, Latched, ArmFailed.
        """
        return await self._under_way.once(f"arm {booking}", lambda: self._arm(booking, by))

    async def _arm(self, booking: str, by: str) -> Lease:
        booked = (await self._bookings.one(booking)).booking
        if booked.state is not State.CHECKED_IN:
            raise NotCheckedIn(booking=booked.number)
        held = self._leases.held_by(booking)
        if held is not None:
            return held
        problems = await self._bookings.may_operate(booking)
        if problems:
            raise BookingRefused(problems)
        own = self._devices_of(booked.equipment_id)
        devices = list(dict.fromkeys([*own, *self._plugs(own)]))
        async with self._one_at_a_time:
            self._demand_permit(devices)
            self._leases.demand_free(devices)
            lease = await self._grant(
                booked.equipment_id, devices, Holder("booking", booking, by), booked.busy_until
            )
        return await self._ready(lease, by)

    async def take(
        self, equipment: str, *, by: str, reason: str, minutes: int, kind: str = MAINTENANCE
    ) -> Lease:
        """Give equipment to staff, whoever had it: that lease ends first, in safe state.

        For a demo everything is switched on and must answer; for maintenance nothing is switched
        on: a machine somebody is going to open does not start by itself. `minutes` are lab time.
        Raises ReasonMissing, UnknownEquipment, Latched, NoPermit, ArmFailed.
        """
        if not reason.strip():
            raise ReasonMissing(equipment=equipment)
        own = self._devices_of(equipment)
        if not own:
            raise UnknownEquipment(equipment=equipment)
        devices = list(dict.fromkeys([*own, *self._plugs(own)]))
        until = self._clock.now() + timedelta(minutes=minutes)
        async with self._one_at_a_time:
            self._demand_permit(devices)
            for held in self._leases.over_any(devices):
                await self._disarm(held, by, PREEMPTED, note=reason)
            self._demand_permit(devices)
            self._leases.demand_free(devices)
            holder = Holder(kind, by, by, reason)
            lease = await self._grant(equipment, devices, holder, until)
        if kind == MAINTENANCE:
            self._bus.tell(LeaseChanged(equipment, lease.holder, True))
            return lease
        return await self._ready(lease, by)

    async def release(self, equipment: str, *, by: str) -> Lease:
        """Give back what staff took; every device is brought to rest. Raises LeaseMissing."""
        lease = self._leases.staffs(equipment)
        if lease is None:
            raise LeaseMissing(device=equipment)
        await self._disarm(lease, by, "disarmed")
        return lease

    async def _ready(self, lease: Lease, by: str) -> Lease:
        """Power on, everything answering; or all of it undone."""
        try:
            await self._switch_on(lease, by)
        except (DriverError, LabError) as error:
            log.warning("arming %s failed: %s", lease.equipment, error)
            if self._leases.stands(lease.number):
                await self._disarm(lease, by, "arm_failed")
            raise ArmFailed(cause=error) from error
        self._bus.tell(LeaseChanged(lease.equipment, lease.holder, True))
        return lease

    def _demand_permit(self, devices: Sequence[str]) -> None:
        if not self._permit.alive and not any(self._permit.latched(one) for one in devices):
            raise NoPermit
        for device in devices:
            if self._permit.latched(device):
                raise Latched(device=device)

    async def _grant(
        self, equipment: str, devices: Sequence[str], holder: Holder, until: datetime
    ) -> Lease:
        now = self._clock.now()
        number = await self._db.write(
            lambda db: lease_rows.open_row(
                db,
                equipment=equipment,
                holder_kind=holder.kind,
                holder=holder.name,
                by=holder.by,
                now=now,
                until=until,
                why=holder.why,
            )
        )
        return self._leases.grant(
            number,
            equipment=equipment,
            devices=devices,
            holder_kind=holder.kind,
            holder=holder.name,
            until=until,
            window_s=self._clock.real_seconds((until - now).total_seconds()),
        )

    async def _switch_on(self, lease: Lease, by: str) -> None:
        for plug in self._plugs(sorted(lease.devices)):
            await self._coordinator.command(plug, "turn_on", {}, by=by, lease=lease.number)
        views = [self._board[device] for device in sorted(lease.devices)]
        acting = [view for view in views if acts(view)]
        for view in acting:
            self._connections[view.connection].reconnect_now()

        def lost() -> bool:
            return not self._leases.stands(lease.number)

        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._board.until(lambda: lost() or all(one.may_actuate for one in acting))
        except TimeoutError as error:
            late = [
                f"{one.device} {one.link} {one.safety}" for one in acting if not one.may_actuate
            ]
            raise NotReady(devices=", ".join(late)) from error
        if lost():
            raise LeaseMissing(device=lease.equipment)

    def _plugs(self, devices: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(self._power[one] for one in devices if one in self._power))

    # -- disarm -----------------------------------------------------------------------------

    async def disarm(self, booking: str, *, by: str, reason: str = "disarmed") -> Lease:
        """End what runs, bring every device to rest, power off, lease gone. Raises LeaseMissing."""
        lease = self._leases.held_by(booking)
        if lease is None:
            raise LeaseMissing(device=booking)
        await self._disarm(lease, by, reason)
        return lease

    async def _disarm(self, lease: Lease, by: str, reason: str, note: str = "") -> None:
        await self._under_way.once(
            f"disarm {lease.number}", lambda: self._end_all(lease, by, reason, note)
        )

    async def _end_all(self, lease: Lease, by: str, reason: str, note: str = "") -> None:
        """Every step is taken: trouble with the books must not leave a machine hot.

        Nobody commands any more meanwhile: what was brought to rest stays at rest.
        """
        self._leases.begin_end(lease.number)
        await each(
            lambda: self._before_disarm(lease.equipment, reason),
            lambda: self._coordinator.cancel_jobs(lease.devices),
            lambda: self._make_safe(lease, by),
            lambda: self._end(lease, by, reason, note),
        )

    async def _make_safe(self, lease: Lease, by: str) -> None:
        """Rest state of each device, then its plug; a device that does not answer loses power.

        What nobody saw at rest, nor without power, is told: sent is not enough for a heater.
        """
        plugs = self._plugs(sorted(lease.devices))
        acting = [one for one in sorted(lease.devices) if acts(self._board[one])]
        machines = [one for one in acting if one not in plugs]
        reports = await asyncio.gather(*(self._coordinator.rest(one, by=by) for one in machines))
        reports += [await self._coordinator.rest(plug, by=by) for plug in plugs]
        seen = {one.device for one in reports if one.outcome is StopOutcome.CONFIRMED}
        for report in reports:
            device = report.device
            is_safe = device in seen or self._power.get(device) in seen
            if not is_safe and not self._board[device].latched:
                now = self._clock.now()
                self._bus.tell(DeviceMessage(device, NOT_AT_REST, report.detail, now))

    async def _end(self, lease: Lease, by: str, reason: str, note: str = "") -> None:
        self._leases.end(lease.number)
        now, number = self._clock.now(), lease.number
        try:
            await self._db.write(
                lambda db: lease_rows.close_row(db, number, now, reason, by=by, note=note)
            )
        finally:
            self._bus.tell(LeaseChanged(lease.equipment, lease.holder, False, reason))

    # -- what others take away --------------------------------------------------------------

    async def after_stop(self, devices: frozenset[str], cause: str) -> None:
        """A stop ends the leases over the stopped devices and the runs on them; nothing is sent."""
        taken = [lease for lease in self._leases.all() if lease.devices & devices]
        for lease in taken:
            self._leases.end(lease.number)
        steps = [
            step
            for lease in taken
            for step in (
                partial(self._before_disarm, lease.equipment, cause),
                partial(self._end, lease, BY, cause),
            )
        ]
        await each(*steps)

    async def keep(self) -> None:
        """Renew what still holds, end what does not: called every second of real time.

        Waits for no ending: one slow machine must not let the others' leases run out.
        """
        for lease in self._leases.expired():
            self._begin_disarm(lease, "not_renewed")
        over = self._leases.over(self._clock.now())
        for lease in over:
            self._begin_disarm(lease, "window_end")
        for lease in self._leases.live():
            if lease not in over:
                self._leases.renew(lease.number)

    def _begin_disarm(self, lease: Lease, reason: str) -> None:
        self._under_way.begin(f"disarm {lease.number}", lambda: self._end_all(lease, BY, reason))

    async def disarm_all(self, reason: str) -> None:
        """Bring everything to rest, as before a clean shutdown."""
        for lease in self._leases.all():
            self._begin_disarm(lease, reason)
        await self._under_way.settled()
