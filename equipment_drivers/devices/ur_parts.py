"""Finished parts, seen in the frames of a Universal Robots controller; no I/O."""

from __future__ import annotations

from collections.abc import Mapping

from equipment_drivers.devices.ur_options import UrArmOptions
from equipment_drivers.devices.ur_rtde import Value
from equipment_drivers.devices.ur_state import MOVING, STANDING

OUTPUT_BITS = "actual_digital_output_bits"


class Parts:
    """Counts by register, output or program end, and times by the controller's own clock.

    `set_anew` is true after a frame in which the register fell or jumped.
    """

    def __init__(self, options: UrArmOptions) -> None:
        self._options = options
        self._level: int | None = None
        self._runtime = ""
        self._since: float | None = None
        self._spoilt = False
        self.set_anew = False

    @property
    def source(self) -> str:
        """The output field parts are counted by; empty: by program ends, or not at all."""
        if self._options.part_register is not None:
            return f"output_int_register_{self._options.part_register}"
        return OUTPUT_BITS if self._options.part_output is not None else ""

    def spoil(self) -> None:
        """The program that runs is being stopped: its end is no finished part."""
        self._spoilt = True

    def take(
        self, stamp: float, runtime: str, values: Mapping[str, Value], *, safe: bool
    ) -> list[float]:
        """The durations in seconds of the parts that this frame shows as finished."""
        self.set_anew = False
        before, self._runtime = self._runtime, runtime
        began = runtime in MOVING and before not in MOVING | STANDING
        if began:
            self._since, self._spoilt = stamp, False
        self._spoilt |= not safe
        done = self._by_level(values) if self.source else self._by_program(before, runtime)
        if not done or self._since is None:
            if done:
                self._since = stamp
            return []
        each = max(0.0, stamp - self._since) / done
        self._since = stamp
        return [each] * done

    def _by_program(self, before: str, runtime: str) -> int:
        ended = runtime == "STOPPED" and before in (*MOVING, "STOPPING")
        return int(ended and self._options.part_program and not self._spoilt)

    def _by_level(self, values: Mapping[str, Value]) -> int:
        level = values.get(self.source)
        if not isinstance(level, int):
            return 0
        if self._options.part_register is None:
            level = level >> (self._options.part_output or 0) & 1
        before, self._level = self._level, level
        rise = 0 if before is None else level - before
        if self._options.part_register is None:
            return max(0, rise)
        self.set_anew = not 0 <= rise <= self._options.longest_jump
        return 0 if self.set_anew else rise
