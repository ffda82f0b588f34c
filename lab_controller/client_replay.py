"""A run played back, as clients see it."""

from __future__ import annotations

from datetime import datetime

from lab_controller.client_door import LONG_TIMEOUT_S, LabDoor
from lab_controller.wire import WindowShape
from lab_controller.wire_replay import MomentShape, ReplayShape


class ReplayDoor(LabDoor):
    """What can be asked of a run's record."""

    async def replay(self, run: str) -> ReplayShape:
        """A run that can be played back."""
        return await self._one(ReplayShape, "GET", f"/runs/{run}/replay", timeout=LONG_TIMEOUT_S)

    async def moment(self, run: str, at: datetime, events: int = 20) -> MomentShape:
        """The run at an instant, with up to so many events before and after it."""
        params = {"at": at.isoformat(), "events": events}
        return await self._one(MomentShape, "GET", f"/runs/{run}/replay/moment", params=params)

    async def replay_window(
        self, run: str, device: str, signal: str, start: datetime, end: datetime, buckets: int = 120
    ) -> WindowShape:
        """A window of one of the run's series in buckets."""
        path = f"/runs/{run}/replay/window"
        return await self._window(path, (device, signal), (start, end), buckets, LONG_TIMEOUT_S)
