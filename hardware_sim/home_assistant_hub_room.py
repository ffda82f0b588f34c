"""The room's sensors: a climate that drifts slowly by the seed, vibration, door, light curtain."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from hardware_sim.home_assistant_hub_states import UNIT, States

# mean, then (amplitude, period in lab hours) of each slow swing
_CLIMATE: Mapping[str, tuple[float, tuple[tuple[float, float], ...]]] = {
    "temperature": (23.0, ((1.1, 7.0), (0.4, 1.9), (0.12, 0.31))),
    "humidity": (46.0, ((4.5, 9.0), (1.6, 2.3), (0.5, 0.4))),
    "vibration": (0.42, ((0.08, 1.1), (0.05, 0.13))),
}
_UNITS = {"temperature": "°C", "humidity": "%", "vibration": "mm/s"}
_CLASSES = {"temperature": "temperature", "humidity": "humidity", "vibration": "speed"}
_DIGITS = {"temperature": 2, "humidity": 1, "vibration": 3}
_BINARY_CLASSES = {"door": "door", "light_curtain": "safety"}
VIBRATION_NOISE = 0.02


@dataclass(frozen=True, slots=True)
class _Swing:
    amplitude: float
    period_s: float
    phase: float

    def at(self, elapsed: float) -> float:
        return self.amplitude * math.sin(2 * math.pi * elapsed / self.period_s + self.phase)


class Room:
    """One room; its entities are `sensor.<room>_…` and `binary_sensor.<room>_…`."""

    def __init__(self, name: str, seed: int, states: States) -> None:
        source = random.Random(f"{name} {seed}")
        self._noise = source
        self._states = states
        self._name = name
        self._swings = {
            kind: [_Swing(a, hours * 3600, source.uniform(0, 2 * math.pi)) for a, hours in swings]
            for kind, (_, swings) in _CLIMATE.items()
        }
        self.binary = {f"binary_sensor.{name}_{kind}": "off" for kind in _BINARY_CLASSES}

    def report(self, elapsed: float) -> None:
        """Report all sensors as they are `elapsed` lab seconds after the start."""
        for kind, (mean, _) in _CLIMATE.items():
            value = mean + sum(swing.at(elapsed) for swing in self._swings[kind])
            if kind == "vibration":
                value = abs(value + self._noise.gauss(0.0, VIBRATION_NOISE))
            attributes = {
                "state_class": "measurement",
                UNIT: _UNITS[kind],
                "device_class": _CLASSES[kind],
                "friendly_name": f"{self._name} {kind}",
            }
            entity = f"sensor.{self._name}_{kind}"
            self._states.report(entity, f"{value:.{_DIGITS[kind]}f}", attributes)
        for entity in self.binary:
            self._report_binary(entity)

    def switch(self, entity: str, state: str) -> None:
        """Open or close the door, break or clear the curtain. ValueError if it has no such one."""
        if entity not in self.binary or state not in ("on", "off"):
            raise ValueError(f"{entity} = {state}; known: {sorted(self.binary)}, on or off")
        self.binary[entity] = state
        self._report_binary(entity)

    def _report_binary(self, entity: str) -> None:
        kind = entity.removeprefix(f"binary_sensor.{self._name}_")
        attributes = {
            "device_class": _BINARY_CLASSES[kind],
            "friendly_name": f"{self._name} {kind.replace('_', ' ')}",
        }
        self._states.report(entity, self.binary[entity], attributes)
