"""A Marlin-style 3D printer on a serial line: one connection, one device.

One life of the wire is a `marlin_session`, the numbered protocol `marlin_link`, a print
`marlin_print`. `stop_now` writes past all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ClassVar

from equipment_drivers import contract as c
from equipment_drivers.devices.marlin_park import AXES
from equipment_drivers.devices.marlin_print import Handler, Printing
from equipment_drivers.devices.marlin_replies import Kind, Reply, Temperatures
from equipment_drivers.devices.marlin_session import MarlinSession
from equipment_drivers.devices.marlin_spec import (
    MarlinOptions,
    PrinterOptions,
    SetTemperature,
    device_spec,
    stop_step,
)
from equipment_drivers.devices.marlin_state import PrinterState
from equipment_drivers.errors import (
    BadArguments,
    BadOption,
    LinkLost,
    NotSupported,
    Rejected,
    Stopped,
)
from equipment_drivers.model import Link, LinkChanged, Operation

READ_BACK = 3
HEATERS = {"set_hotend": "M104", "set_bed": "M140"}


class MarlinPrinter:
    """The driver. A running print is one command; pause, resume and cancel act beside it."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="marlin",
        kind="printer3d",
        connection_options=MarlinOptions,
        device_options=PrinterOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
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
        self._printing: Printing | None = None
        self._verbs: Mapping[str, Handler] = {
            "set_hotend": self._set_hotend,
            "set_bed": self._set_bed,
            "home": self._home,
        }
        self._state = PrinterState(self._device, clock, emit)
        self._noisy = False
        self._looked_at = 0.0

    @property
    def max_silence_s(self) -> float:
        """Real seconds without traffic after which the printer counts as gone."""
        return self._options.max_silence_s

    def device_spec(self, device: str) -> c.DeviceSpec:
        """Commands and signals; no I/O."""
        return device_spec(device)

    def stop_plan(self, device: str) -> c.StopPlan:
        """M112 to the descriptor; a printer so stopped needs a reset by a person."""
        step = stop_step(self._connection, self._options)
        return c.StopPlan(device, "stop.means.printer", (step,))

    def stop_descriptor(self) -> int | None:
        """The open descriptor, or None."""
        return self._session.line.fileno() if self._session else None

    # -- life -------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the wire, number from 0, verify who is there. Raises WireFault or SetupFault."""
        await self.close()
        self._noisy = False
        cut_off = self._state.cut_off
        self._state = PrinterState(self._device, self._clock, self._emit)
        self._state.cut_off = cut_off
        session = MarlinSession(self._connection, self._options, self._heed)
        self._session = session
        self._printing = Printing(session, self._state, self._limits, self._clock, self._emit)
        await session.open()
        self._state.identity = session.identity

    async def resync(self) -> None:
        """Temperatures, position, and whether somebody else's print is under way; moves nothing."""
        session, state = self._open_session(), self._state
        await session.temperatures()
        if state.job is None:
            state.foreign = await session.moves_by_itself()
        state.position = await session.position()
        state.doubtful = False
        state.cut_off = state.cut_off and state.foreign
        if state.foreign:
            state.tell("message.foreign_job", "")
        state.show()

    async def serve(self) -> None:
        """Watch the wire until it is lost; raises the WireFault that ended it."""
        session = self._open_session()
        while (fault := await session.lost(within_s=self._options.poll_s)) is None:
            self._judge_noise(session.link.noise)
            with suppress(TimeoutError):
                async with asyncio.timeout(session.silence_left_s):
                    await self._look_for_foreign_job(session)
        raise fault

    async def _look_for_foreign_job(self, session: MarlinSession) -> None:
        """A print that somebody starts at the printer is shown and left alone until it ends."""
        state = self._state
        if state.foreign:
            state.foreign = await session.moves_by_itself()
            state.cut_off = state.cut_off and state.foreign
            state.show()
            return
        due = self._looked_at + self._options.foreign_check_s
        if self._clock.monotonic() < due or state.operation is not Operation.IDLE:
            return
        self._looked_at = self._clock.monotonic()
        if await session.prints_from_card() and state.operation is Operation.IDLE:
            state.foreign = True
            state.tell("message.foreign_job", "")
            state.show()

    def _heed(self, reply: Reply) -> None:
        self._state.heed(reply)
        if reply.kind is Kind.RESEND and self._session is not None:
            self._judge_noise(self._session.link.noise)

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
        printing, self._printing = self._printing, None
        if session is not None:
            await session.close()
        if printing is not None:
            await printing.closed()

    def _open_session(self) -> MarlinSession:
        if self._session is None:
            raise LinkLost(connection=self._connection, cause="not_open")
        return self._session

    # -- commands ---------------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
        """Carry out one command; refused before a byte is sent if it does not fit the moment."""
        spec = device_spec(device).commands.get(verb)
        if spec is None or device != self._device:
            raise NotSupported(device=device, verb=verb)
        if not isinstance(args, spec.args):
            raise BadArguments(verb=verb, key="-", cause=type(args).__name__)
        self._open_session()
        self._state.demand(verb, spec.allowed)
        if self._printing is not None and verb in self._printing.verbs:
            return await self._printing.verbs[verb](args, context)
        return await self._verbs[verb](args, context)

    async def _set_hotend(self, args: c.Arguments, context: c.CommandContext) -> c.CommandResult:
        highest = self._limits.max_hotend_c
        target = await self._heat("set_hotend", args, highest, context, lambda t: t.hotend_target)
        return c.CommandResult(values={"hotend_target": target})

    async def _set_bed(self, args: c.Arguments, context: c.CommandContext) -> c.CommandResult:
        highest = self._limits.max_bed_c
        target = await self._heat("set_bed", args, highest, context, lambda t: t.bed_target)
        return c.CommandResult(values={"bed_target": target})

    async def _heat(
        self,
        verb: str,
        args: c.Arguments,
        highest: float,
        context: c.CommandContext,
        target_of: Callable[[Temperatures], float | None],
    ) -> float:
        """Set a target and read it back; whole degrees, as the firmware keeps them."""
        assert isinstance(args, SetTemperature)
        if args.celsius > highest:
            raise BadArguments(verb=verb, key="celsius", cause=f"> {highest:g}")
        session, wanted = self._open_session(), round(args.celsius)
        command = f"{HEATERS[verb]} S{wanted}"
        context.demand()
        await session.link.send(command, context.may_act)
        found = None
        for _ in range(READ_BACK):
            found = target_of(await session.temperatures())
            if found == wanted:
                return found
        raise Rejected(device=self._device, cause=f"{command}: {found}")

    async def _home(self, args: c.Arguments, context: c.CommandContext) -> c.CommandResult:
        """Home all axes; until the printer has said where it is, nobody knows."""
        session, state = self._open_session(), self._state
        context.demand()
        state.homing = state.doubtful = True
        state.show()
        try:
            await session.link.send("G28", context.may_act)
            state.position = place = await session.position()
            state.homed, state.doubtful, state.lost = set(AXES), False, False
        finally:
            state.homing = False
            state.show()
        return c.CommandResult(values={"x": place.x, "y": place.y, "z": place.z})

    # -- stopping ---------------------------------------------------------------------------

    async def stop_now(self, device: str) -> c.StopReport:
        """M112 past everything that waits; the printer then needs a reset by a person."""
        if self._session is None:
            return c.StopReport(device, c.StopOutcome.FAILED, "not_open")
        reason = Stopped(device=device, cause="stop")
        self._state.fault = self._state.fault or reason
        outcome = await self._session.halt(reason)
        self._state.show()
        return c.StopReport(device, outcome)

    async def safe_state(self, device: str) -> c.StopReport:
        """A running print ended, heaters and fan off and read back; a foreign one is left alone.

        What still moves after a loss in the middle of our print are its last few moves, no other's.
        """
        session = self._session
        if session is None:
            return c.StopReport(device, c.StopOutcome.FAILED, "not_open")
        if self._state.foreign and not self._state.cut_off:
            return c.StopReport(device, c.StopOutcome.FAILED, "foreign_job")
        job, printing = self._state.job, self._printing
        if job is not None and printing is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._options.cool_s * 2):
                    await printing.end_job(job)
        return c.StopReport(device, await session.cool())
