"""A Marlin-style 3D printer on a serial line: one connection, one device.

One life of the wire is a `marlin_session`, the numbered protocol `marlin_link`, a print
`marlin_job`. `stop_now` writes past all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from equipment_drivers.contract import (
    Arguments,
    Clock,
    CommandContext,
    CommandResult,
    DeviceConfig,
    DeviceSpec,
    DriverSpec,
    Options,
    StopOutcome,
    StopPlan,
    StopReport,
)
from equipment_drivers.devices.marlin_job import PrintJob, read_job
from equipment_drivers.devices.marlin_replies import Temperatures
from equipment_drivers.devices.marlin_session import MarlinSession
from equipment_drivers.devices.marlin_spec import (
    STANDING,
    MarlinOptions,
    PrinterOptions,
    PrintFile,
    SetTemperature,
    device_spec,
    stop_step,
)
from equipment_drivers.devices.marlin_state import PrinterState
from equipment_drivers.errors import (
    BadArguments,
    BadOption,
    DriverError,
    LinkLost,
    NotAllowedNow,
    NotSupported,
    Rejected,
    Stopped,
)
from equipment_drivers.model import CycleFinished, Fact, Link, LinkChanged, Operation

READ_BACK = 3
HEATERS = {"set_hotend": "M104", "set_bed": "M140"}
Handler = Callable[[Arguments, CommandContext], Awaitable[CommandResult]]


class MarlinPrinter:
    """The driver. A running print is one command; pause, resume and cancel act beside it."""

    spec: ClassVar[DriverSpec] = DriverSpec(
        id="marlin",
        kind="printer3d",
        connection_options=MarlinOptions,
        device_options=PrinterOptions,
    )

    def __init__(
        self,
        connection: str,
        options: Options,
        devices: Sequence[DeviceConfig],
        *,
        clock: Clock,
        emit: Callable[[Fact], None],
    ) -> None:
        if len(devices) != 1 or not isinstance(options, MarlinOptions):
            raise BadOption(option="device", cause="one printer per connection")
        limits = devices[0].options
        if not isinstance(limits, PrinterOptions):
            raise BadOption(option="device", cause=type(limits).__name__)
        self._connection, self._options, self._limits = connection, options, limits
        self._device = devices[0].id
        self._clock, self._emit = clock, emit
        self._session: MarlinSession | None = None
        self._handlers: dict[str, Handler] = {
            "print_file": self._print_file,
            "pause": self._pause,
            "resume": self._resume,
            "cancel": self._cancel,
            "set_hotend": self._set_hotend,
            "set_bed": self._set_bed,
            "home": self._home,
        }
        self._cooling: set[asyncio.Task[StopOutcome]] = set()
        self._state = PrinterState(self._device, clock, emit)
        self._noisy = False

    @property
    def max_silence_s(self) -> float:
        """Real seconds without traffic after which the printer counts as gone."""
        return self._options.max_silence_s

    def device_spec(self, device: str) -> DeviceSpec:
        """Commands and signals; no I/O."""
        return device_spec(device)

    def stop_plan(self, device: str) -> StopPlan:
        """M112 to the descriptor; a printer so stopped needs a reset by a person."""
        step = stop_step(self._connection, self._options)
        return StopPlan(device, "stop.means.printer", (step,))

    def stop_descriptor(self) -> int | None:
        """The open descriptor, or None."""
        return self._session.line.fileno() if self._session else None

    # -- life -------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the wire, number from 0, verify who is there. Raises WireFault or SetupFault."""
        await self.close()
        self._noisy = False
        self._state = PrinterState(self._device, self._clock, self._emit)
        self._session = MarlinSession(self._connection, self._options, self._state.heed)
        await self._session.open()
        self._state.identity = self._session.identity

    async def resync(self) -> None:
        """Temperatures, position, and whether somebody else's print is under way; moves nothing."""
        session, state = self._open_session(), self._state
        await session.temperatures()
        if state.job is None:
            state.foreign = await session.moves_by_itself()
        state.position = await session.position()
        if state.foreign:
            state.tell("message.foreign_job", "")
        state.show()

    async def serve(self) -> None:
        """Watch the wire until it is lost; raises the WireFault that ended it."""
        session = self._open_session()
        while (fault := await session.lost(within_s=self._options.poll_s)) is None:
            self._judge_noise(session.link.noise)
            if self._state.foreign:
                await self._look_for_end_of_foreign_job(session)
        raise fault

    async def _look_for_end_of_foreign_job(self, session: MarlinSession) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(session.silence_left_s):
                self._state.foreign = await session.moves_by_itself()
                self._state.show()

    def _judge_noise(self, noise: float) -> None:
        worst = self._options.noisy_ratio
        noisy = noise > (worst / 2 if self._noisy else worst)
        if noisy is self._noisy:
            return
        self._noisy = noisy
        link = Link.DEGRADED if noisy else Link.ONLINE
        code = "driver.noisy_line" if noisy else ""
        params = {"percent": f"{noise * 100:.0f}"}
        self._emit(LinkChanged(self._connection, link, self._clock.now(), code, params))

    async def close(self) -> None:
        """Close the wire; a running command ends in LinkLost."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._cooling:
            await asyncio.wait(self._cooling)

    def _open_session(self) -> MarlinSession:
        if self._session is None:
            raise LinkLost(connection=self._connection, cause="not_open")
        return self._session

    # -- commands ---------------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: Arguments, context: CommandContext
    ) -> CommandResult:
        """Carry out one command; refused before a byte is sent if it does not fit the moment."""
        spec = device_spec(device).commands.get(verb)
        if spec is None or device != self._device:
            raise NotSupported(device=device, verb=verb)
        if not isinstance(args, spec.args):
            raise BadArguments(verb=verb, key="-", cause=type(args).__name__)
        self._open_session()
        self._demand_moment(verb, spec.allowed)
        return await self._handlers[verb](args, context)

    def _demand_moment(self, verb: str, allowed: frozenset[Operation]) -> None:
        state = self._state
        if state.foreign:
            raise NotAllowedNow(device=self._device, verb=verb, state="foreign_job")
        if state.operation not in allowed:
            raise NotAllowedNow(device=self._device, verb=verb, state=state.operation)

    async def _print_file(self, args: Arguments, context: CommandContext) -> CommandResult:
        assert isinstance(args, PrintFile)
        lines = await read_job(args.path, self._limits.limits, self._limits.max_job_bytes)
        session, state = self._open_session(), self._state
        self._demand_moment("print_file", STANDING)
        job = PrintJob(args.name, lines, context, lambda: session.link.resends)
        began = self._clock.now()
        state.job = job
        state.show()
        try:
            await job.feed(session.link.send)
            await session.stand_still()
            state.position = await session.position()
        except (asyncio.CancelledError, DriverError):
            await self._cool_after(session)
            raise
        finally:
            state.report_job()
            state.job, state.person_wanted = None, False
            state.show()
            job.ended.set()
        ended = self._clock.now()
        self._emit(CycleFinished(self._device, ended, (ended - began).total_seconds()))
        return CommandResult(args.name, {"lines_sent": job.done, "resends": job.resends})

    async def _cool_after(self, session: MarlinSession) -> None:
        """Heaters off after a print that did not end by itself, however often we are cancelled."""
        if self._state.fault is not None:
            return
        cooling = asyncio.create_task(session.cool(), name=f"cool {self._device}")
        self._cooling.add(cooling)
        cooling.add_done_callback(self._cooling.discard)
        await asyncio.shield(cooling)

    async def _pause(self, args: Arguments, context: CommandContext) -> CommandResult:
        """No further line; done when the motion already queued has ended."""
        session, job = self._open_session(), self._demand_job("pause")
        job.pause()
        await session.stand_still()
        self._state.show()
        return CommandResult(values={"lines_sent": job.done})

    async def _resume(self, args: Arguments, context: CommandContext) -> CommandResult:
        job = self._demand_job("resume")
        context.demand()
        job.resume()
        self._state.show()
        return CommandResult(values={"lines_sent": job.done})

    async def _cancel(self, args: Arguments, context: CommandContext) -> CommandResult:
        """End the print: no further line, heaters off, and the queued motion runs out."""
        session, state, job = self._open_session(), self._state, self._demand_job("cancel")
        state.stopping = True
        state.show()
        try:
            await self._end_job(session, job)
            await session.stand_still()
            state.position = await session.position()
        finally:
            state.stopping = False
            state.show()
        return CommandResult(values={"lines_sent": job.done})

    async def _end_job(self, session: MarlinSession, job: PrintJob) -> None:
        job.cancel()
        session.break_heating_wait()
        await job.ended.wait()

    def _demand_job(self, verb: str) -> PrintJob:
        if self._state.job is None:
            raise NotAllowedNow(device=self._device, verb=verb, state=self._state.operation)
        return self._state.job

    async def _set_hotend(self, args: Arguments, context: CommandContext) -> CommandResult:
        highest = self._limits.max_hotend_c
        target = await self._heat("set_hotend", args, highest, context, lambda t: t.hotend_target)
        return CommandResult(values={"hotend_target": target})

    async def _set_bed(self, args: Arguments, context: CommandContext) -> CommandResult:
        highest = self._limits.max_bed_c
        target = await self._heat("set_bed", args, highest, context, lambda t: t.bed_target)
        return CommandResult(values={"bed_target": target})

    async def _heat(
        self,
        verb: str,
        args: Arguments,
        highest: float,
        context: CommandContext,
        target_of: Callable[[Temperatures], float | None],
    ) -> float:
        """Set a target and read it back; whole degrees, as the firmware keeps them."""
        assert isinstance(args, SetTemperature)
        if args.celsius > highest:
            raise BadArguments(verb=verb, key="celsius", cause=f"> {highest:g}")
        session, wanted = self._open_session(), round(args.celsius)
        command = f"{HEATERS[verb]} S{wanted}"
        context.demand()
        await session.link.send(command)
        found = None
        for _ in range(READ_BACK):
            found = target_of(await session.temperatures())
            if found == wanted:
                return found
        raise Rejected(device=self._device, cause=f"{command}: {found}")

    async def _home(self, args: Arguments, context: CommandContext) -> CommandResult:
        session, state = self._open_session(), self._state
        context.demand()
        state.homing = True
        state.show()
        try:
            await session.link.send("G28")
            state.position = place = await session.position()
        finally:
            state.homing = False
            state.show()
        return CommandResult(values={"x": place.x, "y": place.y, "z": place.z})

    # -- stopping ---------------------------------------------------------------------------

    async def stop_now(self, device: str) -> StopReport:
        """M112 past everything that waits; the printer then needs a reset by a person."""
        if self._session is None:
            return StopReport(device, StopOutcome.FAILED, "not_open")
        reason = Stopped(device=device, cause="stop")
        self._state.fault = self._state.fault or reason
        outcome = await self._session.halt(reason)
        self._state.show()
        return StopReport(device, outcome)

    async def safe_state(self, device: str) -> StopReport:
        """A running print ended, heaters and fan off and read back."""
        session = self._session
        if session is None:
            return StopReport(device, StopOutcome.FAILED, "not_open")
        job = self._state.job
        if job is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._options.cool_s * 2):
                    await self._end_job(session, job)
        return StopReport(device, await session.cool())
