"""Gauges that measure for a run by themselves: a reading becomes a measurement of its limit.

A limit whose `gauge` is `device.signal` is bound to that signal. A signal people enter by hand, on
a device of the run, is also bound by its name where it is a characteristic's name. Units must be
the same, and a signal that two limits name is bound to neither: nobody could tell which was meant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterable
from datetime import datetime

from equipment_drivers.model import Quality, Reading
from trial_logs.model import Limit, Measurement

RECORD = "record"
"""The command of a device whose values people enter: each one is meant."""


class Gauges:
    """The limits of one run and what their gauges said last."""

    def __init__(self, limits: Iterable[Limit]) -> None:
        known = list(limits)
        named = Counter(limit.gauge for limit in known)
        self._bound = {limit.gauge: limit for limit in known if named[limit.gauge] == 1}
        self._by_name = {limit.characteristic: limit for limit in known}
        self._last: dict[str, tuple[float | None, datetime | None]] = {}

    def devices(self, known: Container[str]) -> frozenset[str]:
        """The devices that measure for this run, of those there are."""
        named = (gauge.rpartition(".")[0] for gauge in self._bound)
        return frozenset(device for device in named if device in known)

    def remember(self, reading: Reading) -> None:
        """A value from before the run: told again it is no measurement."""
        self._last[_name(reading)] = (reading.value, reading.source)

    def measured(self, reading: Reading, *, by_hand: bool) -> list[Measurement]:
        """The measurement a reading is, if it is one.

        A gauge on a wire may tell the same value again and again; it counts when the value or the
        gauge's own stamp is another one. What a person enters counts each time.
        """
        name, last = _name(reading), (reading.value, reading.source)
        repeated = not by_hand and self._last.get(name) == last
        self._last[name] = last
        limit = self._bound.get(name) or (self._by_name.get(reading.signal) if by_hand else None)
        value = reading.value
        usable = reading.quality is Quality.GOOD and value is not None and math.isfinite(value)
        if limit is None or repeated or not usable or reading.unit != limit.unit:
            return []
        assert value is not None
        at = reading.source or reading.received
        return [Measurement(at, limit.characteristic, value, limit.unit, name, "")]


def _name(reading: Reading) -> str:
    return f"{reading.device}.{reading.signal}"
