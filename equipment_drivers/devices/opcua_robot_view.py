"""What a robot's values mean: readings, operation, safety and finished cycles; no wire here.

Operation and safety follow OPC 40010-1 (task control state machine, SafetyStateType). A counter
step is a finished part; its duration is the cycle time that carries the same source time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from equipment_drivers.contract import Clock
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Fact,
    Operation,
    Quality,
    Reading,
    Safety,
)

Value = float | int | bool | str | None

OPERATIONS = {"Idle": Operation.IDLE, "Ready": Operation.READY, "Executing": Operation.BUSY}
ITEM_OPERATIONS = {
    "NotExecuting": Operation.IDLE,
    "Executing": Operation.BUSY,
    "OutOfService": Operation.MAINTENANCE,
}
MODES = (
    "OTHER",
    "MANUAL_REDUCED_SPEED",
    "MANUAL_HIGH_SPEED",
    "AUTOMATIC",
    "AUTOMATIC_EXTERNAL",
)
MODE_SAFETY = {
    "MANUAL_REDUCED_SPEED": Safety.REDUCED,
    "AUTOMATIC": Safety.NORMAL,
    "AUTOMATIC_EXTERNAL": Safety.NORMAL,
}
REMOTE_MODES = ("AUTOMATIC", "AUTOMATIC_EXTERNAL")
VERDICTS = {"parts_good": "good", "parts_scrap": "scrap"}

UNITS = {
    "speed_override": "%",
    "parts_good": "1",
    "parts_scrap": "1",
    "cycle_time": "s",
    "energy": "kW.h",
    "power": "W",
}
"""Signals besides the axes (`axis_1` …, in deg)."""

FUTURE = timedelta(seconds=2)
REMEMBERED_CYCLES = 512
PAIRING_S = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as the server gave it."""

    value: Value
    quality: Quality = Quality.GOOD
    source: datetime | None = None

    @property
    def number(self) -> float | None:
        """The value as a number, or None where it is none."""
        if self.quality is Quality.BAD or isinstance(self.value, str) or self.value is None:
            return None
        return float(self.value)


NOTHING = Sample(None, Quality.BAD)


@dataclass(frozen=True, slots=True)
class Part:
    """A counter step that waits for its cycle time."""

    at: datetime
    verdict: str
    waits_since: float
    before: datetime | None


