"""The picture of one machine behind OPC UA: readings, state, parts with their times; no wire here.

A counter step is a finished part; its duration is the cycle time that carries the same source
time. What operation and safety are is each kind of machine's own matter.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from equipment_drivers.contract import Clock, Emit
from equipment_drivers.devices.opcua_values import NOTHING, Sample, Value
from equipment_drivers.model import (
    CycleFinished,
    DeviceState,
    Operation,
    Quality,
    Reading,
    Safety,
)

VERDICTS = {"parts_good": "good", "parts_scrap": "scrap", "parts": "unknown"}
"""Counters and what a step of them says of the part."""

FUTURE = timedelta(seconds=2)
ZERO, LATE = timedelta(0), timedelta(seconds=60)
"""An older change that comes later is passed over; much older: the server's clock was set."""
REMEMBERED_CYCLES = 512
PAIRING_S = 0.5
MOST_PARTS = 100
"""More at one step is a counter somebody has set, not work."""


@dataclass(frozen=True, slots=True)
class Part:
    """A counter step that waits for its cycle time."""

    at: datetime
    verdict: str
    waits_since: float
    before: datetime | None


class View(ABC):
    """The present picture of one machine; tells facts as samples come in."""

    state_keys: frozenset[str] = frozenset()
    """Keys whose change is a change of state: the state is told with their source time."""

    def __init__(self, device: str, *, clock: Clock, emit: Emit) -> None:
        self.device = device
        self._clock, self._emit = clock, emit
        self._known: dict[str, Sample] = {}
        self._cycle_times: OrderedDict[datetime, float] = OrderedDict()
        self._parts: list[Part] = []
        self._told: tuple[Operation, Safety, dict[str, str]] | None = None
        self._told_at: datetime | None = None
        self._changed: datetime | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @abstractmethod
    def measure(self, key: str) -> tuple[str, float | None] | None:
        """Unit and scale of a value that is a reading; a scale of None: not to be trusted."""

    @property
    @abstractmethod
    def operation(self) -> Operation: ...

    @property
    @abstractmethod
    def safety(self) -> Safety: ...

    def detail(self) -> dict[str, str]:
        """What it says of itself as text."""
        return {}

    @abstractmethod
    def noticed(self, key: str, before: Sample, sample: Sample) -> None:
        """A change that is neither reading nor count came in."""

    # -- samples in -------------------------------------------------------------------------

    def begin(self, samples: Mapping[str, Sample]) -> None:
        """Start from a full reading: counters are a baseline here, not parts."""
        self._known = dict(samples)
        self._parts.clear()
        self._told = self._told_at = self._changed = None
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
        if before.source and sample.source and ZERO < before.source - sample.source <= LATE:
            return
        self._known[key] = sample
        if key in self.state_keys and sample.source:
            self._changed = max(self._changed or sample.source, sample.source)
        self._tell_reading(key, sample)
        if key in VERDICTS:
            self._count(VERDICTS[key], before, sample)
        elif key == "cycle_time" and sample.number is not None and sample.source:
            self._cycle_times[sample.source] = sample.number
            while len(self._cycle_times) > REMEMBERED_CYCLES:
                self._cycle_times.popitem(last=False)
        else:
            self.noticed(key, before, sample)
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
        detail = self.detail()
        state = (self.operation, self.safety, detail)
        if state != self._told:
            self._told, at = state, self._state_time()
            self._emit(DeviceState(self.device, state[0], state[1], at, detail))
        self._answer_waiting()

    def _state_time(self) -> datetime:
        """When it changed, by its own clock where that is between the last time and now."""
        now = self._clock.now()
        at, self._changed = self._changed, None
        if at is None or at > now or self._told_at is None or at < self._told_at:
            at = now
        self._told_at = at
        return at

    def _answer_waiting(self) -> None:
        for holds, future in self._waiting:
            if not future.done() and holds():
                future.set_result(None)

    def _tell_reading(self, key: str, sample: Sample) -> None:
        measured = self.measure(key)
        if measured is None:
            return
        unit, scale = measured
        now = self._clock.now()
        value, quality = sample.number, sample.quality
        if scale is None or value is None:
            value, quality = None, Quality.BAD
        elif sample.source and sample.source - now > FUTURE and quality is Quality.GOOD:
            quality = Quality.UNCERTAIN
        told = None if value is None or scale is None else value * scale
        self._emit(Reading(self.device, key, told, unit, quality, now, sample.source))

    # -- finished parts ---------------------------------------------------------------------

    def _count(self, verdict: str, before: Sample, sample: Sample) -> None:
        """A step up is as many parts; a step down is a counter that began anew."""
        if before.number is None or sample.number is None:
            return
        step = sample.number - before.number
        if not 1 <= step <= MOST_PARTS:
            return
        at = sample.source or self._clock.now()
        for _ in range(int(step)):
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

    def number(self, key: str) -> float | None:
        """A value as a number, or None where it is none."""
        return self._known.get(key, NOTHING).number

    def knows(self, key: str) -> bool:
        """Whether the server has this value, good or bad."""
        return key in self._known

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
