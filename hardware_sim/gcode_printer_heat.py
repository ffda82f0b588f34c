"""Heat: a first-order heater with its regulator, and the firmware's thermal protection.

Temperatures in °C, times in lab seconds, energy in joules. The model is solved in closed form
between events, so it costs nothing while nobody looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeaterSpec:
    """A heater: full power (W), heat capacity (J/K), and how far above room full power gets (K)."""

    name: str
    watts: float
    capacity: float
    full_rise: float
    max_temp: float
    target_limit: float
    heater_id: str

    @property
    def tau(self) -> float:
        """Time constant in seconds: the thermal resistance is `full_rise / watts`."""
        return self.capacity * self.full_rise / self.watts


HOTEND = HeaterSpec("hotend", 40.0, 18.0, 478.0, 275.0, 260.0, "0")
BED = HeaterSpec("bed", 200.0, 800.0, 108.0, 125.0, 110.0, "bed")


class Heater:
    """One heater as a piece of hardware; it keeps its temperature over a power cycle.

    Full power until the target is reached, then exactly what holds it. `defect` is `""`, `"dead"`
    (no heat ever) or `"stuck"` (full power while there is mains, whatever the target).
    """

    def __init__(self, spec: HeaterSpec, room: float, now: float) -> None:
        self.spec = spec
        self.room = room
        self.temperature = room
        self.target = 0.0
        self.powered = False
        self.defect = ""
        self.energy = 0.0
        self._at = now

    @property
    def duty(self) -> float:
        """Share of full power in use now, 0..1."""
        if not self.powered or self.defect == "dead":
            return 0.0
        if self.defect == "stuck" or self.temperature < self.target:
            return 1.0
        if self.temperature > self.target:
            return 0.0
        return min(1.0, max(0.0, (self.target - self.room) / self.spec.full_rise))

    @property
    def power(self) -> float:
        """Watts drawn now."""
        return self.duty * self.spec.watts

    def advance(self, now: float) -> None:
        """Bring temperature and energy up to `now`."""
        while now > self._at:
            self._at += self._step(now - self._at)

    def _step(self, span: float) -> float:
        """Advance by one span of constant duty, at most `span`; return its length."""
        duty = self.duty
        settled = self.room + duty * self.spec.full_rise
        length = min(span, self._time_to_target(settled))
        self.energy += duty * self.spec.watts * length
        if length < span:
            self.temperature = self.target
        else:
            fade = math.exp(-length / self.spec.tau)
            self.temperature = settled + (self.temperature - settled) * fade
        return length

    def _time_to_target(self, settled: float) -> float:
        """Seconds until the regulator changes its mind, inf when it will not."""
        if not self.powered or self.defect or self.temperature == self.target:
            return math.inf
        if (settled - self.target) * (self.target - self.temperature) <= 0:
            return math.inf
        ratio = (settled - self.temperature) / (settled - self.target)
        return self.spec.tau * math.log(ratio)


WATCH_S, WATCH_RISE = 20.0, 2.0
BED_WATCH_S = 60.0
RUNAWAY_S, RUNAWAY_DROP = 40.0, 4.0


class Protection:
    """The firmware's watch over one heater, as Marlin documents it.

    While heating the temperature must rise 2 °C per watch period; once at the target it must not
    stay 4 °C below it for 40 s; and it must never reach the maximum.
    """

    def __init__(self, heater: Heater) -> None:
        self._heater = heater
        self._target = 0.0
        self._arrived = False
        self._deadline = 0.0
        self._expected = 0.0
        self._ok_at = 0.0

    def check(self, now: float) -> str:
        """The error text to die with, or empty. The heater must be advanced to `now`."""
        heater = self._heater
        if heater.temperature >= heater.spec.max_temp:
            return self._error("MAXTEMP triggered")
        if heater.target != self._target:
            self._aim(now)
        if not heater.target:
            return ""
        return self._check_stable(now) if self._arrived else self._check_rise(now)

    def _aim(self, now: float) -> None:
        self._target = self._heater.target
        self._arrived = False
        self._start_watch(now)

    def _start_watch(self, now: float) -> None:
        period = BED_WATCH_S if self._heater.spec.name == "bed" else WATCH_S
        self._deadline = now + period
        self._expected = self._heater.temperature + WATCH_RISE

    def _check_rise(self, now: float) -> str:
        if self._heater.temperature >= self._target - WATCH_RISE:
            self._arrived, self._ok_at = True, now
        elif now >= self._deadline:
            if self._heater.temperature < self._expected:
                return self._error("Heating failed")
            self._start_watch(now)
        return ""

    def _check_stable(self, now: float) -> str:
        if self._heater.temperature >= self._target - RUNAWAY_DROP:
            self._ok_at = now
        elif now - self._ok_at >= RUNAWAY_S:
            return self._error("Thermal Runaway")
        return ""

    def _error(self, what: str) -> str:
        return f"{what}, system stopped! Heater_ID: {self._heater.spec.heater_id}"
