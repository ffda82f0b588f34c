"""The firmware: takes bytes in, runs commands one by one, and answers in lines.

A command that cannot finish yet leaves a `Wait`, which says at what lab time it is worth looking
again; everything else runs inside `receive`. Only the thermal protection looks at a fixed period.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hardware_sim.clock import SimClock
from hardware_sim.gcode_printer_heat import Heater, Protection
from hardware_sim.gcode_printer_motion import Planner
from hardware_sim.gcode_printer_plant import Plant
from hardware_sim.gcode_printer_serial import (
    Accepted,
    Command,
    Duplicate,
    LineGate,
    Refused,
    parse,
)
from hardware_sim.gcode_printer_timing import Repeater, Result, Wait
from hardware_sim.truth import TruthLog

COMMAND_SLOTS = 4
KEEPALIVE_S = 2.0
PROTECTION_LAB_S = 1.0
MIN_REPORT_S = 0.02
MIN_PROTECTION_S = 0.05

_LINE_END = re.compile(rb"[\r\n]")
_EMERGENCY = re.compile(rb"(?m)^(?:N[-\d ]*)? *(M108|M112|M410)(?!\d)")


@dataclass(frozen=True, slots=True)
class Settings:
    """How this firmware was built."""

    planner_size: int = 16
    ok_after_resend: str = "always"
    silent_duplicates: bool = False
    advanced_ok: bool = False
    emergency_parser: bool = False
    rx_buffer: int = 16_384
    firmware: str = "Marlin 2.0.9.7"
    machine: str = "FDM printer"
    uuid: str = "00000000-0000-0000-0000-000000000000"


class Handlers(Protocol):
    """The command table, as the board sees it."""

    def __call__(self, board: Board, command: Command) -> Result: ...


class Board:
    """One life of the firmware, from boot to the next reset. All its times are lab seconds."""

    def __init__(
        self,
        settings: Settings,
        plant: Plant,
        clock: SimClock,
        truth: TruthLog,
        source: random.Random,
        say: Callable[[str], None],
        handle: Handlers,
    ) -> None:
        self.settings, self.plant, self.clock, self.truth = settings, plant, clock, truth
        self.say = say
        self.gate = LineGate(silent_duplicates=settings.silent_duplicates)
        self.planner = Planner(settings.planner_size)
        self.killed = False
        self.homed = False
        self.modes: dict[str, bool] = {"relative": False, "relative_e": False, "inches": False}
        self.feed_mm_s, self.speed_share = 25.0, 1.0
        self.keepalive_s = KEEPALIVE_S
        self.inactivity_s = 0.0
        self._active_at = clock.elapsed()
        self._source, self._handle = source, handle
        self._rx = bytearray()
        self._ring: deque[Accepted] = deque()
        self._running: Accepted | None = None
        self._wait: Wait | None = None
        self._wait_timer: asyncio.TimerHandle | None = None
        self._keepalive = Repeater(lambda: self.say("echo:busy: processing"))
        self._report = Repeater(lambda: self.say(" " + self.temperatures()))
        self._guard = Repeater(self._check)
        self._protections = [Protection(heater) for heater in plant.heaters.values()]

    def boot(self, reason: str) -> None:
        """Come up with the banner; nothing is heated and nothing moves."""
        self.truth.write("boot", reason=reason)
        for line in ("start", "PowerUp" if reason == "power" else " External Reset"):
            self.say(line)
        self.say(f"echo:{self.settings.firmware}")
        self._guard.start(max(self.clock.real(PROTECTION_LAB_S), MIN_PROTECTION_S))

    def halt(self) -> None:
        """End this life: heaters and motors off, every timer stopped, the axes stand still."""
        for heater in self.plant.heaters.values():
            self.aim(heater, 0.0)
        self.plant.rest(self.now)
        self._end_wait()
        for repeater in (self._report, self._guard):
            repeater.stop()
        self.planner.halt(self.now)
        self._rx.clear()
        self._ring.clear()

    @property
    def now(self) -> float:
        """Lab seconds."""
        return self.clock.elapsed()

    @property
    def waiting(self) -> str | None:
        """The command that is not finished yet."""
        return self._running.text if self._wait and self._running else None

    def receive(self, data: bytes) -> None:
        """Bytes from the wire. What does not fit the receive buffer is lost, as on a real UART."""
        if self.killed:
            return
        if self.settings.emergency_parser:
            for found in _EMERGENCY.finditer(data):
                self._early(found[1].decode())
        if self.killed:
            return
        room = self.settings.rx_buffer - len(self._rx)
        if len(data) > room:
            self.truth.write("rx_overrun", lost=len(data) - room)
        self._rx += data[:room]
        self._run()

    def temperatures(self) -> str:
        """The body of every temperature line."""
        plant = self.plant
        plant.advance(self.now)
        parts = [
            f"{label}:{plant.sensed(heater):.2f} /{heater.target:.2f}"
            for label, heater in (("T", plant.hotend), ("B", plant.bed))
        ]
        duties = f"@:{round(plant.hotend.duty * 127)} B@:{round(plant.bed.duty * 127)}"
        return f"{' '.join(parts)} {duties}"

    def report_every(self, lab_seconds: float) -> None:
        """Temperature reports by themselves; 0 ends them."""
        self._report.stop()
        if lab_seconds > 0:
            self._report.start(max(self.clock.real(lab_seconds), MIN_REPORT_S))

    def aim(self, heater: Heater, target: float) -> None:
        """Set a heater's target, bounded as the firmware bounds it."""
        bounded = min(max(0.0, target), heater.spec.target_limit)
        self.plant.advance(self.now)
        if bounded != heater.target:
            self.truth.write("heater", heater=heater.spec.name, target=bounded, on=bounded > 0)
        heater.target = bounded

    def break_wait(self) -> None:
        """M108: a wait for heat is over."""
        self.truth.write("break_wait", waiting=self.waiting)
        if self._wait and self._wait.heating:
            self._release(self._wait)

    def quickstop(self) -> None:
        """M410: stop at once where the axes are; queued moves and a blocked one are gone."""
        self.planner.halt(self.now)
        self.homed = False
        self.truth.write("quickstop", position=self.planner.position)
        if self._wait and not self._wait.heating:
            self._wait.then = lambda: None
            self._release(self._wait)

    def kill(self, reason: str = "M112") -> None:
        """Everything off, and mute until the power is cycled."""
        if self.killed:
            return
        self.say("Error:Printer halted. kill() called!")
        self.killed = True
        self.homed = False
        self.halt()
        self.truth.write("kill", reason=reason)

    def _release(self, wait: Wait) -> None:
        """End a wait from outside its own command; soon, for a line may be half taken in now."""
        wait.look = lambda now: None
        asyncio.get_running_loop().call_soon(self._look)

    def _run(self) -> None:
        while not self.killed and (line := self._next()):
            self._running = line
            self._execute(line)

    def _next(self) -> Accepted | None:
        """The next line in hand; killed while taking lines in, the firmware takes no more."""
        self._pull()
        if self.killed or self._wait or not self._ring:
            return None
        return self._ring.popleft()

    def _pull(self) -> None:
        """Move complete lines from the receive buffer into free command slots."""
        while len(self._ring) + bool(self._wait) < COMMAND_SLOTS and not self.killed:
            end = _LINE_END.search(self._rx)
            if end is None:
                return
            line = bytes(self._rx[: end.start()])
            del self._rx[: end.end()]
            self._take(line)

    def _take(self, line: bytes) -> None:
        verdict = self.gate.judge(line)
        if isinstance(verdict, Refused):
            self._ask_again(verdict)
        elif isinstance(verdict, Duplicate):
            self.truth.write("duplicate", got=verdict.got, last=self.gate.last)
        elif verdict:
            if not self.settings.emergency_parser and verdict.number is None:
                self._early(verdict.text[:4])  # Marlin looks at these four characters only
            self._ring.append(verdict)

    def _early(self, code: str) -> None:
        acts = {"M108": self.break_wait, "M112": self.kill, "M410": self.quickstop}
        if code in acts:
            acts[code]()

    def _ask_again(self, refused: Refused) -> None:
        last = self.gate.last
        self._rx.clear()
        self.truth.write("resend", asked=last + 1, got=refused.got, reason=refused.reason.name)
        self.say(f"Error:{refused.reason}, Last Line: {last}")
        self.say(f"Resend: {last + 1}")
        chance = {"always": 1.0, "never": 0.0, "sometimes": 0.5}[self.settings.ok_after_resend]
        if self._source.random() < chance:
            self.say("ok")

    def _execute(self, line: Accepted) -> None:
        numbered = line.number is not None
        self._active_at = self.now
        self.truth.write("executed", n=line.number, numbered=numbered, text=line.text)
        self._proceed(self._handle(self, parse(line)))

    def _proceed(self, result: Result) -> None:
        while isinstance(result, Wait):
            self._wait = result
            look_at = result.look(self.now)
            if look_at is not None:
                self._arm(look_at)
                return
            self._end_wait()
            result = result.then()
        if not self.killed:
            self.say(self._ok() + (f" {result}" if result else ""))

    def _arm(self, look_at: float) -> None:
        delay = max(0.0, self.clock.real(look_at - self.now))
        self._wait_timer = asyncio.get_running_loop().call_later(delay, self._look)
        if self.keepalive_s and not self._keepalive.on:
            self._keepalive.start(self.keepalive_s)

    def _look(self) -> None:
        wait = self._wait
        if wait is None:
            return
        if self._wait_timer:
            self._wait_timer.cancel()
        self._proceed(wait)
        if self._wait is None:
            self._run()

    def _end_wait(self) -> None:
        self._wait = None
        if self._wait_timer:
            self._wait_timer.cancel()
            self._wait_timer = None
        self._keepalive.stop()

    def _ok(self) -> str:
        if not self.settings.advanced_ok or self._running is None:
            return "ok"
        number = self._running.number
        moves = self.planner.size - 1 - self.planner.queued(self.now)
        name = "" if number is None else f" N{number}"
        return f"ok{name} P{max(0, moves)} B{COMMAND_SLOTS - 1 - len(self._ring)}"

    def _check(self) -> None:
        """What the firmware watches by itself: heat that misbehaves, and a host that is gone."""
        self.plant.advance(self.now)
        errors = [error for guard in self._protections if (error := guard.check(self.now))]
        if self._wait or self.planner.queued(self.now):
            self._active_at = self.now
        elif self.inactivity_s and self.now - self._active_at > self.inactivity_s:
            errors.append("KILL caused by too much inactive time")
        if errors and not self.killed:
            self.say(f"Error:{errors[0]}")
            self.kill(errors[0])
