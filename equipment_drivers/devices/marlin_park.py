"""Where the nozzle waits while a print is held: the moves there and back, as lines to be sent.

Up first, then aside; back at the lifted height, then down: the nozzle never drags over the part.
Lengths in mm, feed rates in mm/min.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from equipment_drivers.devices.marlin_replies import Position

LIFT_FEED, TRAVEL_FEED = 600, 6000
TELLING = re.compile(r"(G0*28|G0*9[01]|M0*8[23]|M0*(?:18|84))(?!\d)|G0*[01](?!\d)[^F]*F([\d.]+)")
MOVES = ("G0 ", "G1 ")
AXES = frozenset("XYZ")


@dataclass(slots=True)
class Motion:
    """What a job's own lines have set and our moves must leave as it was."""

    homed: set[str] = field(default_factory=set)
    relative: bool = False
    relative_e: bool = False
    feed: str = ""

    def follow(self, line: str) -> None:
        """Take note of one line of the job."""
        if line.startswith(MOVES):
            _, f, behind = line.partition("F")
            if f:
                self.feed = behind.partition(" ")[0]
            return
        found = TELLING.match(line)
        if found is None:
            return
        if found[2]:
            self.feed = found[2]
            return
        match found[1][0], int(found[1][1:]):
            case "G", 28:
                self.homed |= (AXES & set(line[found.end() :])) or AXES
            case "G", 90 | 91 as mode:
                self.relative = self.relative_e = mode == 91
            case "M", 82 | 83 as mode:
                self.relative_e = mode == 83
            case _:
                self.homed.clear()

    @property
    def knows_place(self) -> bool:
        """Whether places in mm mean anything: every axis was homed."""
        return self.homed >= AXES


@dataclass(frozen=True, slots=True)
class Parking:
    """Where to wait: so much higher (at most at `highest`), and there."""

    lift: float
    highest: float
    x: float
    y: float

    def there(self, place: Position) -> list[str]:
        """From where the print was held."""
        return [
            "G90",
            f"G1 Z{self._lifted(place):.2f} F{LIFT_FEED}",
            f"G1 X{self.x:.2f} Y{self.y:.2f} F{TRAVEL_FEED}",
        ]

    def back(self, place: Position, motion: Motion) -> list[str]:
        """To where it was held, and in the job's own modes again."""
        return [
            "G90",
            f"G1 Z{self._lifted(place):.2f} F{LIFT_FEED}",
            f"G1 X{place.x:.2f} Y{place.y:.2f} F{TRAVEL_FEED}",
            f"G1 Z{place.z:.2f} F{LIFT_FEED}",
            *([f"G1 F{motion.feed}"] if motion.feed else []),
            *(["G91"] if motion.relative else []),
            "M83" if motion.relative_e else "M82",
        ]

    def _lifted(self, place: Position) -> float:
        return max(place.z, min(place.z + self.lift, self.highest))
