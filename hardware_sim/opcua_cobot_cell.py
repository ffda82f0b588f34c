"""What the cobot cell does in lab time: programs, cycles, micro-stops, scrap, stopping, energy.

No I/O and no clock: every call is told the time, in lab seconds, and first settles what happened
until then. What happened is handed over as events that carry their own exact time.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import StrEnum

from hardware_sim.opcua_cobot_path import PROGRAMS, REST, Pose, Program, pose_at

STOPPING_S = 0.3
SCRAP_RATE = 0.03
MICRO_STOP_RATE = 0.04
MICRO_STOP_S = (5.0, 60.0)
CAUSES = ("feeder_empty", "gripper_missed", "fixture_not_clamped")
POWER_W = {"estop": 62.0, "idle": 85.0, "ready": 140.0, "waiting": 165.0}
EXECUTING_W = (255.0, 310.0)
JOULES_PER_KWH = 3.6e6


class State(StrEnum):
    """States of the task control, named as in OPC 40010-1."""

    IDLE = "Idle"
    READY = "Ready"
    EXECUTING = "Executing"


class Refused(Exception):
    """The cell does not do what it was told; `reason` is `unknown_program`, `state` or `safety`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Part:
    """A part left the cell at the end of its cycle; with the counters since power-up."""

    at: float
    cycle_time_s: float
    good: bool
    parts_good: int
    parts_scrap: int
    energy_kwh: float
    power_w: float


@dataclass(frozen=True, slots=True)
class StateChange:
    """The task control is in `state` since `at`."""

    at: float
    state: State
    suspended: bool
    reason: str


@dataclass(frozen=True, slots=True)
class MicroStop:
    """A short stop began (`seconds` is what it will last) or ended (`cause` empty)."""

    at: float
    cause: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Halt:
    """Motion ended at `at`, `took_s` lab seconds after it was asked for."""

    at: float
    reason: str
    took_s: float


Event = Part | StateChange | MicroStop | Halt


@dataclass(slots=True)
class _Cycle:
    wait_s: float
    cause: str
    run_s: float
    good: bool
    power_w: float
    begin: Pose
    done_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Halting:
    since: float
    until: float
    keep_part: bool
    reason: str


