"""What clients ask about trials: plan, runs, numbers and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_controller.client_door import LONG_TIMEOUT_S, LabDoor
from lab_controller.wire_trials import (
    AmendRequest,
    DossierRequest,
    GrantPackShape,
    MeasurementRequest,
    PartRequest,
    PlanVersionShape,
    ReportShape,
    RunRequest,
    RunShape,
    SheetShape,
    TemplateShape,
    TrialRequest,
    TrialShape,
)


class TrialsDoor(LabDoor):
    """The trials of one lab; `LabClient` adds the rest."""

    async def trials(self, booking: str | None = None) -> list[TrialShape]:
        """Trials, newest first; of one booking or all."""
        params = {"booking": booking} if booking else {}
        return await self._many(TrialShape, "GET", "/trials", params=params)

    async def trial(self, trial: str) -> TrialShape:
        """One trial with its plan and runs."""
        return await self._one(TrialShape, "GET", f"/trials/{trial}")

    async def trial_templates(self) -> list[TemplateShape]:
        """Plans to begin with."""
        return await self._many(TemplateShape, "GET", "/trial-templates")

    async def create_trial(self, wanted: TrialRequest) -> TrialShape:
        """A new trial for a booking."""
        return await self._one(TrialShape, "POST", "/trials", wanted)

    async def amend_plan(self, trial: str, wanted: AmendRequest) -> TrialShape:
        """Put another plan in force; the one before stays as a version."""
        return await self._one(TrialShape, "POST", f"/trials/{trial}/plan", wanted)

    async def plan_versions(self, trial: str) -> list[PlanVersionShape]:
        """Every version of a trial's plan, oldest first."""
        return await self._many(PlanVersionShape, "GET", f"/trials/{trial}/plan")

    async def plan_run(self, trial: str, wanted: RunRequest) -> RunShape:
        """A new run under one of the plan's conditions."""
        return await self._one(RunShape, "POST", f"/trials/{trial}/runs", wanted)

    async def run_step(self, run: str, step: str, reason: str = "") -> RunShape:
        """start, pause, resume, finish or abort a run."""
        return await self._one(
            RunShape, "POST", f"/runs/{run}/{step}", {"reason": reason}, timeout=LONG_TIMEOUT_S
        )

    async def count_part(self, run: str, part: PartRequest) -> RunShape:
        """Count one part good, scrap or rework."""
        return await self._one(RunShape, "POST", f"/runs/{run}/parts", part)

    async def measure(self, run: str, measurement: MeasurementRequest) -> RunShape:
        """Enter a value read from a gauge."""
        return await self._one(RunShape, "POST", f"/runs/{run}/measurements", measurement)

    async def note(self, run: str, text: str) -> RunShape:
        """Add a remark to a run."""
        return await self._one(RunShape, "POST", f"/runs/{run}/notes", {"text": text})

    async def run_numbers(self, run: str) -> dict[str, Any]:
        """The numbers of a run, computed from its evidence."""
        answer = await self._call("GET", f"/runs/{run}/numbers", timeout=LONG_TIMEOUT_S)
        return dict(answer.json())

    async def enter_sheet(self, trial: str, sheet: Mapping[str, Any]) -> SheetShape:
        """Enter the investment sheet of a trial; the newest counts."""
        return await self._one(SheetShape, "PUT", f"/trials/{trial}/sheet", dict(sheet))

    async def sheet(self, trial: str) -> SheetShape:
        """The investment sheet of a trial that counts."""
        return await self._one(SheetShape, "GET", f"/trials/{trial}/sheet")

    async def grant_packs(self) -> list[GrantPackShape]:
        """The packs of grant rules the lab has."""
        return await self._many(GrantPackShape, "GET", "/grant-packs")

    async def make_report(self, trial: str) -> ReportShape:
        """Make the trial report: PDF, XLSX, CSV."""
        return await self._one(
            ReportShape, "POST", f"/trials/{trial}/report", timeout=LONG_TIMEOUT_S
        )

    async def report_file(self, trial: str, name: str) -> bytes:
        """One file of a trial report."""
        answer = await self._call("GET", f"/trials/{trial}/report/{name}", timeout=LONG_TIMEOUT_S)
        return answer.content

    async def make_dossier(self, trial: str, wanted: DossierRequest | None = None) -> ReportShape:
        """Make the purchase dossier (PDF) of a trial, beside others if they are named."""
        return await self._one(
            ReportShape,
            "POST",
            f"/trials/{trial}/dossier",
            wanted or DossierRequest(),
            timeout=LONG_TIMEOUT_S,
        )

    async def dossier_file(self, trial: str, name: str) -> bytes:
        """One file of a purchase dossier."""
        answer = await self._call("GET", f"/trials/{trial}/dossier/{name}", timeout=LONG_TIMEOUT_S)
        return answer.content
