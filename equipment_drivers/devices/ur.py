"""Universal Robots arms (CB3, e-Series): dashboard for commands, RTDE for what they do.

One socket a purpose: one to command, one to look, one for RTDE, and each stop opens its own. Where
RTDE is down the dashboard alone shows the state, the link is degraded, and nothing is started.
PolyScope X has no dashboard and is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

from equipment_drivers import contract as c
from equipment_drivers.devices import ur_spec
from equipment_drivers.devices.ur_commands import Hands
from equipment_drivers.devices.ur_dashboard import Dashboard
from equipment_drivers.devices.ur_deadman import DeadMan
from equipment_drivers.devices.ur_options import UrArmOptions, UrOptions
from equipment_drivers.devices.ur_rtde import Value
from equipment_drivers.devices.ur_rtde_link import RtdeLink, demand_known
from equipment_drivers.devices.ur_state import UNKNOWN
from equipment_drivers.devices.ur_view import Look, UrView
from equipment_drivers.errors import (
    BadOption,
    ConnectFailed,
    DriverError,
    LinkLost,
    NotSupported,
    PeerSilent,
    Rejected,
    WireFault,
    WrongDevice,
)
from equipment_drivers.model import Link, LinkChanged
from equipment_drivers.side_by_side import until_one_ends

REMOTE_SINCE = (5, 6)
STATUS_SINCE = (5, 4)


class UniversalRobot:
    """One controller with its one arm."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="ur",
        kind="robot",
        connection_options=UrOptions,
        device_options=UrArmOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
    ) -> None:
        assert isinstance(options, UrOptions)
        self._connection, self._options = connection, options
        self._clock, self._emit = clock, emit
        self._devices = tuple(device.id for device in devices)
        arm = devices[0].options if devices else UrArmOptions()
        assert isinstance(arm, UrArmOptions)
        self._arm = arm
        self._view = UrView(
            "".join(self._devices[:1]),
            arm,
            options.max_silence_s,
            clock=clock,
            emit=emit,
            on_live=self._alive,
        )
        self._eyes = self._dashboard()
        self._deadman = DeadMan(self._kick, self._stop, period_s=1 / options.kicks_hz)
        self._hands = Hands(
            options, self._view, self._dashboard(), self._deadman, lambda: self._rtde, self._stop
        )
        self._rtde: RtdeLink | None = None
        self._version = (0, 0)
        self._marked = Link.ONLINE
        self._owes_stop = False

    def _dashboard(self) -> Dashboard:
        return Dashboard(
            self._options.host,
            self._options.dashboard_port,
            timeout_s=self._options.timeout_s,
            greeting_s=self._options.greeting_s,
        )

    # -- what it is -------------------------------------------------------------------------

    @property
    def max_silence_s(self) -> float:
        if self._rtde is None:  # only the dashboard is left to be asked
            return self._options.look_s + self._options.timeout_s
        return self._options.max_silence_s

    def device_spec(self, device: str) -> c.DeviceSpec:
        return ur_spec.device_spec(device, self._options, self._arm)

    def stop_plan(self, device: str) -> c.StopPlan:
        return ur_spec.stop_plan(device, self._connection, self._options)

    def stop_descriptor(self) -> int | None:
        return None

    # -- the wires --------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the dashboard, see which robot it is, and open RTDE if it is there."""
        if len(self._devices) != 1:
            raise BadOption(option="device", cause="one controller has one arm")
        self._view.begin()
        self._marked = Link.ONLINE
        try:
            await self._eyes.open()
        except ConnectFailed:
            await self._refuse_polyscope_x()
            raise
        await self._identify()
        with suppress(WireFault):
            await self._open_rtde()

    async def _refuse_polyscope_x(self) -> None:
        """Where nobody greets on the dashboard, RTDE may say that there is none."""
        with suppress(WireFault):
            await self._open_rtde()
        await self._close_rtde()

    async def _identify(self) -> None:
        version = await self._eyes.ask("version")
        self._version = demand_known(version)
        details = {"version": version.split(" ")[0]}
        for name in ("model", "serial"):
            with suppress(NotSupported, Rejected):
                details[name] = await self._eyes.ask(name)
        wanted, serial = self._options.serial_number, details.get("serial", "")
        if wanted and wanted != serial:
            raise WrongDevice(cause=f"serial number {serial or 'unknown'}, not {wanted}")
        self._view.details = details

    async def _open_rtde(self) -> None:
        link = RtdeLink(
            self._options.host,
            self._options.rtde_port,
            hz=self._options.hz,
            timeout_s=self._options.timeout_s,
            on_values=self._heard,
            on_text=self._view.says,
        )
        self._rtde = link  # the first frame may come before `open` returns
        try:
            await link.open(
                ur_spec.output_fields(self._view.parts.source), ur_spec.input_fields(self._options)
            )
        except BaseException:
            self._rtde = None
            self._view.blind()  # frames of a link that is given up again are no sight
            raise
        held = [name for name, why in link.refused.items() if name.startswith("input_int")]
        self._view.details["watchdog"] = "on" if link.gives("watchdog") else "off"
        if held:
            self._view.message("message.watchdog_in_use", f"{held[0]} {link.refused[held[0]]}")

    async def _close_rtde(self) -> None:
        link, self._rtde = self._rtde, None
        if link is not None:
            await link.close()

    async def resync(self) -> None:
        """Look at everything; a program of ours that outlived a connection is stopped."""
        await self._look()
        if self._rtde is not None:
            await self._view.reaches(lambda: self._view.live, self._options.max_silence_s)
        if not self._view.live:
            self._mark(Link.DEGRADED, ConnectFailed(cause="RTDE"))
        if self._owes_stop and self._view.runtime not in ("STOPPED", UNKNOWN):
            await self._stop()
        elif self._view.runtime == "STOPPED":
            self._owes_stop = False
        if self._view.runtime in ("PLAYING", "PAUSED", "RESUMING") and not self._deadman.held:
            self._view.message("message.foreign_program", self._view.program)
        self._view.tell(anew=True)

    async def serve(self) -> None:
        await until_one_ends(self._watch_rtde(), self._keep_looking(), self._deadman.run())

    async def close(self) -> None:
        self._owes_stop = self._owes_stop or self._deadman.held
        self._deadman.release()
        await self._close_rtde()
        await self._eyes.close()
        await self._hands.close()

    async def _watch_rtde(self) -> None:
        """Without RTDE: see that the controller still lives, go on degraded, try again."""
        while True:
            if self._rtde is not None:
                fault = await self._rtde.ended(self._options.max_silence_s)
                await self._close_rtde()
                self._view.blind()
                await self._probe()
                self._mark(Link.DEGRADED, fault)
                await self._look()
            else:
                self._mark(Link.DEGRADED, ConnectFailed(cause="RTDE"))
            await asyncio.sleep(self._options.rtde_retry_s)
            with suppress(WireFault):
                await self._open_rtde()

    async def _probe(self) -> None:
        """Whether anybody is there at all: a fresh dashboard socket is greeted at once."""
        probe = Dashboard(
            self._options.host,
            self._options.dashboard_port,
            timeout_s=self._options.probe_s,
            greeting_s=self._options.probe_s,
        )
        try:
            await probe.open()
        finally:
            await probe.close()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._options.look_s)
            try:
                await self._look()
            except PeerSilent:
                if not (self._view.live and self._hands.busy):
                    raise  # a controller that loads a program leaves the dashboard waiting

    async def _look(self) -> None:
        """Ask the dashboard for what RTDE does not say, and for the state in case it is down."""
        ask = self._eyes.ask
        remote = await ask("remote") == "true" if self._version >= REMOTE_SINCE else None
        loaded = await ask("loaded")
        state = "safety_status" if self._version >= STATUS_SINCE else "safety_mode"
        mode, safety = await ask("mode"), await ask(state)
        runtime = (await ask("program_state")).split(" ")[0]
        self._view.look(Look(remote, loaded, mode.upper(), safety.upper(), runtime.upper()))

    # -- what comes and goes ----------------------------------------------------------------

    def _heard(self, values: Mapping[str, Value]) -> None:
        if self._deadman.lapsed:
            self._view.parts.spoil()
        self._view.take(values)
        if self._view.runtime == "STOPPED" and not self._hands.starting:
            self._deadman.release()

    def _alive(self, live: bool) -> None:
        """The controller's clock runs again, or stands."""
        self._mark(Link.ONLINE if live else Link.DEGRADED, PeerSilent(cause="RTDE timestamp"))

    def _mark(self, link: Link, fault: DriverError) -> None:
        if link is self._marked:
            return
        self._marked = link
        code, params = (fault.code, fault.params) if link is Link.DEGRADED else ("", {})
        self._emit(LinkChanged(self._connection, link, self._clock.now(), code, params))

    def _kick(self, number: int) -> None:
        if self._rtde is not None and self._view.live and self._rtde.gives("watchdog"):
            name = f"input_int_register_{self._options.watchdog_register}"
            with suppress(LinkLost):  # that it is lost is told where it is watched
                self._rtde.write("watchdog", {name: number})

    # -- what it does -----------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
        if verb == "refresh":
            await self._look()
        else:
            await self._hands.execute(verb, args, context)
            await self._look()
        view = self._view
        skipped = self._rtde.skipped if self._rtde else 0
        return c.CommandResult(
            text=view.operation, values={"state": view.operation, "skipped_frames": skipped}
        )

    async def stop_now(self, device: str) -> c.StopReport:
        return await self._stop()

    async def safe_state(self, device: str) -> c.StopReport:
        return await self._stop()

    async def _stop(self) -> c.StopReport:
        """Stop the program; what could not be stopped is owed, and stopped after a reconnect."""
        self._deadman.release()
        self._view.parts.spoil()
        report = await self._say_stop(self._view.device)
        self._owes_stop = report.outcome is not c.StopOutcome.CONFIRMED
        return report

    async def _say_stop(self, device: str) -> c.StopReport:
        """On a socket opened for it; where no program runs, all is well already."""
        dashboard = self._dashboard()
        try:
            async with asyncio.timeout(self._options.stop_s):
                with suppress(Rejected):
                    await dashboard.ask("stop")
                running = await dashboard.ask("running")
        except (DriverError, TimeoutError) as error:
            return c.StopReport(device, c.StopOutcome.FAILED, str(error) or "timeout")
        finally:
            await dashboard.close()
        if running.lower() == "true":
            return c.StopReport(device, c.StopOutcome.FAILED, "Program running: true")
        return c.StopReport(device, c.StopOutcome.CONFIRMED, "Stopped")
