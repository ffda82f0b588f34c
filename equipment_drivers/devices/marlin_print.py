"""A print from the file to its end: begin, hold, go on, give up. One life of the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from equipment_drivers.contract import Arguments, Clock, CommandContext, CommandResult, Emit
from equipment_drivers.devices.marlin_job import PrintJob, read_job
from equipment_drivers.devices.marlin_replies import Temperatures
from equipment_drivers.devices.marlin_session import MarlinSession
from equipment_drivers.devices.marlin_spec import Cancel, PrinterOptions, PrintFile
from equipment_drivers.devices.marlin_state import PrinterState
from equipment_drivers.errors import DriverError, NotAllowedNow, Rejected
from equipment_drivers.model import CycleFinished

Handler = Callable[[Arguments, CommandContext], Awaitable[CommandResult]]


class Printing:
    """The verbs of a print. The print itself is one long command; the others act beside it."""

    def __init__(
        self,
        session: MarlinSession,
        state: PrinterState,
        options: PrinterOptions,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._session, self._state, self._options = session, state, options
        self._clock, self._emit = clock, emit
        self._cooling: set[asyncio.Task[object]] = set()
        self.verbs: Mapping[str, Handler] = {
            "print_file": self._print_file,
            "pause": self._pause,
            "resume": self._resume,
            "cancel": self._cancel,
        }

    async def closed(self) -> None:
        """Done when nothing of an ended print is under way any more."""
        if self._cooling:
            await asyncio.wait(self._cooling)

    async def end_job(self, job: PrintJob) -> None:
        """No further line; done when the print has ended, its heaters off."""
        job.cancel()
        self._session.break_heating_wait()
        await job.ended.wait()

    # -- the print itself -------------------------------------------------------------------

    async def _print_file(self, args: Arguments, context: CommandContext) -> CommandResult:
        assert isinstance(args, PrintFile)
        lines = await read_job(args.path, self._options.limits, self._options.max_job_bytes)
        session, state = self._session, self._state
        state.demand_still("print_file")
        link = session.link
        job = PrintJob(args.name, lines, context, lambda: link.resends, link.go_on, state.homed)
        began = self._clock.now()
        state.job = job
        state.show()
        try:
            await link.stream(job)
            await session.stand_still()
            state.position = await session.position()
        except (asyncio.CancelledError, DriverError):
            state.cut_off = session.is_gone
            await self._cool_after(job)
            raise
        finally:
            state.report_job()
            state.homed = job.motion.homed
            state.job, state.person_wanted = None, False
            state.show()
            job.ended.set()
        ended = self._clock.now()
        self._emit(CycleFinished(state.device, ended, (ended - began).total_seconds()))
        return CommandResult(args.name, {"lines_sent": job.done, "resends": job.resends})

    async def _cool_after(self, job: PrintJob) -> None:
        """Heaters off after a print that did not end by itself, however often we are cancelled."""
        if self._state.fault is not None:
            return
        cooling: asyncio.Task[object] = asyncio.create_task(
            self._leave(job), name=f"cool {self._state.device}"
        )
        self._cooling.add(cooling)
        cooling.add_done_callback(self._cooling.discard)
        await asyncio.shield(cooling)

    async def _leave(self, job: PrintJob) -> None:
        """Cold, and measuring from zero again, as the check of the next file supposes."""
        await self._session.cool()
        if job.motion.relative or job.motion.relative_e:
            self._session.link.post("G90")
            self._session.link.post("M82")

    # -- beside it --------------------------------------------------------------------------

    async def _pause(self, args: Arguments, context: CommandContext) -> CommandResult:
        """No further line; done when the queued motion has ended and the nozzle is aside."""
        job = self._demand_job("pause")
        job.pause()
        await self._session.stand_still()
        await self._park(job, context)
        self._state.show()
        return CommandResult(values={"lines_sent": job.done})

    async def _resume(self, args: Arguments, context: CommandContext) -> CommandResult:
        """Back to where it was held, then the next line."""
        job = self._demand_job("resume")
        context.demand()
        if job.held_at is not None:
            for line in self._options.parking.back(job.held_at, job.motion):
                context.demand()
                await self._session.link.send(line, context.may_act)
            await self._session.stand_still()
            job.held_at = None
        context.demand()
        job.resume()
        self._state.show()
        return CommandResult(values={"lines_sent": job.done})

    async def _cancel(self, args: Arguments, context: CommandContext) -> CommandResult:
        """End the print: no further line, heaters off and read back, the nozzle off the part.

        The queued motion runs out, or is thrown away (`at_once`): then nobody knows the place.
        """
        assert isinstance(args, Cancel)
        session, state, job = self._session, self._state, self._demand_job("cancel")
        state.stopping = True
        state.show()
        try:
            if args.at_once:
                job.cancel()
                state.lost = True
                job.motion.homed.clear()
                session.quickstop()
            await self.end_job(job)
            await session.stand_still()
            await self._park(job, context)
            state.position = await session.position()
            report = await session.temperatures()
        finally:
            state.stopping = False
            state.show()
        if is_heating(report):
            raise Rejected(device=state.device, cause="M104 S0")
        return CommandResult(values={"lines_sent": job.done})

    async def _park(self, job: PrintJob, context: CommandContext) -> None:
        """Lift off and move aside, where places are known and the print itself may still move."""

        def may_move() -> bool:
            return context.may_act() and job.may_act()

        if job.held_at is not None or not job.motion.knows_place:
            return
        place = await self._session.position()
        for line in self._options.parking.there(place):
            if not may_move():
                break
            job.held_at = place
            await self._session.link.send(line, may_move)
        await self._session.stand_still()

    def _demand_job(self, verb: str) -> PrintJob:
        if self._state.job is None:
            raise NotAllowedNow(device=self._state.device, verb=verb, state=self._state.operation)
        return self._state.job


def is_heating(report: Temperatures) -> bool:
    """Whether any heater has a target."""
    return bool(report.hotend_target or report.bed_target)
