"""The present picture of one Universal Robots arm: what frames and dashboard say, told as facts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from equipment_drivers.contract import Clock, Emit
from equipment_drivers.devices import ur_state
from equipment_drivers.devices.ur_options import UrArmOptions
from equipment_drivers.devices.ur_parts import Parts
from equipment_drivers.devices.ur_spec import MEASURES, SAFETY_STATUS, TARGET_SPEED, Values
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Operation,
    Quality,
    Reading,
    Safety,
)

LOUD = frozenset({"exception", "error", "warning"})
"""Levels of the controller's own messages that a person should see."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the dashboard says. `remote` None: this version does not know."""

    remote: bool | None
    program: str
    mode: str
    safety: str
    runtime: str


class UrView:
    """Takes frames and looks in; `live` while frames come and the controller's clock runs."""

    def __init__(
        self,
        device: str,
        options: UrArmOptions,
        max_silence_s: float,
        *,
        clock: Clock,
        emit: Emit,
        on_live: Callable[[bool], None],
    ) -> None:
        self.device = device
        self._options, self._max_silence_s = options, max_silence_s
        self._clock, self._emit, self._on_live = clock, emit, on_live
        self._news = asyncio.Event()
        self._last: DeviceState | None = None
        self._unlocked = False
        self.details: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        """Forget what a life before this connection knew; whether an unlock was ours stays."""
        self.mode = self.safety_word = self.runtime = ur_state.UNKNOWN
        self.remote: bool | None = None
        self.program = ""
        self.live = self.pausing = False
        self.speed = math.nan
        self.values: dict[str, float] = {}
        self._protective_since: float | None = None
        self._stamp: float | None = None
        self._advanced = self._sampled = -math.inf
        self.parts = Parts(self._options)
        self.finished = 0
        self._last = None

    # -- what it knows ----------------------------------------------------------------------

    @property
    def safety(self) -> Safety:
        """The arm's own safety axis."""
        return ur_state.safety(self.safety_word)

    @property
    def operation(self) -> Operation:
        """What the arm does."""
        return ur_state.operation(
            self.mode, self.safety_word, self.runtime, loaded=bool(self.program)
        )

    async def reaches(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Whether it comes to hold within so many real seconds."""
        try:
            async with asyncio.timeout(within_s):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return holds()
        return True

    # -- what comes in ----------------------------------------------------------------------

    def take(self, values: Values) -> None:
        """One frame. One that is not younger than the last says nothing new."""
        now, stamp = self._clock.monotonic(), values.get("timestamp")
        if not isinstance(stamp, float) or not math.isfinite(stamp):
            return
        if self._stamp is not None and stamp <= self._stamp:
            if self.live and now - self._advanced > self._max_silence_s:
                self._stamp = stamp
                self._freeze()
            return
        self._stamp, self._advanced = stamp, now
        status = values.get(SAFETY_STATUS, values.get("safety_mode"))
        self._become(
            ur_state.robot_mode(values.get("robot_mode")),
            ur_state.safety_mode(status),
            ur_state.runtime_state(values.get("runtime_state")),
        )
        if not self.live:
            self.live = True
            self._on_live(True)
        speed = values.get(TARGET_SPEED)
        self.speed = speed if isinstance(speed, float) else math.nan
        self._count(stamp, values)
        if now - self._sampled >= self._options.sample_s:
            self._sampled = now
            self._measure(values)
        self.tell()
        self._news.set()

    def look(self, look: Look) -> None:
        """What the dashboard said; its words for the state count only while no frames come."""
        self.remote, self.program = look.remote, look.program
        if not self.live and self._stamp is None:
            self._become(look.mode, look.safety, look.runtime)
        self.tell()
        self._news.set()

    def says(self, level: str, text: str) -> None:
        """A message of the controller itself."""
        if level in LOUD and text:
            self.message("message.machine_says", text)

    def blind(self) -> None:
        """No more frames: from now on the dashboard alone tells the state."""
        self._stamp = None
        self.parts.spoil()
        if self.live:
            self.live = False
            self._doubt()

    def _freeze(self) -> None:
        """Frames come and the controller's clock stands: what they say is of the past."""
        self.parts.spoil()
        self.live = False
        self._doubt()
        self.mode = self.safety_word = self.runtime = ur_state.UNKNOWN
        self._on_live(False)
        self.tell()

    def _become(self, mode: str, safety: str, runtime: str) -> None:
        was_safe, was = self.safety, self.runtime
        self.mode, self.safety_word, self.runtime = mode, safety, runtime
        if self.safety is not was_safe:
            self._safety_changed(was_safe)
        if runtime == "PAUSED" and was in ur_state.MOVING and not self.pausing:
            self.message("message.program_paused", self.program)
        if was in ur_state.STANDING and runtime not in ur_state.STANDING:
            self.pausing = False

    # -- protective stops -------------------------------------------------------------------

    @property
    def protective_s(self) -> float | None:
        """How long the protective stop has lasted while we looked; None: there is none."""
        if self._protective_since is None:
            return None
        return self._clock.monotonic() - self._protective_since

    @property
    def unlocked_in_vain(self) -> bool:
        """Whether the stop before this one was unlocked from here and no part was made since."""
        return self._unlocked

    def unlocked(self) -> None:
        """The protective stop of now is being unlocked from here."""
        self._unlocked, self._protective_since = True, None

    def _safety_changed(self, was: Safety) -> None:
        if self.safety is Safety.PROTECTIVE_STOP:
            self._protective_since = self._clock.monotonic()
        elif self._protective_since is not None and self.safety is Safety.NORMAL:
            self._protective_since, self._unlocked = None, False  # a person did it at the pendant
        if self.safety not in (Safety.NORMAL, Safety.REDUCED, Safety.UNKNOWN):
            self.message("message.safety_stop", self.safety_word)

    # -- what goes out ----------------------------------------------------------------------

    def tell(self, *, anew: bool = False) -> None:
        """Emit the state if it is another one, or anyway."""
        detail = {
            **self.details,
            "mode": self.mode,
            "safety": self.safety_word,
            "runtime": self.runtime,
        }
        if self.program:
            detail["program"] = self.program
        if self.remote is not None:
            detail["remote"] = "true" if self.remote else "false"
        state = DeviceState(self.device, self.operation, self.safety, self._clock.now(), detail)
        last = self._last
        shown = (state.operation, state.safety, state.detail)
        if anew or last is None or shown != (last.operation, last.safety, last.detail):
            self._last = state
            self._emit(state)

    def message(self, code: str, text: str) -> None:
        """Something a person should see."""
        self._emit(DeviceMessage(self.device, code, text, self._clock.now()))

    def _count(self, stamp: float, values: Values) -> None:
        safe = self.safety in (Safety.NORMAL, Safety.REDUCED)
        for seconds in self.parts.take(stamp, self.runtime, values, safe=safe):
            self.finished += 1
            self._unlocked = False
            self._emit(CycleFinished(self.device, self._clock.now(), seconds))
        if self.parts.set_anew:
            self.message("message.counter_set_anew", self.parts.source)

    def _measure(self, values: Values) -> None:
        now = self._clock.now()
        for name, measure in MEASURES.items():
            if not all(field in values for field in measure.fields):
                continue
            value = measure.make(values)
            good = math.isfinite(value) and measure.lowest <= value <= measure.highest
            if good:
                self.values[name] = value
            else:
                self.values.pop(name, None)
            quality = Quality.GOOD if good else Quality.BAD
            shown = value if good else None
            self._emit(Reading(self.device, name, shown, measure.unit, quality, now))

    def _doubt(self) -> None:
        """The last values once more, as uncertain; then they grow stale."""
        now = self._clock.now()
        for name, value in self.values.items():
            unit = MEASURES[name].unit
            self._emit(Reading(self.device, name, value, unit, Quality.UNCERTAIN, now))
        self.values.clear()
