"""What the one at the machine enters during a run, as clients send it."""

from __future__ import annotations

from lab_controller.client_door import LabDoor
from lab_controller.wire_operator import (
    ConsumableRequest,
    CorrectionRequest,
    FloorShape,
    ModeRequest,
    ScanRequest,
    ScanShape,
    SerialRequest,
    StopCauseRequest,
    UndoRequest,
)
from lab_controller.wire_trials import RunShape


class OperatorDoor(LabDoor):
    """Mode, stop causes, consumables, serials, corrections and scans of a run."""

    async def run_floor(self, run: str) -> FloorShape:
        """Mode, stops so far and the codes the run knows."""
        return await self._one(FloorShape, "GET", f"/runs/{run}/floor")

    async def set_mode(self, run: str, wanted: ModeRequest) -> RunShape:
        """Say what the equipment is used for from now on."""
        return await self._one(RunShape, "POST", f"/runs/{run}/mode", wanted)

    async def explain_stop(self, run: str, wanted: StopCauseRequest) -> RunShape:
        """Say why a machine stood still."""
        return await self._one(RunShape, "POST", f"/runs/{run}/stop-causes", wanted)

    async def use(self, run: str, wanted: ConsumableRequest) -> RunShape:
        """Write down what was used up."""
        return await self._one(RunShape, "POST", f"/runs/{run}/consumables", wanted)

    async def mark_part(self, run: str, wanted: SerialRequest) -> RunShape:
        """Give a part its mark."""
        return await self._one(RunShape, "POST", f"/runs/{run}/serials", wanted)

    async def undo(self, run: str, wanted: UndoRequest | None = None) -> RunShape:
        """Take back the newest part or verdict a person gave."""
        return await self._one(RunShape, "POST", f"/runs/{run}/undo", wanted or UndoRequest())

    async def correct(self, run: str, wanted: CorrectionRequest) -> RunShape:
        """A later word on a part or a measurement."""
        return await self._one(RunShape, "POST", f"/runs/{run}/corrections", wanted)

    async def scan(self, run: str, code: str) -> ScanShape:
        """Do what one barcode or one key stands for."""
        return await self._one(ScanShape, "POST", f"/runs/{run}/scan", ScanRequest(code=code))
