"""What the console knows of the lab, kept true by the frames of the live stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from lab_controller.wire import DeviceShape, LabShape, LatchShape, StreamMessage

SILENCE_S = 3.0
UNLATCHED = LatchShape(latched=False)


class LabView:
    """The lab as last heard. `live` is False from the moment frames stay away: nothing is current.

    Frames stay away when none has come for `silence_s` (real seconds).
    `now` is lab time and moves with the frames; all times shown are in the lab's own zone.
    """

    def __init__(self) -> None:
        self.lab: LabShape | None = None
        self.devices: dict[str, DeviceShape] = {}
        self.live, self.silence_s = False, SILENCE_S
        self.why_lost = ""
        self._now: datetime | None = None
        self._heard_at = 0.0
        self._own_latch = UNLATCHED

    def hear(self, frame: StreamMessage, at: float) -> bool:
        """Take a frame in; True when the lab had been lost and is back."""
        back = not self.live
        self.live, self.why_lost, self._heard_at, self._now = True, "", at, frame.now
        if frame.lab is not None:
            self.lab, self._own_latch = frame.lab, UNLATCHED
        for device in frame.devices:
            self.devices[device.id] = device
        return back

    def lose(self, why: str = "") -> bool:
        """The lab does not answer; True when that is new."""
        was, self.live = self.live or why != self.why_lost, False
        self.why_lost = why
        return was

    def is_silent(self, at: float) -> bool:
        """Whether frames should have come by now (real seconds)."""
        return self.live and at - self._heard_at > self.silence_s

    def latched_here(self, by: str, at: datetime | None, scope: str | None) -> None:
        """A stop that went past the controller: shown until the controller says otherwise."""
        self._own_latch = LatchShape(latched=True, scopes=[scope or "lab"], by=by, at=at)

    @property
    def latch(self) -> LatchShape:
        """The stop latch as last heard, or our own stop that the controller does not know yet."""
        told = self.lab.latch if self.lab else UNLATCHED
        return self._own_latch if self._own_latch.latched and not told.latched else told

    @property
    def zone(self) -> ZoneInfo:
        """The lab's zone."""
        return ZoneInfo(self.lab.timezone if self.lab else "Asia/Tokyo")

    @property
    def now(self) -> datetime | None:
        """Lab time of the last frame, in UTC."""
        return self._now

    @property
    def local_now(self) -> datetime:
        """Lab time in the lab's zone; the wall clock until the lab has been heard."""
        return (self._now or datetime.now(UTC)).astimezone(self.zone)

    def local(self, at: datetime) -> datetime:
        """A time in the lab's zone."""
        return at.astimezone(self.zone)

    def of_equipment(self, equipment: str) -> Mapping[str, DeviceShape]:
        """The devices of one piece of equipment."""
        return {id: one for id, one in self.devices.items() if one.equipment == equipment}
