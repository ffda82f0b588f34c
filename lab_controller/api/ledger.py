"""Who did what to which machine, what became of it, and who held the equipment."""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from lab_controller import job_log, leases, ledger
from lab_controller.api import shapes
from lab_controller.api.auth import staff
from lab_controller.api.lab import Issuer, Language, ThisLab
from lab_controller.api.windows import BadWindow
from lab_controller.wire import CommandShape
from lab_controller.wire_ledger import JobLogShape, LeaseShape, SettleRequest, TakeRequest

router = APIRouter(dependencies=[Depends(staff)])


class CommandState(StrEnum):
    """What the ledger can be filtered by; `unsettled`: unknown, and nobody has looked yet."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNSETTLED = "unsettled"


Limit = Annotated[int, Query(gt=0, le=1000)]


@router.get("/commands")
async def commands(
    lab: ThisLab,
    language: Language,
    device: str | None = None,
    state: CommandState | None = None,
    since: datetime | None = None,
    limit: Limit = 50,
) -> list[CommandShape]:
    """Who did what to which machine, newest first."""
    if device is not None:
        lab.coordinator.view(device)
    if since is not None and since.tzinfo is None:
        raise BadWindow
    wanted = ledger.Wanted(device, state, since, limit)
    rows = await lab.db.read(lambda db: ledger.log(db, wanted))
    return [shapes.command(lab, row, language) for row in rows]


@router.get("/commands/{command}")
async def command(command: str, lab: ThisLab, language: Language) -> CommandShape:
    """One command as the ledger holds it."""
    return shapes.command(lab, await lab.coordinator.row(command), language)


@router.get("/commands/{command}/log")
async def job(command: str, lab: ThisLab, lines: Limit = 200) -> JobLogShape:
    """The last lines of a job's own log: what went over the wire."""
    row = await lab.coordinator.row(command)
    path = lab.settings.lab.data_dir / "job_logs" / f"{row.id}.log"
    return JobLogShape(command=row.id, lines=await asyncio.to_thread(job_log.tail, path, lines))


@router.post("/commands/{command}/settle")
async def settle(
    command: str, found: SettleRequest, lab: ThisLab, language: Language, by: Issuer
) -> CommandShape:
    """Write down what a person saw at the machine after an unknown outcome; nothing is sent."""
    row = await lab.settling.settle(command, carried_out=found.carried_out, note=found.note, by=by)
    return shapes.command(lab, row, language)


@router.get("/leases")
async def lease_log(
    lab: ThisLab, language: Language, equipment: str | None = None, limit: Limit = 50
) -> list[LeaseShape]:
    """Who held which equipment, newest first."""
    rows = await lab.db.read(lambda db: leases.log(db, equipment, limit))
    return [shapes.lease(lab, row, language) for row in rows]


@router.post("/equipment/{equipment}/take")
async def take(
    equipment: str, wanted: TakeRequest, lab: ThisLab, language: Language, by: Issuer
) -> LeaseShape:
    """Staff take equipment; a lease somebody else holds ends first, in safe state."""
    await lab.arming.take(
        equipment, by=by, reason=wanted.reason, minutes=wanted.minutes, kind=wanted.kind
    )
    return await _newest(lab, equipment, language)


@router.post("/equipment/{equipment}/release")
async def release(equipment: str, lab: ThisLab, language: Language, by: Issuer) -> LeaseShape:
    """Staff give back what they took; every device is brought to rest."""
    await lab.arming.release(equipment, by=by)
    return await _newest(lab, equipment, language)


async def _newest(lab: ThisLab, equipment: str, language: str) -> LeaseShape:
    (row,) = await lab.db.read(lambda db: leases.log(db, equipment, 1))
    return shapes.lease(lab, row, language)
