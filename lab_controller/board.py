"""What is known of every device now: three axes, last values with quality and age, running job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from equipment_drivers.contract import DeviceSpec
from equipment_drivers.model import (
    DeviceMessage,
    DeviceState,
    JobProgress,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller.facts import Told

MESSAGES_KEPT = 20
SAFE_TO_ACT = (Safety.NONE, Safety.NORMAL, Safety.REDUCED)


@dataclass(slots=True)
class DeviceView:
    """One device as the board knows it. `latched` overlays the device's own safety axis."""

    device: str
    connection: str
    spec: DeviceSpec
    link: Link = Link.OFFLINE
    link_code: str = ""
    link_params: Mapping[str, str] = field(default_factory=dict)
    link_since: datetime | None = None
    operation: Operation = Operation.UNKNOWN
    own_safety: Safety = Safety.UNKNOWN
    detail: Mapping[str, str] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    job: JobProgress | None = None
    messages: list[DeviceMessage] = field(default_factory=list)
    latched: bool = False
    outcome_unknown: str = ""

    @property
    def safety(self) -> Safety:
        return Safety.LAB_LATCHED if self.latched else self.own_safety

    @property
    def may_actuate(self) -> bool:
        """DESIGN section 3: link online or degraded, and safety normal, reduced or none."""
        return self.link.carries_commands and self.safety in SAFE_TO_ACT

    def is_stale(self, reading: Reading, now: datetime) -> bool:
        """Whether a value is too old, or its wire too dead, to be shown as live."""
        spec = self.spec.signals.get(reading.signal)
        age = (now - reading.received).total_seconds()
        return not self.link.carries_commands or (spec is not None and age > spec.max_age_s)

    def live_value(self, signal: str, now: datetime) -> float | None:
        """A value good enough to decide on: GOOD and not stale, or nothing."""
        reading = self.readings.get(signal)
        if reading is None or reading.quality is not Quality.GOOD or self.is_stale(reading, now):
            return None
        return reading.value


class Board:
    """All devices, kept true by the facts it hears."""

    def __init__(self, views: Iterable[DeviceView]) -> None:
        self.views = {view.device: view for view in views}
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition over the views holds; the caller bounds it."""
        if holds():
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (holds, reached)
        self._waiting.append(waiting)
        try:
            await reached
        finally:
            self._waiting.remove(waiting)

    def __getitem__(self, device: str) -> DeviceView:
        return self.views[device]

    def hear(self, fact: Told) -> None:
        """Take a fact in (a bus listener)."""
        self._take(fact)
        for holds, reached in self._waiting:
            if not reached.done() and holds():
                reached.set_result(None)

    def _take(self, fact: Told) -> None:
        match fact:
            case Reading():
                self.views[fact.device].readings[fact.signal] = fact
            case DeviceState():
                self._take_state(self.views[fact.device], fact)
            case LinkChanged():
                self._take_link(fact)
            case JobProgress():
                self.views[fact.device].job = fact
            case DeviceMessage():
                messages = self.views[fact.device].messages
                messages.append(fact)
                del messages[:-MESSAGES_KEPT]
            case _:
                return

    def set_latched(self, devices: Iterable[str] | None) -> None:
        """Overlay the latch: the named devices, or all of them where None."""
        names = set(self.views if devices is None else devices)
        for view in self.views.values():
            view.latched = view.device in names

    @staticmethod
    def _take_state(view: DeviceView, state: DeviceState) -> None:
        view.operation, view.own_safety = state.operation, state.safety
        view.detail = state.detail or view.detail
        if state.operation is not Operation.BUSY and state.operation is not Operation.PAUSED:
            view.job = None

    def _take_link(self, change: LinkChanged) -> None:
        for view in self.views.values():
            if view.connection == change.connection:
                view.link, view.link_since = change.link, change.at
                view.link_code, view.link_params = change.code, change.params
