"""The machine behind the firmware: heaters, loads and the energy they take from the plug."""

from __future__ import annotations

import random

from hardware_sim.gcode_printer_heat import BED, HOTEND, Heater

LOADS_W = {"electronics": 7.0, "motors": 15.0, "fan": 2.0}
JOULES_PER_KWH = 3.6e6
SENSOR_NOISE = 0.06


class Plant:
    """Everything physical of the printer; it survives resets and power cycles. Time: lab s."""

    def __init__(self, room: float, now: float, source: random.Random) -> None:
        self.hotend = Heater(HOTEND, room, now)
        self.bed = Heater(BED, room, now)
        self.heaters = {"hotend": self.hotend, "bed": self.bed}
        self.carriage_mm = source.uniform(60.0, 200.0)
        self._source = source
        self._loads = dict.fromkeys(LOADS_W, 0.0)
        self._joules = 0.0
        self._at = now

    def advance(self, now: float) -> None:
        """Bring heat and energy up to `now`."""
        for heater in self.heaters.values():
            heater.advance(now)
        if now > self._at:
            self._joules += self._load_power() * (now - self._at)
            self._at = now

    def power(self, on: bool, now: float) -> None:
        """Mains on or off. Off: every load and heater is dead, targets are forgotten."""
        self.advance(now)
        self.rest(now)
        self._loads["electronics"] = float(on)
        for heater in self.heaters.values():
            heater.powered = on

    def rest(self, now: float) -> None:
        """What a reset or a kill leaves: no targets, no motors, no fan."""
        self.advance(now)
        for heater in self.heaters.values():
            heater.target = 0.0
        self._loads["motors"] = self._loads["fan"] = 0.0

    def load(self, name: str, share: float, now: float) -> None:
        """Switch `motors` or `fan` to a share (0..1) of its power."""
        self.advance(now)
        self._loads[name] = share

    def sensed(self, heater: Heater) -> float:
        """What the thermistor says: the temperature with a little seeded noise."""
        return heater.temperature + self._source.gauss(0.0, SENSOR_NOISE)

    def _load_power(self) -> float:
        return sum(LOADS_W[name] * share for name, share in self._loads.items())

    @property
    def power_w(self) -> float:
        """Watts from the plug, as of the last advance."""
        return self._load_power() + sum(heater.power for heater in self.heaters.values())

    @property
    def energy_kwh(self) -> float:
        """Energy taken from the plug since the simulator began."""
        heat = sum(heater.energy for heater in self.heaters.values())
        return (self._joules + heat) / JOULES_PER_KWH
