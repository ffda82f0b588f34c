"""Making equipment ready for a party, and safe again: lease, power, devices – or all of it undone.

The lease is renewed here, by the controller; closing a screen ends nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from booking.errors import BookingRefused
from booking.states import State
from equipment_drivers.errors import DriverError
from equipment_drivers.lifecycle import Connection
from lab_controller import leases as lease_rows
from lab_controller.board import Board
from lab_controller.clock import LabClock
from lab_controller.coordinator import Coordinator, Latched, NoPermit, Permission
from lab_controller.database import Writer
from lab_controller.errors import LabError
from lab_controller.facts import Bus, LeaseChanged
from lab_controller.leases import Lease, LeaseMissing, Leases
from lab_controller.services.bookings import Bookings
from lab_controller.wiring import acts

log = logging.getLogger(__name__)

READY_WITHIN_S = 30.0


class NotCheckedIn(LabError):
    """Only a party that is here can be given the equipment."""

    code = "lab.not_checked_in"


class ArmFailed(LabError):
    """The equipment could not be made ready; everything was undone."""

    code = "lab.arm_failed"


class EquipmentDevices(Protocol):
    """Which devices belong to equipment, from the configuration."""

    def __call__(self, equipment: str) -> Sequence[str]: ...


BeforeDisarm = Callable[[str, str], Awaitable[None]]


class Arming:
    """Arm, disarm, renew, and what a stop or the end of a window takes away."""

    def __init__(
        self,
        *,
        clock: LabClock,
        bus: Bus,
        board: Board,
        coordinator: Coordinator,
        connections: Mapping[str, Connection],
        power: Mapping[str, str],
        devices_of: EquipmentDevices,
        bookings: Bookings,
        leases: Leases,
        permit: Permission,
        lab_db: Writer,
        before_disarm: BeforeDisarm,
    ) -> None:
        self._clock, self._bus, self._board = clock, bus, board
        self._coordinator, self._connections, self._power = coordinator, connections, power
        self._devices_of, self._bookings, self._leases = devices_of, bookings, leases
        self._permit, self._db, self._before_disarm = permit, lab_db, before_disarm
        self._one_at_a_time = asyncio.Lock()

    # -- arm --------------------------------------------------------------------------------

    async def arm(self, booking: str, *, by: str) -> Lease:
        """Grant the lease, switch on, wait until every device answers; or undo all of it.

        Raises NotCheckedIn, BookingRefused (nobody qualified), LeaseTaken, Latched, ArmFailed.
        """
        booked = (await self._bookings.one(booking)).booking
        if booked.state is not State.CHECKED_IN:
            raise NotCheckedIn(booking=booked.number)
        held = self._leases.held_by(booking)
        if held is not None:
            return held
        problems = await self._bookings.may_operate(booking)
        if problems:
            raise BookingRefused(problems)
        devices = self._devices_of(booked.equipment_id)
        async with self._one_at_a_time:
            self._demand_free(devices)
            lease = await self._grant(booked.equipment_id, devices, booking, by, booked.busy_until)
        try:
            await self._switch_on(devices, lease, by)
        except (DriverError, LabError, TimeoutError) as error:
            log.warning("arming %s failed: %s", booked.equipment_id, error)
            await self._make_safe(lease, by)
            await self._end(lease, "arm_failed")
            raise ArmFailed(cause=str(error) or "timeout") from error
        self._bus.tell(LeaseChanged(lease.equipment, booking, True))
        return lease

    def _demand_free(self, devices: Sequence[str]) -> None:
        if not self._permit.alive and not any(self._permit.latched(one) for one in devices):
            raise NoPermit
        for device in devices:
            if self._permit.latched(device):
                raise Latched(device=device)
        self._leases.demand_free(devices)

    async def _grant(
        self, equipment: str, devices: Sequence[str], booking: str, by: str, until: datetime
    ) -> Lease:
        now = self._clock.now()
        number = await self._db.write(
            lambda db: lease_rows.open_row(
                db,
                equipment=equipment,
                holder_kind="booking",
                holder=booking,
                by=by,
                now=now,
                until=until,
            )
        )
        return self._leases.grant(
            number,
            equipment=equipment,
            devices=devices,
            holder_kind="booking",
            holder=booking,
            until=until,
        )

    async def _switch_on(self, devices: Sequence[str], lease: Lease, by: str) -> None:
        for plug in self._plugs(devices):
            await self._coordinator.command(plug, "turn_on", {}, by=by, lease=lease.number)
        acting = [device for device in devices if acts(self._board[device])]
        for device in acting:
            self._connections[self._board[device].connection].reconnect_now()
        async with asyncio.timeout(READY_WITHIN_S):
            await self._board.until(
                lambda: all(self._board[device].may_actuate for device in acting)
            )

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

    async def _disarm(self, lease: Lease, by: str, reason: str) -> None:
        await self._before_disarm(lease.equipment, reason)
        await self._coordinator.cancel_jobs(lease.devices)
        await self._make_safe(lease, by)
        await self._end(lease, reason)

    async def _make_safe(self, lease: Lease, by: str) -> None:
        """Rest state of each device, then its plug; a device that does not answer loses power."""
        plugs = self._plugs(sorted(lease.devices))
        acting = [one for one in sorted(lease.devices) if acts(self._board[one])]
        await asyncio.gather(
            *(self._coordinator.rest(one, by=by) for one in acting if one not in plugs)
        )
        for plug in plugs:
            await self._coordinator.rest(plug, by=by)

    async def _end(self, lease: Lease, reason: str) -> None:
        self._leases.end(lease.number)
        now = self._clock.now()
        await self._db.write(lambda db: lease_rows.close_row(db, lease.number, now, reason))
        self._bus.tell(LeaseChanged(lease.equipment, lease.holder, False, reason))

    # -- what others take away --------------------------------------------------------------

    async def after_stop(self, devices: frozenset[str], cause: str) -> None:
        """A stop ends the leases over the stopped devices and the runs on them; nothing is sent."""
        for lease in self._leases.live():
            if lease.devices & devices:
                self._leases.end(lease.number)
                await self._before_disarm(lease.equipment, cause)
                await self._end(lease, cause)

    async def keep(self) -> None:
        """Renew what still holds, end what does not: called every second of real time."""
        now = self._clock.now()
        for lease in self._leases.expired():
            await self._disarm(lease, "controller", "not_renewed")
        for lease in self._leases.live():
            if now >= lease.until:
                await self._disarm(lease, "controller", "window_end")
            else:
                self._leases.renew(lease.number)

    async def disarm_all(self, reason: str) -> None:
        """Bring everything to rest, as before a clean shutdown."""
        for lease in self._leases.live():
            await self._disarm(lease, "controller", reason)
