"""Commands to devices: who may, written down first, sent once, never replayed.

The order is always: permit and latch → lease → safety → interlocks → arguments → ledger row → wire
→ end in the ledger. A command that could not be sent before its deadline is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from equipment_drivers.contract import (
    Arguments,
    CommandContext,
    CommandResult,
    CommandSpec,
    Effect,
    StopOutcome,
    StopReport,
)
from equipment_drivers.errors import DriverError, OutcomeUnknown, Refused, Stopped
from equipment_drivers.lifecycle import Connection
from lab_controller import ledger
from lab_controller.board import Board, DeviceView
from lab_controller.clock import LabClock
from lab_controller.database import StorageFailed, Writer
from lab_controller.errors import LabError
from lab_controller.facts import Bus, CommandClosed
from lab_controller.guard import Guard
from lab_controller.job_log import JobLog
from lab_controller.leases import LeaseMissing, Leases, LeaseTaken
from lab_controller.ledger import LedgerRow

log = logging.getLogger(__name__)

REST_WITHIN_S = 8.0
CANCELLED = "lab.command_cancelled"


class UnknownDevice(LabError):
    """No device has this id."""

    code = "lab.unknown_device"


class UnknownCommand(LabError):
    """The device has no such command."""

    code = "lab.unknown_command"


class BadCommandArguments(LabError):
    """The command's arguments do not fit."""

    code = "lab.bad_arguments"


class NoPermit(LabError):
    """The stopper is not there: nothing may act without it."""

    code = "stop.no_permit"


class Latched(LabError):
    """The lab or this device is stopped until staff reset it."""

    code = "stop.latched"


class NotSafeToAct(LabError):
    """Link or safety do not allow acting now."""

    code = "lab.not_safe_to_act"


class Expired(Refused):
    """The command waited past its deadline and was dropped, not sent."""

    code = "lab.expired"


class Permission(Protocol):
    """What the coordinator asks of the stopper's permit."""

    @property
    def alive(self) -> bool: ...

    def latched(self, device: str) -> bool: ...