class Cell:
    """The cell from power-up to power-off; counters and energy start at zero."""

    def __init__(
        self,
        source: random.Random,
        at: float,
        *,
        rest: Pose = REST,
        scrap_rate: float = SCRAP_RATE,
        micro_stop_rate: float = MICRO_STOP_RATE,
    ) -> None:
        self._source = source
        self._rates = (scrap_rate, micro_stop_rate)
        self._now = at
        self._joules = 0.0
        self._rest = rest
        self._cycle: _Cycle | None = None
        self._halting: _Halting | None = None
        self._events: list[Event] = []
        self.program: Program | None = None
        self.state = State.IDLE
        self.estop = False
        self.protective_stop = False
        self.automatic = True
        self.parts = {True: 0, False: 0}
        self.last_cycle_s = 0.0

    @property
    def suspended(self) -> bool:
        """Ready with a part half done: Start and Continue go on with it."""
        return self.state is State.READY and self._cycle is not None

    @property
    def moving(self) -> bool:
        """Whether the axes move now (not in a micro-stop)."""
        return self.state is State.EXECUTING and not self._waiting()

    @property
    def energy_kwh(self) -> float:
        """Energy since power-up, until the last settled time."""
        return self._joules / JOULES_PER_KWH

    @property
    def power_w(self) -> float:
        """Electrical power drawn now."""
        if self.estop:
            return POWER_W["estop"]
        if self.state is State.EXECUTING and self._cycle is not None:
            return POWER_W["waiting"] if self._waiting() else self._cycle.power_w
        return POWER_W["ready" if self.program else "idle"]

    @property
    def pose(self) -> Pose:
        """The six axis angles, degrees."""
        if self._cycle is None or self.program is None:
            return self._rest
        done = self._cycle.done_s - self._cycle.wait_s
        return pose_at(self.program, self._cycle.begin, done / self._cycle.run_s)

    @property
    def micro_stop(self) -> str:
        """The cause of the micro-stop that is on now, or nothing."""
        if self.state is not State.EXECUTING or self._cycle is None or not self._waiting():
            return ""
        return self._cycle.cause

    def take_events(self) -> list[Event]:
        """What happened since the last call, in order of time."""
        taken, self._events = self._events, []
        return taken

    def next_event(self) -> float | None:
        """When something will happen by itself, if nothing is done to the cell."""
        if self._halting is not None:
            return self._halting.until
        if self.state is not State.EXECUTING or self._cycle is None:
            return None
        total = self._cycle.wait_s + (0.0 if self._waiting() else self._cycle.run_s)
        return self._now + total - self._cycle.done_s

    def settle(self, now: float) -> None:
        """Let the cell work until `now`."""
        while (due := self.next_event()) is not None and due <= now:
            self._pass(due)
            self._happen()
        self._pass(now)

    def load(self, now: float, name: str) -> None:
        """Load a program; Refused while one is executing or if there is none of that name."""
        self.settle(now)
        if self.state is State.EXECUTING:
            raise Refused("state")
        if name not in PROGRAMS:
            raise Refused("unknown_program")
        self._rest, self.program, self._cycle = self.pose, PROGRAMS[name], None
        self._enter(State.READY, "load")

    def unload(self, now: float) -> None:
        """Unload the program; Refused while it is executing or if there is none."""
        self.settle(now)
        if self.state is not State.READY:
            raise Refused("state")
        self._rest, self.program, self._cycle = self.pose, None, None
        self._enter(State.IDLE, "unload")

    def may_start(self, now: float) -> None:
        """Refused unless a program is ready and the cell is safe and in an automatic mode."""
        self.settle(now)
        if self.estop or self.protective_stop or not self.automatic:
            raise Refused("safety")
        if self.state is not State.READY:
            raise Refused("state")

    def start(self, now: float) -> None:
        """Execute the program, or go on where it was suspended."""
        self.may_start(now)
        if self._cycle is None:
            self._cycle = self._draw(self._rest)
        self._enter(State.EXECUTING, "start")
        self._tell_wait()

    def proceed(self, now: float) -> None:
        """Go on after a hold; Refused if nothing is suspended."""
        self.may_start(now)
        if not self.suspended:
            raise Refused("state")
        self.start(now)

    def hold(self, now: float) -> None:
        """Pause with the part in work kept."""
        self.settle(now)
        if self.state is not State.EXECUTING:
            raise Refused("state")
        self._halt("hold", keep_part=True)

    def stop(self, now: float) -> None:
        """Stop whatever runs; the part in work is lost. Never refused."""
        self.settle(now)
        self._halt("stop", keep_part=False)

    def set_safety(self, now: float, *, estop: bool, protective: bool, automatic: bool) -> None:
        """Press or release the emergency stop, trip or reset the protective stop, turn the key."""
        self.settle(now)
        risen = (estop and not self.estop, protective and not self.protective_stop)
        self.estop, self.protective_stop, self.automatic = estop, protective, automatic
        if risen[0]:
            self._halt("estop", keep_part=False)
        elif risen[1] or not automatic:
            self._halt("protective_stop" if protective else "manual_mode", keep_part=True)

    def _waiting(self) -> bool:
        return self._cycle is not None and self._cycle.done_s < self._cycle.wait_s

    def _pass(self, to: float) -> None:
        span = max(0.0, to - self._now)
        self._joules += self.power_w * span
        if self.state is State.EXECUTING and self._cycle is not None:
            self._cycle.done_s += self._progress(span)
        self._now += span

    def _progress(self, span: float) -> float:
        """Seconds of the cycle that are done in `span`: less while the axes slow down."""
        if self._halting is None or self._waiting():
            return span if self._halting is None else 0.0
        whole = self._halting.until - self._halting.since
        before = self._now - self._halting.since
        after = min(before + span, whole)
        assert self._cycle is not None
        slowed = (after - before) - (after**2 - before**2) / (2.0 * whole)
        return min(slowed, self._cycle.wait_s + self._cycle.run_s - self._cycle.done_s)

    def _happen(self) -> None:
        if self._halting is not None:
            self._come_to_rest(self._halting)
        elif self._cycle is not None and self._cycle.done_s < self._cycle.wait_s + 1e-9:
            self._cycle.done_s = self._cycle.wait_s
            self._events.append(MicroStop(self._now, "", 0.0))
        elif self._cycle is not None and self.program is not None:
            self._finish(self._cycle, self.program)

    def _finish(self, cycle: _Cycle, program: Program) -> None:
        self.parts[cycle.good] += 1
        self.last_cycle_s = cycle.run_s
        counts = (self.parts[True], self.parts[False])
        energy, power = self.energy_kwh, cycle.power_w
        self._events.append(Part(self._now, cycle.run_s, cycle.good, *counts, energy, power))
        self._cycle = self._draw(program.path[-1][1])
        self._tell_wait()

    def _tell_wait(self) -> None:
        if self._cycle is not None and self._waiting():
            left = self._cycle.wait_s - self._cycle.done_s
            self._events.append(MicroStop(self._now, self._cycle.cause, left))

    def _draw(self, begin: Pose) -> _Cycle:
        """The next cycle by chance: always the same draws, so that a seed gives one production."""
        assert self.program is not None
        scrap_rate, micro_stop_rate = self._rates
        spread = self._source.gauss(0.0, self.program.spread)
        good = self._source.random() >= scrap_rate
        stops = self._source.random() < micro_stop_rate
        low, high = MICRO_STOP_S
        wait = low * (high / low) ** self._source.random()
        cause = self._source.choice(CAUSES)
        power = self._source.uniform(*EXECUTING_W)
        run = round(self.program.cycle_s * math.exp(spread), 3)
        return _Cycle(wait if stops else 0.0, cause, run, good, power, begin)

    def _halt(self, reason: str, *, keep_part: bool) -> None:
        if self.state is not State.EXECUTING:
            if not keep_part and self.suspended:
                self._rest, self._cycle = self.pose, None
                self._enter(State.READY, reason)
            return
        if self._halting is not None:
            keep = keep_part and self._halting.keep_part
            self._halting = _Halting(self._halting.since, self._halting.until, keep, reason)
            return
        self._halting = _Halting(self._now, self._now + STOPPING_S, keep_part, reason)

    def _come_to_rest(self, halting: _Halting) -> None:
        self._halting = None
        self._events.append(Halt(self._now, halting.reason, self._now - halting.since))
        self._rest = self.pose
        if not halting.keep_part:
            self._cycle = None
        self._enter(State.READY, halting.reason)

    def _enter(self, state: State, reason: str) -> None:
        self.state = state
        self._events.append(StateChange(self._now, state, self.suspended, reason))
