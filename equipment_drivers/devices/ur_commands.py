"""What a Universal Robots arm is told: a verb, what it has to lead to, and what forbids it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from equipment_drivers.contract import Arguments, CommandContext, StopReport
from equipment_drivers.devices.ur_dashboard import Dashboard, NotRemote
from equipment_drivers.devices.ur_deadman import DeadMan
from equipment_drivers.devices.ur_options import UrOptions
from equipment_drivers.devices.ur_rtde_link import RtdeLink
from equipment_drivers.devices.ur_spec import TARGET_SPEED, Percent, ProgramName
from equipment_drivers.devices.ur_state import MOVING
from equipment_drivers.devices.ur_view import UrView
from equipment_drivers.errors import (
    Faulted,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    Refused,
    Rejected,
)
from equipment_drivers.model import Operation, Safety

POWERED = frozenset({"IDLE", "RUNNING"})


class NoWatchdog(NotAllowedNow):
    """The watchdog's register belongs to somebody else, so nothing may be started."""

    code = "driver.no_watchdog"


class UnlockedBefore(NotAllowedNow):
    """The protective stop came back at once: somebody has to look, and unlock at the pendant."""

    code = "driver.unlocked_before"


class Hands:
    """Carries out the commands of one arm, on a dashboard socket for nothing else."""

    def __init__(
        self,
        options: UrOptions,
        view: UrView,
        dashboard: Dashboard,
        deadman: DeadMan,
        rtde: Callable[[], RtdeLink | None],
        stop: Callable[[], Awaitable[StopReport]],
    ) -> None:
        self._options, self._view, self._dashboard = options, view, dashboard
        self._deadman, self._rtde, self._stop = deadman, rtde, stop
        self.busy = self.starting = False

    async def close(self) -> None:
        """Hang up."""
        await self._dashboard.close()

    async def execute(self, verb: str, args: Arguments, context: CommandContext) -> None:
        """Carry out one verb, and wait until it shows."""
        self.busy = True
        try:
            await self._do(verb, args, context)
        finally:
            self.busy = False

    async def _do(self, verb: str, args: Arguments, context: CommandContext) -> None:
        match args:
            case ProgramName():
                await self._load(args.name, context)
            case Percent():
                await self._set_speed(args.percent, context)
            case _:
                deeds: dict[str, Callable[[CommandContext], Awaitable[None]]] = {
                    "start_program": self._play,
                    "resume": self._play,
                    "hold": self._pause,
                    "stop_program": self._halt,
                    "power_on": self._power_on,
                    "brake_release": self._release_brakes,
                    "power_off": self._power_off,
                    "close_popup": self._close_popup,
                    "unlock_protective_stop": self._unlock,
                }
                if verb not in deeds:
                    raise NotSupported(device=self._view.device, verb=verb)
                await deeds[verb](context)

    async def _say(self, verb: str, context: CommandContext, argument: str = "") -> str:
        """Say it, unless the pendant has the robot to itself."""
        await self._demand_remote(verb)
        context.demand()
        within = self._options.load_s if verb == "load" else None
        return await self._dashboard.ask(verb, argument, within_s=within)

    async def _demand_remote(self, verb: str) -> None:
        """Ask anew: somebody may have turned to local control since the last look."""
        if self._view.remote is not None and await self._dashboard.ask("remote") != "true":
            raise NotRemote(device=self._view.device, verb=verb, state="local control")

    async def _until(self, verb: str, holds: Callable[[], bool], within_s: float) -> None:
        if not await self._view.reaches(holds, within_s):
            cause = f"{verb}: {self._view.mode} {self._view.runtime}"
            raise OutcomeUnknown(device=self._view.device, verb=verb, cause=cause)

    # -- programs ---------------------------------------------------------------------------

    async def _load(self, name: str, context: CommandContext) -> None:
        await self._say("load", context, name)
        loaded = await self._dashboard.ask("loaded")
        if not f"/{loaded}".endswith(f"/{name.lstrip('/')}"):
            raise OutcomeUnknown(device=self._view.device, verb="load_program", cause=loaded)

    def _demand_sight(self) -> RtdeLink:
        """Do nothing whose effect could not be seen."""
        link = self._rtde()
        if link is None or not self._view.live:
            raise NotAllowedNow(device=self._view.device, state="RTDE down")
        return link

    def _demand_watchdog(self) -> None:
        """Start nothing that the robot would not stop by itself."""
        link = self._demand_sight()
        if self._options.watchdog and not link.gives("watchdog"):
            register = f"input_int_register_{self._options.watchdog_register}"
            raise NoWatchdog(device=self._view.device, register=register, state="no watchdog")

    async def _play(self, context: CommandContext) -> None:
        """Start or go on. A start that does not end well is followed by a stop."""
        self._demand_watchdog()
        finished = self._view.finished
        self.starting = True
        self._deadman.hold(context)
        try:
            await self._say("play", context)
            if not await self._view.reaches(
                lambda: self._view.runtime in MOVING or self._view.finished > finished,
                self._options.start_s,
            ):
                raise Faulted(device=self._view.device, cause="play: never PLAYING")
        except (Refused, Rejected):
            self._deadman.release()
            raise
        except BaseException:
            await self._stop()
            raise
        finally:
            self.starting = False

    async def _pause(self, context: CommandContext) -> None:
        self._view.pausing = True
        try:
            await self._say("pause", context)
        except (Refused, Rejected):
            self._view.pausing = False
            raise
        await self._until(
            "hold", lambda: self._view.operation is not Operation.BUSY, self._options.stop_s
        )

    async def _halt(self, context: CommandContext) -> None:
        context.demand()
        report = await self._stop()
        if report.outcome == "CONFIRMED" and self._view.live:
            await self._until("stop", lambda: self._view.runtime == "STOPPED", self._options.stop_s)
        elif report.outcome != "CONFIRMED":
            raise OutcomeUnknown(device=self._view.device, verb="stop_program", cause=report.detail)

    # -- speed, power -----------------------------------------------------------------------

    async def _set_speed(self, percent: float, context: CommandContext) -> None:
        """The slider by RTDE, which no dashboard verb has; read back as the target fraction."""
        link = self._demand_sight()
        if not link.gives("speed"):
            raise NotAllowedNow(device=self._view.device, state="speed slider in use")
        await self._demand_remote("set_speed")
        context.demand()
        link.write("speed", {"speed_slider_mask": 1, "speed_slider_fraction": percent / 100})
        if TARGET_SPEED in link.refused:
            raise OutcomeUnknown(device=self._view.device, verb="set_speed", cause=TARGET_SPEED)
        await self._until(
            "set_speed", lambda: abs(self._view.speed * 100 - percent) < 1, self._options.start_s
        )

    async def _power_on(self, context: CommandContext) -> None:
        if self._view.mode not in POWERED:
            await self._say("power_on", context)
            await self._until("power_on", lambda: self._view.mode in POWERED, self._options.power_s)

    async def _release_brakes(self, context: CommandContext) -> None:
        if self._view.mode != "RUNNING":
            await self._say("brake_release", context)
            await self._until(
                "brake_release", lambda: self._view.mode == "RUNNING", self._options.power_s
            )

    async def _power_off(self, context: CommandContext) -> None:
        if self._view.mode != "POWER_OFF":
            await self._say("power_off", context)
            await self._until(
                "power_off", lambda: self._view.mode == "POWER_OFF", self._options.power_s
            )

    # -- after a safety stop ----------------------------------------------------------------

    async def _close_popup(self, context: CommandContext) -> None:
        await self._say("close_popup", context)
        with suppress(Rejected, NotSupported):
            await self._dashboard.ask("close_safety_popup")

    async def _unlock(self, context: CommandContext) -> None:
        """Once, not at once, and never a second time before a part was made."""
        view = self._view
        lasted = view.protective_s
        if lasted is None:
            raise NotAllowedNow(device=view.device, state=view.safety)
        if view.unlocked_in_vain:
            raise UnlockedBefore(device=view.device, state=view.safety)
        left = self._options.unlock_wait_s - lasted
        if left > 0:
            raise NotAllowedNow(device=view.device, state=f"{view.safety}, {left:.0f} s")
        await self._say("unlock", context)
        view.unlocked()
        await self._until(
            "unlock_protective_stop",
            lambda: view.safety is not Safety.PROTECTIVE_STOP,
            self._options.start_s,
        )
