"""Temperature reports as readings, with the doubt that a line without a checksum deserves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from equipment_drivers.devices.marlin_replies import Temperatures
from equipment_drivers.devices.marlin_spec import UNITS
from equipment_drivers.model import Quality, Reading

FASTEST_C_PER_S = 20.0
SLACK_C = 10.0


class Thermometer:
    """Turns reports into readings. A jump no heater makes is UNCERTAIN until it is repeated."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._last: dict[str, tuple[float, datetime]] = {}

    def read(self, report: Temperatures, now: datetime) -> Iterator[Reading]:
        """The report's readings; BAD without a value where the sensor is absent or broken."""
        values = {
            "hotend_temp": report.hotend,
            "hotend_target": report.hotend_target,
            "bed_temp": report.bed,
            "bed_target": report.bed_target,
        }
        for signal, value in values.items():
            if value is None:
                continue
            if math.isnan(value):
                yield Reading(self._device, signal, None, UNITS[signal], Quality.BAD, now)
                continue
            quality = Quality.GOOD
            if signal.endswith("_temp"):
                quality = self._worth(signal, value, now)
            yield Reading(self._device, signal, value, UNITS[signal], quality, now)

    def _worth(self, signal: str, value: float, now: datetime) -> Quality:
        before, at = self._last.get(signal, (value, now))
        self._last[signal] = (value, now)
        possible = SLACK_C + FASTEST_C_PER_S * (now - at).total_seconds()
        return Quality.GOOD if abs(value - before) <= possible else Quality.UNCERTAIN
