"""A small hydraulic press behind a Modbus unit: its physics and its four tables.

Register map (addresses from 0, as on the wire):

    input    0     status: 0 idle, 1 pressing, 2 guard open
    input    1-2   pressure in bar, IEEE 754 float
    input    3     oil temperature in 0.1 °C, signed
    input    4-5   good parts, unsigned 32 bits
    input    6     scrap parts
    input    7     last cycle in 0.01 s
    discrete 0     guard closed
    coil     0     run
    coil     1     lamp
    holding  0     model number 19787
    holding  2     pressure wanted in 0.1 bar
    holding  3-4   dwell in ms, unsigned 32 bits

Wider values begin with their high word, or with their low word where the press is built so.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from random import Random

MODEL = 19787
ROOM_CEL = 22.0
WARM_CEL = 38.0
PRESSURE_TAU_S = 2.0
OIL_TAU_S = 600.0
CYCLE_S = 20.0
SCRAP_SHARE = 0.05
IDLE_W, PRESSING_W = 40.0, 1500.0

IDLE, PRESSING, GUARD_OPEN = 0, 1, 2


class Press:
    """The machine. `advance` first, then look at its tables; time in lab seconds."""

    def __init__(self, now: float, seed: int, *, low_word_first: bool = False) -> None:
        self._now = now
        self._random = Random(seed)
        self._low_first = low_word_first
        self.coils = [False, False]
        self.guard_closed = True
        self.holding = [MODEL, 1, 600, 0, 500]
        self.pressure = 0.0
        self.oil = ROOM_CEL
        self.good = 0
        self.scrap = 0
        self.last_cycle_s = 0.0
        self.energy_kwh = 0.0
        self._into_cycle_s = 0.0

    @property
    def status(self) -> int:
        """What the press says it does."""
        if not self.guard_closed:
            return GUARD_OPEN
        return PRESSING if self.coils[0] else IDLE

    @property
    def power_w(self) -> float:
        """Electric power drawn now."""
        return PRESSING_W if self.status == PRESSING else IDLE_W

    def advance(self, now: float) -> None:
        """Let time pass up to `now`."""
        passed, self._now = max(0.0, now - self._now), now
        pressing = self.status == PRESSING
        self.energy_kwh += self.power_w * passed / 3.6e6
        wanted = self.holding[2] / 10 if pressing else 0.0
        self.pressure += (wanted - self.pressure) * (1 - math.exp(-passed / PRESSURE_TAU_S))
        warm = WARM_CEL if pressing else ROOM_CEL
        self.oil += (warm - self.oil) * (1 - math.exp(-passed / OIL_TAU_S))
        if pressing:
            self._into_cycle_s += passed
            while self._into_cycle_s >= CYCLE_S:
                self._into_cycle_s -= CYCLE_S
                self.finish_part()

    def finish_part(self) -> None:
        """One part more, now and then a bad one."""
        self.last_cycle_s = CYCLE_S
        if self._random.random() < SCRAP_SHARE:
            self.scrap += 1
        else:
            self.good += 1

    def inputs(self) -> list[int]:
        """The input registers."""
        return [
            self.status,
            *self._wide(struct.pack(">f", self.pressure)),
            round(self.oil * 10) & 0xFFFF,
            *self._wide(struct.pack(">I", self.good & 0xFFFFFFFF)),
            self.scrap & 0xFFFF,
            round(self.last_cycle_s * 100) & 0xFFFF,
        ]

    def held(self) -> list[int]:
        """The holding registers."""
        return list(self.holding)

    def write_holding(self, address: int, words: Sequence[int]) -> None:
        """Take new holding registers."""
        self.holding[address : address + len(words)] = words

    def _wide(self, data: bytes) -> tuple[int, int]:
        high, low = struct.unpack(">HH", data)
        return (low, high) if self._low_first else (high, low)
