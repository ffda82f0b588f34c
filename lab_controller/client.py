"""The lab as its clients see it: HTTP and one WebSocket, wire shapes in and out.

Imports nothing of the lab but the wire shapes, so a console needs no driver and no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lab_controller.client_door import LONG_TIMEOUT_S, Refused, Unreachable
from lab_controller.client_operator import OperatorDoor
from lab_controller.client_replay import ReplayDoor
from lab_controller.client_sharing import SharingDoor
from lab_controller.client_trials import TrialsDoor
from lab_controller.wire import (
    BookingRequestShape,
    BookingShape,
    CommandRequest,
    CommandShape,
    Decision,
    DeviceShape,
    EquipmentShape,
    GcodeShape,
    LabShape,
    LatchShape,
    PartyShape,
    PersonRequest,
    PersonShape,
    QualificationRequest,
    SlotShape,
    WindowShape,
)
from lab_controller.wire_ledger import JobLogShape, LeaseShape, SettleRequest
from lab_controller.wire_stop import StopShape

__all__ = ["LabClient", "Refused", "Unreachable"]


class LabClient(TrialsDoor, SharingDoor, OperatorDoor, ReplayDoor):
    """A client of one lab. Use as an async context manager."""

    # -- the lab and its devices ----------------------------------------------------------

    async def lab(self) -> LabShape:
        """The lab at a glance."""
        return await self._one(LabShape, "GET", "/lab")

    async def devices(self) -> list[DeviceShape]:
        """Every device on its three axes."""
        return await self._many(DeviceShape, "GET", "/devices")

    async def device(self, device: str) -> DeviceShape:
        """One device."""
        return await self._one(DeviceShape, "GET", f"/devices/{device}")

    async def command(
        self,
        device: str,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        lease: int | None = None,
        wait: bool = True,
    ) -> CommandShape:
        """Send one command; `wait=False` returns while a long one goes on."""
        body = CommandRequest(verb=verb, arguments=dict(arguments or {}), lease=lease, wait=wait)
        return await self._one(
            CommandShape, "POST", f"/devices/{device}/commands", body, timeout=LONG_TIMEOUT_S
        )

    async def command_row(self, command: str) -> CommandShape:
        """One command as the ledger holds it."""
        return await self._one(CommandShape, "GET", f"/commands/{command}")

    async def command_log(
        self,
        device: str | None = None,
        *,
        state: str | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> list[CommandShape]:
        """Who did what to which machine, newest first; state `unsettled`: nobody has looked."""
        given = {"device": device, "state": state, "since": since and since.isoformat()}
        params = {"limit": limit, **{key: value for key, value in given.items() if value}}
        return await self._many(CommandShape, "GET", "/commands", params=params)

    async def job_log(self, command: str, lines: int = 200) -> JobLogShape:
        """The last lines of a job's own log."""
        params = {"lines": lines}
        return await self._one(JobLogShape, "GET", f"/commands/{command}/log", params=params)

    async def settle(self, command: str, *, carried_out: bool, note: str) -> CommandShape:
        """Write down what was seen at the machine after an unknown outcome; nothing is sent."""
        body = SettleRequest(carried_out=carried_out, note=note)
        return await self._one(CommandShape, "POST", f"/commands/{command}/settle", body)

    async def leases(self, equipment: str | None = None) -> list[LeaseShape]:
        """Who held which equipment, newest first."""
        params = {"equipment": equipment} if equipment else {}
        return await self._many(LeaseShape, "GET", "/leases", params=params)

    async def take(
        self, equipment: str, reason: str, *, minutes: int = 60, kind: str = "maintenance"
    ) -> LeaseShape:
        """Take equipment for staff, whoever has it now; the reason is written down."""
        body = {"reason": reason, "minutes": minutes, "kind": kind}
        return await self._one(
            LeaseShape, "POST", f"/equipment/{equipment}/take", body, timeout=LONG_TIMEOUT_S
        )

    async def release(self, equipment: str) -> LeaseShape:
        """Give back what staff took."""
        return await self._one(
            LeaseShape, "POST", f"/equipment/{equipment}/release", timeout=LONG_TIMEOUT_S
        )

    async def reconnect(self, device: str) -> DeviceShape:
        """Try the device's wire again now."""
        return await self._one(DeviceShape, "POST", f"/devices/{device}/reconnect")

    async def stop(self, device: str | None = None, reason: str = "") -> StopShape:
        """Stop the lab, or one device. Needs no lease and asks nothing."""
        return await self._one(
            StopShape, "POST", "/stop", {"device": device, "reason": reason}, timeout=30.0
        )

    async def reset(self, reason: str, device: str | None = None) -> LatchShape:
        """Lift the latch after every device has been verified."""
        body = {"reason": reason, "device": device}
        return await self._one(LatchShape, "POST", "/stop/reset", body, timeout=60.0)

    async def window(
        self, device: str, signal: str, start: datetime, end: datetime, buckets: int = 120
    ) -> WindowShape:
        """A window of one signal in buckets."""
        return await self._window("/telemetry", (device, signal), (start, end), buckets)

    # -- booking ---------------------------------------------------------------------------

    async def equipment(self) -> list[EquipmentShape]:
        """What can be booked."""
        return await self._many(EquipmentShape, "GET", "/equipment")

    async def slots(self, equipment: str, start: datetime, end: datetime) -> list[SlotShape]:
        """Free and taken slots of one piece of equipment."""
        params = {"start": start.isoformat(), "end": end.isoformat()}
        return await self._many(SlotShape, "GET", f"/equipment/{equipment}/slots", params=params)

    async def parties(self) -> list[PartyShape]:
        """Known organisations."""
        return await self._many(PartyShape, "GET", "/parties")

    async def people(self, party: str) -> list[PersonShape]:
        """The people of a party."""
        return await self._many(PersonShape, "GET", f"/parties/{party}/people")

    async def add_person(self, party: str, wanted: PersonRequest) -> PersonShape:
        """Register a person of a party."""
        return await self._one(PersonShape, "POST", f"/parties/{party}/people", wanted)

    async def add_qualification(self, person: str, held: QualificationRequest) -> PersonShape:
        """Write down a certificate shown at the desk."""
        return await self._one(PersonShape, "POST", f"/people/{person}/qualifications", held)

    async def bookings(self, start: datetime, end: datetime) -> list[BookingShape]:
        """Bookings that touch a stretch of time."""
        params = {"start": start.isoformat(), "end": end.isoformat()}
        return await self._many(BookingShape, "GET", "/bookings", params=params)

    async def booking(self, booking: str) -> BookingShape:
        """One booking."""
        return await self._one(BookingShape, "GET", f"/bookings/{booking}")

    async def request_booking(self, wanted: BookingRequestShape) -> BookingShape:
        """Ask for a slot."""
        return await self._one(BookingShape, "POST", "/bookings", wanted)

    async def decide(
        self, booking: str, step: str, decision: Decision | None = None
    ) -> BookingShape:
        """Take a step: confirm, decline, cancel, check-in, arm, disarm or check-out."""
        return await self._one(
            BookingShape,
            "POST",
            f"/bookings/{booking}/{step}",
            decision or Decision(),
            timeout=LONG_TIMEOUT_S,
        )

    # -- job files -------------------------------------------------------------------------

    async def upload_gcode(self, name: str, content: bytes) -> GcodeShape:
        """Give the lab a job file; it is checked line by line before it is kept."""
        files = {"file": (name, content, "text/x.gcode")}
        answer = await self._call("POST", "/gcode", files=files, timeout=LONG_TIMEOUT_S)
        return self._read(GcodeShape, answer)

    async def gcode(self) -> list[GcodeShape]:
        """Job files the lab keeps."""
        return await self._many(GcodeShape, "GET", "/gcode")