class Coordinator:
    """The one door through which devices are commanded."""

    def __init__(
        self,
        clock: LabClock,
        bus: Bus,
        board: Board,
        connections: Mapping[str, Connection],
        leases: Leases,
        permit: Permission,
        guard: Guard,
        lab_db: Writer,
        job_logs: Path,
    ) -> None:
        self._clock, self._bus, self._board = clock, bus, board
        self._connections, self._leases, self._permit = connections, leases, permit
        self._guard, self._db, self._job_logs = guard, lab_db, job_logs
        self._jobs: dict[str, tuple[LedgerRow, asyncio.Task[CommandResult]]] = {}

    def view(self, device: str) -> DeviceView:
        """The board's view of a device. Raises UnknownDevice."""
        if device not in self._board.views:
            raise UnknownDevice(device=device)
        return self._board[device]

    async def command(
        self,
        device: str,
        verb: str,
        arguments: Mapping[str, Any],
        *,
        by: str,
        lease: int | None = None,
        wait: bool = True,
    ) -> LedgerRow:
        """Carry out one command and return its ledger row.

        `wait=False` returns the row of a long-running command (a print, a program) while it
        goes on; its end is told on the bus. Refusals before the ledger raise and send nothing.
        """
        view = self.view(device)
        spec = self._spec(view, verb)
        held = self._demand_right(view, spec, lease)
        args = self._check_arguments(spec, arguments)
        now, begun = self._clock.now(), self._clock.monotonic()
        row = LedgerRow(
            id=uuid.uuid4().hex,
            device=device,
            verb=verb,
            arguments=dict(arguments),
            issuer=by,
            lease=held,
            issued=now,
            state="accepted",
        )
        expires = None
        if spec.timeout_s is not None:
            expires = now + timedelta(seconds=spec.timeout_s * self._clock.factor)
        await self._db.write(lambda db: ledger.accept(db, row, expires))
        latest = inf if spec.timeout_s is None else begun + spec.timeout_s
        work = self._carry_out(row, view, spec, args, latest)
        task = asyncio.create_task(work, name=f"command {row.id}")
        self._jobs[row.id] = (row, task)
        task.add_done_callback(lambda done: self._forget(row.id, done))
        if wait or spec.timeout_s is not None:
            await asyncio.shield(task)
        return await self.row(row.id)

    async def rest(
        self, device: str, *, by: str, why: Mapping[str, str] | None = None
    ) -> StopReport:
        """Bring a device to its resting state. Needs no lease; a stopped device is left alone.

        `why` goes into the ledger.
        """
        view = self.view(device)
        if view.latched or not view.link.carries_commands:
            return StopReport(
                device, StopOutcome.FAILED, view.safety if view.latched else view.link
            )
        now = self._clock.now()
        row = LedgerRow(
            uuid.uuid4().hex, device, "safe_state", why or {}, by, None, now, "accepted"
        )
        with told_if_not_written(row):
            await self._db.write(lambda db: ledger.accept(db, row, None))
        report = await self._safe_state(view)
        failed = report.outcome is StopOutcome.FAILED
        if failed:
            log.error("%s did not reach its resting state: %s", device, report.detail)
        with told_if_not_written(row):
            await self._end(row, "failed" if failed else "done", answer=report.detail)
            if report.outcome is StopOutcome.CONFIRMED and view.outcome_unknown:
                ended = self._clock.now()
                await self._db.write(lambda db: ledger.settle_at_rest(db, [device], by, ended))
        if report.outcome is StopOutcome.CONFIRMED:
            view.outcome_unknown = ""  # whatever was unknown, now the device is known to rest
        return report

    async def _safe_state(self, view: DeviceView) -> StopReport:
        """A driver that fails, or has a mistake, must not keep the other devices from resting."""
        try:
            async with asyncio.timeout(REST_WITHIN_S):
                return await self._connections[view.connection].driver.safe_state(view.device)
        except (DriverError, TimeoutError) as error:
            return StopReport(view.device, StopOutcome.FAILED, str(error) or "timeout")
        except Exception as error:
            log.exception("mistake in the driver of %s", view.device)
            return StopReport(view.device, StopOutcome.FAILED, repr(error))

    async def finished(self, command: str) -> None:
        """Wait until a running command has its end in the ledger; its error is raised."""
        if command in self._jobs:
            await asyncio.shield(self._jobs[command][1])

    def running(self, device: str) -> list[str]:
        """Ids of the device's commands that are still being carried out."""
        return [row.id for row, _ in self._jobs.values() if row.device == device]

    async def cancel_jobs(self, devices: Iterable[str]) -> None:
        """End the running commands of these devices and wait until they have ended."""
        wanted = set(devices)
        ending = [(row, task) for row, task in self._jobs.values() if row.device in wanted]
        for _, task in ending:
            task.cancel()
        await asyncio.gather(*(task for _, task in ending), return_exceptions=True)
        for row, _ in ending:  # one that had not begun could not write its own end
            await self._end(row, "failed", CANCELLED)

    async def row(self, command: str) -> LedgerRow:
        """One command as the ledger holds it. Raises UnknownCommand."""
        found = await self._db.read(lambda db: ledger.find(db, command))
        if found is None:
            raise UnknownCommand(device="-", verb=command, known="-")
        return found

    # -- the checks, in their order ---------------------------------------------------------

    def _spec(self, view: DeviceView, verb: str) -> CommandSpec:
        spec = view.spec.commands.get(verb)
        if spec is None:
            known = ", ".join(sorted(view.spec.commands)) or "-"
            raise UnknownCommand(device=view.device, verb=verb, known=known)
        return spec

    @staticmethod
    def _check_arguments(spec: CommandSpec, arguments: Mapping[str, Any]) -> Arguments:
        try:
            return spec.args.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "-"
            raise BadCommandArguments(verb=spec.verb, key=where, cause=first["msg"]) from error

    def _demand_right(self, view: DeviceView, spec: CommandSpec, lease: int | None) -> int | None:
        if spec.effect is Effect.READ:
            return None
        if self._permit.latched(view.device):
            raise Latched(device=view.device)
        if not self._permit.alive:
            raise NoPermit
        held = self._leases.of(view.device)
        if held is None:
            raise LeaseMissing(device=view.device)
        if lease is not None and lease != held.number:
            raise LeaseTaken(device=view.device, holder=held.holder)
        if spec.effect is Effect.ACTUATE and not view.may_actuate:
            raise NotSafeToAct(device=view.device, link=view.link, safety=view.safety)
        if needs_permission(spec):
            self._guard.demand(view.device, spec.verb)
        return held.number

    def _may_act(self, row: LedgerRow, spec: CommandSpec) -> Callable[[], bool]:
        """Asked before every actuating byte: permit, latch, lease, and the interlocks' word."""
        if row.lease is None:
            return lambda: True

        def may_act() -> bool:
            return (
                self._permit.alive
                and not self._permit.latched(row.device)
                and self._leases.holds(row.lease, row.device)
                and not (needs_permission(spec) and self._guard.denials(row.device, spec.verb))
            )

        return may_act

    # -- the wire ---------------------------------------------------------------------------

    async def _carry_out(
        self,
        row: LedgerRow,
        view: DeviceView,
        spec: CommandSpec,
        args: Arguments,
        latest: float,
    ) -> CommandResult:
        """Send, and give the row its end whatever happens, cancellation included.

        `latest`: after this moment (real monotonic seconds) it is dropped.
        """
        lasting = spec.timeout_s is None
        try:
            await self._db.write(lambda db: ledger.mark_sent(db, row.id, self._clock.now()))
            if self._clock.monotonic() > latest:
                raise Expired(device=row.device, verb=row.verb)
            result = await self._send(row, view, spec, args)
        except asyncio.CancelledError:
            known = lasting or spec.effect is Effect.READ
            if not known:
                view.outcome_unknown = row.id
            await self._end(row, "failed" if known else "unknown", CANCELLED)
            raise
        except Refused as error:
            ended_on_its_way = lasting and isinstance(error, Stopped)
            state = "failed" if ended_on_its_way else "refused"
            await self._end(row, state, error.code, str(error), error.params)
            raise
        except OutcomeUnknown as error:
            if spec.effect is not Effect.READ:
                view.outcome_unknown = row.id
            await self._end(row, "unknown", error.code, str(error), error.params)
            await self._read_back(view, row)
            raise
        except DriverError as error:
            await self._end(row, "failed", error.code, str(error), error.params)
            raise
        await self._end(row, "done", answer=result.text)
        return result

    async def _send(
        self, row: LedgerRow, view: DeviceView, spec: CommandSpec, args: Arguments
    ) -> CommandResult:
        lasting = spec.timeout_s is None
        with JobLog(self._job_logs / f"{row.id}.log", lasting=lasting) as journal:
            context = CommandContext(
                command_id=row.id,
                lease=row.lease,
                may_act=self._may_act(row, spec),
                journal=journal,
            )
            return await self._connections[view.connection].execute(
                row.device, spec.verb, args, context
            )

    async def _end(
        self,
        row: LedgerRow,
        state: str,
        code: str = "",
        answer: str = "",
        params: Mapping[str, str] | None = None,
    ) -> None:
        now = self._clock.now()
        write = self._db.write(
            lambda db: ledger.close(db, row.id, state, now, code, answer, params)
        )
        if await write:
            self._bus.tell(CommandClosed(row.device, row.id, row.verb, state, code))

    async def _read_back(self, view: DeviceView, row: LedgerRow) -> None:
        """After an unknown outcome: look and change nothing; a person says what became of it."""
        try:
            await self._connections[view.connection].resync()
        except DriverError as error:
            log.warning("resync after an unknown outcome of %s failed: %s", row.id, error)

    def _forget(self, command: str, done: asyncio.Task[CommandResult]) -> None:
        self._jobs.pop(command, None)
        if not done.cancelled() and done.exception() is not None:
            log.info("command %s ended: %s", command, done.exception())


def needs_permission(spec: CommandSpec) -> bool:
    """Whether interlocks have a say: what only takes motion or energy away is always allowed."""
    return spec.effect is Effect.ACTUATE and not spec.calms


@contextmanager
def told_if_not_written(row: LedgerRow) -> Iterator[None]:
    """Making a machine safe does not wait for a full disk: that is logged and passed over."""
    try:
        yield
    except StorageFailed as error:
        log.error("%s of %s is not in the ledger: %s", row.verb, row.device, error)
