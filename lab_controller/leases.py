"""Who may command which devices: exclusive, numbered, expiring, renewed only by the controller.

The rows are the record; the right itself lives in memory with a monotonic deadline, so that a
restart of the controller ends every lease and a controller that hangs lets them run out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from lab_controller.errors import LabError
from trial_logs.stamps import from_ms, to_ms

TTL_S = 30.0
BOOKING = "booking"


class LeaseMissing(LabError):
    """Nobody holds the device: the equipment is not armed."""

    code = "lease.missing"


class LeaseTaken(LabError):
    """Somebody else holds the device."""

    code = "lease.taken"


@dataclass(frozen=True, slots=True)
class Lease:
    """One right: fencing number, equipment, devices, holder, and until when.

    `until` is the end of the window in lab time and `latest` the same moment on the monotonic
    clock; `deadline` is when the right runs out unless it is renewed.
    """

    number: int
    equipment: str
    devices: frozenset[str]
    holder_kind: str
    holder: str
    until: datetime
    latest: float
    deadline: float


class Leases:
    """The rights that hold now. `monotonic` is real time in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._live: dict[int, Lease] = {}
        self._ending: set[int] = set()

    def grant(
        self,
        number: int,
        *,
        equipment: str,
        devices: Iterable[str],
        holder_kind: str,
        holder: str,
        until: datetime,
        window_s: float,
    ) -> Lease:
        """Make a right live for `window_s` real seconds at most.

        The caller has asked `demand_free` and written the row.
        """
        now = self._monotonic()
        lease = Lease(
            number=number,
            equipment=equipment,
            devices=frozenset(devices),
            holder_kind=holder_kind,
            holder=holder,
            until=until,
            latest=now + window_s,
            deadline=now + TTL_S,
        )
        self._live[number] = lease
        return lease

    def demand_free(self, devices: Iterable[str]) -> None:
        """Raise LeaseTaken when any of the devices is held, or is still being made safe."""
        for device in devices:
            for held in self._live.values():
                if device in held.devices:
                    raise LeaseTaken(device=device, holder=held.holder)

    def of(self, device: str) -> Lease | None:
        """The right under which a device may be commanded: live, and not being ended."""
        held = (one for one in self.live() if one.number not in self._ending)
        return next((one for one in held if device in one.devices), None)

    def held_by(self, booking: str) -> Lease | None:
        """The live right of a booking."""
        held = (one for one in self.live() if one.holder_kind == BOOKING)
        return next((one for one in held if one.holder == booking), None)

    def staffs(self, equipment: str) -> Lease | None:
        """The live right over equipment that staff took for themselves."""
        held = (one for one in self.live() if one.holder_kind != BOOKING)
        return next((one for one in held if one.equipment == equipment), None)

    def over_any(self, devices: Iterable[str]) -> list[Lease]:
        """Rights that cover any of these devices, also those that ran out."""
        wanted = frozenset(devices)
        return [one for one in self._live.values() if one.devices & wanted]

    def all(self) -> list[Lease]:
        """Rights that have not been taken away, also those that ran out."""
        return list(self._live.values())

    def live(self) -> list[Lease]:
        """Rights whose deadline has not passed."""
        now = self._monotonic()
        return [lease for lease in self._live.values() if lease.deadline > now]

    def expired(self) -> list[Lease]:
        """Rights nobody renewed in time; their devices must be made safe."""
        now = self._monotonic()
        return [lease for lease in self._live.values() if lease.deadline <= now]

    def over(self, now: datetime) -> list[Lease]:
        """Rights whose window has ended by lab time or by the monotonic clock."""
        instant = self._monotonic()
        return [one for one in self.live() if now >= one.until or instant >= one.latest]

    def renew(self, number: int) -> None:
        """Push the deadline out, unless it has already passed."""
        lease = self._live.get(number)
        now = self._monotonic()
        if lease is not None and lease.deadline > now:
            self._live[number] = replace(lease, deadline=now + TTL_S)

    def holds(self, number: int | None, device: str) -> bool:
        """Whether this very right still covers the device."""
        held = self.of(device)
        return held is not None and held.number == number

    def stands(self, number: int) -> bool:
        """Whether this right has not been taken away."""
        return number in self._live

    def begin_end(self, number: int) -> None:
        """From here on no command passes under it; its devices stay taken until `end`."""
        self._ending.add(number)

    def end(self, number: int) -> None:
        """Take the right away."""
        self._live.pop(number, None)
        self._ending.discard(number)


def open_row(
    db: Database,
    *,
    equipment: str,
    holder_kind: str,
    holder: str,
    by: str,
    now: datetime,
    until: datetime,
    why: str = "",
) -> int:
    """Write a lease down; its number grows for ever (the fencing number)."""
    cursor = db.execute(
        "INSERT INTO lab_lease (equipment, holder_kind, holder, granted_by, granted_ms, until_ms,"
        " why) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [equipment, holder_kind, holder, by, to_ms(now), to_ms(until), why],
    )
    return int(cursor.lastrowid or 0)


def close_row(
    db: Database, number: int, now: datetime, reason: str, *, by: str = "", note: str = ""
) -> None:
    """Write down that a lease ended, why, by whom, and what they said."""
    db.execute(
        "UPDATE lab_lease SET ended_ms = ?, end_reason = ?, ended_by = ?, end_note = ?"
        " WHERE number = ? AND ended_ms IS NULL",
        [to_ms(now), reason, by, note, number],
    )


def close_left_open(db: Database, now: datetime) -> int:
    """At start: no lease outlives the controller that granted it. Returns how many ended."""
    cursor = db.execute(
        "UPDATE lab_lease SET ended_ms = ?, end_reason = 'controller_restarted'"
        " WHERE ended_ms IS NULL",
        [to_ms(now)],
    )
    return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """One lease as it was written down; times are aware UTC lab time."""

    number: int
    equipment: str
    holder_kind: str
    holder: str
    granted_by: str
    why: str
    granted: datetime
    until: datetime
    ended: datetime | None
    end_reason: str
    ended_by: str
    end_note: str


def log(db: Database, equipment: str | None = None, limit: int = 50) -> list[LeaseRow]:
    """The newest leases first, of one piece of equipment or of all."""
    where, params = ("WHERE equipment = ?", [equipment]) if equipment else ("", [])
    rows = db.query(
        f"SELECT * FROM lab_lease {where} ORDER BY number DESC LIMIT ?",  # noqa: S608
        [*params, limit],
    )
    return [
        LeaseRow(
            number=row["number"],
            equipment=row["equipment"],
            holder_kind=row["holder_kind"],
            holder=row["holder"],
            granted_by=row["granted_by"],
            why=row["why"],
            granted=from_ms(row["granted_ms"]),
            until=from_ms(row["until_ms"]),
            ended=from_ms(row["ended_ms"]) if row["ended_ms"] is not None else None,
            end_reason=row["end_reason"] or "",
            ended_by=row["ended_by"],
            end_note=row["end_note"],
        )
        for row in rows
    ]
