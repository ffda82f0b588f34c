"""The arm behind a Universal Robots controller: power, safety, one program that makes parts.

Lab seconds throughout, but for the watchdog, which watches a wire and counts real ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

POWER_OFF, POWER_ON, ARM_IDLE, RUNNING = 3, 4, 5, 7
NORMAL, REDUCED, PROTECTIVE, SAFEGUARD, ROBOT_ESTOP = 1, 2, 3, 5, 7
STOPPED, PLAYING, PAUSED = 1, 2, 4

POWER_UP_S = 0.4
UNLOCK_AFTER_S = 5.0
REDUCED_SPEED = 0.5
VOLTAGE = 48.0
REST_A, BRAKED_A, SWING_A = 1.6, 0.5, 2.2
AMBIENT_C = 23.0


class Refused(Exception):
    """The controller does not do it now; the text is what its dashboard says of it."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: seconds a part, and parts until it ends by itself (0: it goes on)."""

    name: str
    cycle_s: float
    parts: int


class Arm:
    """Brought up to date by `advance`; tells what happens through `truth`."""

    def __init__(
        self, programs: Mapping[str, Program], watchdog_hz: float, truth: Callable[..., None]
    ) -> None:
        self._programs, self._watchdog_hz, self._truth = dict(programs), watchdog_hz, truth
        self.mode, self.safety, self.runtime = RUNNING, NORMAL, STOPPED
        self.loaded: Program | None = None
        self.popup = ""
        self.slider = 1.0
        self.parts = 0
        self.acts = 0
        self.inputs = 0
        self.energy_kwh = 0.0
        self._progress = 0.0
        self._made = 0
        self._now = 0.0
        self._rising: tuple[int, float] | None = None
        self._stopped_at = -math.inf
        self._kicked = 0.0
        self._heat = 0.0

    # -- time -------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let lab time pass until `now`."""
        passed, self._now = max(0.0, now - self._now), max(now, self._now)
        self.energy_kwh += self.power_w * passed / 3.6e6
        self._heat += (self.moving - self._heat) * (1 - math.exp(-passed / 300))
        if self._rising is not None and self._now >= self._rising[1]:
            self.mode, self._rising = self._rising[0], None
        if not self.moving or self.loaded is None:
            return
        self._progress += passed * self.speed / self.loaded.cycle_s
        while self._progress >= 1 and self.moving:
            self._progress -= 1
            self.parts += 1
            self._made += 1
            self._truth("part", number=self.parts)
            if self.loaded.parts and self._made >= self.loaded.parts:
                self._end("program")

    def watch(self, real: float) -> None:
        """End the program when nobody has kicked its watchdog for too long."""
        if self.moving and self._watchdog_hz and real - self._kicked > 1 / self._watchdog_hz:
            self._truth("watchdog", silent_s=round(real - self._kicked, 3))
            self._end("watchdog")

    def kick(self, real: float) -> None:
        """An input arrived."""
        self._kicked = real

    # -- what shows -------------------------------------------------------------------------

    @property
    def moving(self) -> bool:
        """Whether the arm moves."""
        return self.runtime == PLAYING

    @property
    def speed(self) -> float:
        """How fast it goes, 1 being as programmed."""
        return self.slider * (REDUCED_SPEED if self.safety == REDUCED else 1.0)

    @property
    def current_a(self) -> float:
        """What the arm draws."""
        if self.mode != RUNNING:
            return BRAKED_A if self.mode in (POWER_ON, ARM_IDLE) else 0.0
        swing = SWING_A * self.speed * abs(math.sin(2 * math.pi * self._progress))
        return REST_A + (swing if self.moving else 0.0)

    @property
    def power_w(self) -> float:
        """Arm and controller."""
        return 25.0 + VOLTAGE * self.current_a

    @property
    def heat_c(self) -> float:
        """The joints' temperature."""
        return AMBIENT_C + 15 * self._heat

    def joints(self) -> tuple[float, ...]:
        """Where the six axes are, in rad."""
        turn = 2 * math.pi * self._progress
        return (math.sin(turn), -1.57 + 0.4 * math.cos(turn), 1.2, -1.1, -1.57, 0.5 * turn)

    def force(self) -> tuple[float, ...]:
        """At the tool, in N and Nm."""
        push = 12.0 * max(0.0, math.sin(4 * math.pi * self._progress)) if self.moving else 0.0
        return (0.3, -0.2, -push, 0.0, 0.0, 0.01)

    # -- what it is told --------------------------------------------------------------------

    def load(self, name: str) -> str:
        """Load a program by its name; returns its path."""
        short = name.removeprefix("/programs/")
        if self.runtime != STOPPED or short not in self._programs:
            raise Refused(f"File not found: {name}")
        self._act("load", program=short)
        self.put(short)
        return f"/programs/{short}"

    def put(self, name: str) -> None:
        """Load a program at the pendant."""
        self.loaded, self._progress = self._programs[name], 0.0

    def play(self, real: float) -> None:
        """Start, or go on."""
        ready = self.mode == RUNNING and self.safety in (NORMAL, REDUCED) and not self.popup
        if not ready or self.loaded is None:
            raise Refused("Failed to execute: play")
        if self.moving:
            return
        self._act("play")
        self._kicked = real
        if self.runtime == STOPPED:
            self._made, self._progress = 0, 0.0
        self.runtime = PLAYING
        self._truth("start", program=self.loaded.name)

    def pause(self) -> None:
        """Stand still, ready to go on."""
        if not self.moving:
            raise Refused("Failed to execute: pause")
        self._act("pause")
        self._stand("pause")

    def stop(self) -> None:
        """End the program."""
        if self.runtime == STOPPED:
            raise Refused("Failed to execute: stop")
        self._act("stop")
        self._end("stop")

    def power_on(self) -> None:
        """Power to the arm; its brakes stay on."""
        if self.safety not in (NORMAL, REDUCED):
            raise Refused("Failed to execute: power on")
        if self.mode == POWER_OFF:
            self._act("power_on")
            self.mode, self._rising = POWER_ON, (ARM_IDLE, self._now + POWER_UP_S)

    def release_brakes(self) -> None:
        """Brakes off; powers on first where that is still to do."""
        if self.safety not in (NORMAL, REDUCED):
            raise Refused("Failed to execute: brake release")
        if self.mode != RUNNING:
            self._act("brake_release")
            self._rising = (RUNNING, self._now + POWER_UP_S)

    def power_off(self) -> None:
        """No power to the arm."""
        self._act("power_off")
        self._end("power_off")
        self.mode, self._rising = POWER_OFF, None

    def set_speed(self, fraction: float) -> None:
        """The speed slider."""
        self._act("speed", fraction=fraction)
        self.slider = min(1.0, max(0.0, fraction))

    # -- safety -----------------------------------------------------------------------------

    def protect(self) -> None:
        """A protective stop: the program stands, and goes on only when told to."""
        self.safety, self._stopped_at = PROTECTIVE, self._now
        self._stand("protective_stop")

    def unlock(self) -> None:
        """End a protective stop, not at once after it."""
        if self.safety != PROTECTIVE:
            return
        if self._now - self._stopped_at < UNLOCK_AFTER_S:
            raise Refused(
                "Cannot unlock protective stop until 5s after occurrence. "
                "Always inspect cause of protective stop before unlocking"
            )
        self._act("unlock")
        self.safety = NORMAL

    def guard(self, safety: int) -> None:
        """What the safety inputs say now; a protective stop stays until it is unlocked."""
        if self.safety == PROTECTIVE and safety in (NORMAL, REDUCED):
            return
        self.safety = safety
        if safety == SAFEGUARD:
            self._stand("safeguard_stop")
        if safety == ROBOT_ESTOP:
            self._end("emergency_stop")
            self.mode, self._rising = POWER_OFF, None

    def ask(self, question: str) -> None:
        """A popup on the pendant: the program waits for a person."""
        self.popup = question
        self._stand("popup")

    def recover(self) -> None:
        """As a person at the pendant leaves it: powered, released, no popup, nothing runs."""
        self._end("recover")
        self.mode, self.safety, self.popup, self._rising = RUNNING, NORMAL, "", None
        self.slider = 1.0

    def _act(self, what: str, **facts: object) -> None:
        self.acts += 1
        self._truth(what, **facts)

    def _stand(self, why: str) -> None:
        if self.moving:
            self.runtime = PAUSED
            self._truth("end", why=why)

    def _end(self, why: str) -> None:
        if self.moving:
            self._truth("end", why=why)
        self.runtime = STOPPED