class RobotView:
    """The present picture of one robot; tells facts as samples come in."""

    def __init__(self, device: str, *, clock: Clock, emit: Callable[[Fact], None]) -> None:
        self.device = device
        self.scales: Mapping[str, float | None] = {}
        self._clock, self._emit = clock, emit
        self._known: dict[str, Sample] = {}
        self._cycle_times: OrderedDict[datetime, float] = OrderedDict()
        self._parts: list[Part] = []
        self._told: tuple[Operation, Safety, dict[str, str]] | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    # -- samples in -------------------------------------------------------------------------

    def begin(self, samples: Mapping[str, Sample]) -> None:
        """Start from a full reading: counters are a baseline here, not parts."""
        self._known = dict(samples)
        self._parts.clear()
        self._told = None
        for key, sample in samples.items():
            self._tell_reading(key, sample)
        self.settle()

    def refresh(self, samples: Mapping[str, Sample]) -> None:
        """A full reading beside a living subscription, which alone may move the counters on."""
        for key, sample in samples.items():
            if key not in VERDICTS:
                self._known[key] = sample
            self._tell_reading(key, self._known[key])
        self._told = None
        self.settle()

    async def catch_up(self, samples: Mapping[str, Sample], within_s: float) -> None:
        """Wait until every part these counters show has been told, as far as that comes in time."""
        counted = {key: samples[key].number or 0.0 for key in VERDICTS if key in samples}

        def told() -> bool:
            heard = {key: self._known.get(key, NOTHING).number or 0.0 for key in counted}
            return not self._parts and all(heard[key] >= counted[key] for key in counted)

        if not await self.reaches(told, within_s):
            self.settle()

    def take(self, key: str, sample: Sample) -> None:
        """One change; call `settle` when all changes of a batch are in."""
        before = self._known.get(key, NOTHING)
        if before.source and sample.source and sample.source < before.source:
            return
        self._known[key] = sample
        self._tell_reading(key, sample)
        if key in VERDICTS:
            self._count(VERDICTS[key], before, sample)
        elif key == "cycle_time" and sample.number is not None and sample.source:
            self._cycle_times[sample.source] = sample.number
            while len(self._cycle_times) > REMEMBERED_CYCLES:
                self._cycle_times.popitem(last=False)
        elif key == "micro_stop" and sample.value and sample.value != before.value:
            text = str(sample.value)
            self._emit(DeviceMessage(self.device, "message.micro_stop", text, self._clock.now()))
        self._answer_waiting()

    def confirm(self, key: str, sample: Sample) -> bool:
        """A probe's sample: tell it again if it is what is known, else say False."""
        known = self._known.get(key, NOTHING)
        if (known.value, known.quality) != (sample.value, sample.quality):
            return False
        self._tell_reading(key, known)
        return True

    def settle(self) -> None:
        """Draw the conclusions: finished parts, the device's state, who waited for it."""
        self._pair()
        detail = {
            key: str(self.value(key))
            for key in ("program", "substate", "micro_stop")
            if self.value(key) not in (None, "")
        }
        if self.mode:
            detail["mode"] = self.mode
        state = (self.operation, self.safety, detail)
        if state != self._told:
            self._told = state
            self._emit(DeviceState(self.device, state[0], state[1], self._clock.now(), detail))
        self._answer_waiting()

    def _answer_waiting(self) -> None:
        for holds, future in self._waiting:
            if not future.done() and holds():
                future.set_result(None)

    def _tell_reading(self, key: str, sample: Sample) -> None:
        unit = "deg" if key.startswith("axis_") else UNITS.get(key)
        if unit is None:
            return
        now = self._clock.now()
        value, quality = sample.number, sample.quality
        scale = self.scales.get(key, 1.0)
        if scale is None or value is None:
            value, quality = None, Quality.BAD
        elif sample.source and sample.source - now > FUTURE:
            quality = Quality.UNCERTAIN
        told = None if value is None or scale is None else value * scale
        self._emit(Reading(self.device, key, told, unit, quality, now, sample.source))

    # -- finished parts ---------------------------------------------------------------------

    def _count(self, verdict: str, before: Sample, sample: Sample) -> None:
        """A step up is as many parts; a step down is a counter that began anew."""
        if before.number is None or sample.number is None:
            return
        at = sample.source or self._clock.now()
        for _ in range(int(sample.number) - int(before.number)):
            part = Part(at, verdict, self._clock.monotonic(), before.source)
            self._parts.append(part)

    def _pair(self) -> None:
        """Give parts their cycle time; a time equal to the last one is not sent, so wait a bit."""
        waiting = []
        for part in self._parts:
            duration = self._cycle_times.get(part.at)
            if duration is None and self._clock.monotonic() - part.waits_since >= PAIRING_S:
                duration = self._presumed(part)
            if duration is None:
                waiting.append(part)
            else:
                self._emit(CycleFinished(self.device, part.at, duration, part.verdict))
        self._parts = waiting

    def _presumed(self, part: Part) -> float:
        """The unchanged cycle time, or, where none is offered, the time since the last part."""
        last = self._known.get("cycle_time", NOTHING).number
        if last is not None:
            return last
        return (part.at - part.before).total_seconds() if part.before else 0.0

    # -- the picture ------------------------------------------------------------------------

    def value(self, key: str) -> Value:
        """A value, or None where the server has none or says it is bad."""
        sample = self._known.get(key, NOTHING)
        return None if sample.quality is Quality.BAD else sample.value

    @property
    def mode(self) -> str:
        """The operational mode's name, empty where unknown."""
        number = self._known.get("mode", NOTHING).number
        return MODES[int(number)] if number is not None and 0 <= number < len(MODES) else ""

    @property
    def operation(self) -> Operation:
        if "state" not in self._known:
            return ITEM_OPERATIONS.get(str(self.value("item_state")), Operation.UNKNOWN)
        operation = OPERATIONS.get(str(self.value("state")), Operation.UNKNOWN)
        if operation is Operation.READY and self.value("substate") == "Suspended":
            return Operation.PAUSED
        return operation

    @property
    def safety(self) -> Safety:
        """A stop that is signalled counts even when another signal is missing."""
        emergency, protective = self.value("emergency_stop"), self.value("protective_stop")
        if emergency is True:
            return Safety.DEVICE_ESTOP
        if protective is True:
            return Safety.PROTECTIVE_STOP
        if emergency is None or protective is None:
            return Safety.UNKNOWN
        return MODE_SAFETY.get(self.mode, Safety.UNKNOWN)

    async def reaches(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until the picture shows something; False when it does not in time."""
        if holds():
            return True
        entry = (holds, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(within_s):
                await entry[1]
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(entry)
        return True
