"""How long a checked G-code file prints and how much filament it takes, from its own numbers.

Every move at its feed rate, waits as written, homing as an allowance. Not known from a file and not
counted: heating up, acceleration, the machine's own limits of speed. So the time is a lower bound,
for small parts with many short moves about two thirds of what a real machine takes; the filament
is exact but for what the printer's own flow setting changes. Lengths in mm, seconds, grams.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from equipment_drivers.gcode import CODE, bare

HOMING_S = 20.0
USUAL_FEED = 1500.0
DIAMETER_MM, DENSITY_G_CM3 = 1.75, 1.24
"""PLA of the usual diameter."""
VALUE = re.compile(r"([A-Z])([+-]?(?:\d+\.?\d*|\.\d+))")


@dataclass(frozen=True, slots=True)
class Estimate:
    """`filament_mm` pushed out for good: what is drawn back and primed again counts once."""

    seconds: float = 0.0
    filament_mm: float = 0.0
    filament_g: float = 0.0


def estimate(
    text: str, *, diameter_mm: float = DIAMETER_MM, density_g_cm3: float = DENSITY_G_CM3
) -> Estimate:
    """The estimate of a whole file that passed the check of `gcode`."""
    path = Toolpath()
    for line in text.split("\n"):
        if command := bare(line):
            path.follow(command)
    grams = path.filament * math.pi * (diameter_mm / 2) ** 2 / 1000.0 * density_g_cm3
    return Estimate(path.seconds, path.filament, grams)


class Toolpath:
    """Follows the lines of a file in order."""

    def __init__(self) -> None:
        self.seconds = self.filament = 0.0
        self._place = dict.fromkeys("XYZE", 0.0)
        self._relative = self._relative_e = False
        self._feed, self._speed, self._flow = USUAL_FEED, 1.0, 1.0
        self._pushed = 0.0
        self._rules: dict[str, Callable[[dict[str, float]], None]] = {
            "G0": self._move,
            "G1": self._move,
            "G4": self._dwell,
            "G28": self._home,
            "G90": lambda values: self._measure(relative=False),
            "G91": lambda values: self._measure(relative=True),
            "G92": self._place.update,
            "M82": lambda values: self._measure_e(relative=False),
            "M83": lambda values: self._measure_e(relative=True),
            "M220": self._set_speed,
            "M221": self._set_flow,
        }

    def follow(self, command: str) -> None:
        """Take one command; what is neither motion nor waiting costs nothing."""
        found = CODE.match(command)
        if found is None or not found[2].isdigit():
            return
        rule = self._rules.get(f"{found[1]}{int(found[2])}")
        if rule is not None:
            pairs = VALUE.findall(command, found.end())
            rule({letter: float(number) for letter, number in pairs})

    def _move(self, values: dict[str, float]) -> None:
        if values.get("F", 0.0) > 0:
            self._feed = values["F"]
        change = dict.fromkeys("XYZE", 0.0)
        for axis, start in self._place.items():
            if axis in values:
                relative = self._relative_e if axis == "E" else self._relative
                change[axis] = values[axis] if relative else values[axis] - start
        for axis, step in change.items():
            self._place[axis] += step
        path = math.hypot(change["X"], change["Y"], change["Z"]) or abs(change["E"])
        self.seconds += path * 60.0 / (self._feed * self._speed)
        self._pushed += change["E"] * self._flow
        self.filament = max(self.filament, self._pushed)

    def _dwell(self, values: dict[str, float]) -> None:
        self.seconds += values.get("S", values.get("P", 0.0) / 1000.0)

    def _home(self, values: dict[str, float]) -> None:
        self.seconds += HOMING_S
        self._place.update(X=0.0, Y=0.0, Z=0.0)

    def _measure(self, *, relative: bool) -> None:
        self._relative = self._relative_e = relative

    def _measure_e(self, *, relative: bool) -> None:
        self._relative_e = relative

    def _set_speed(self, values: dict[str, float]) -> None:
        self._speed = values.get("S", 0.0) / 100.0 or self._speed

    def _set_flow(self, values: dict[str, float]) -> None:
        self._flow = values.get("S", 0.0) / 100.0 or self._flow
