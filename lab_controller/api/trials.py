"""Trials, runs and their reports."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from lab_controller.api import trial_shapes as shapes
from lab_controller.api.auth import staff
from lab_controller.api.lab import Issuer, Language, ThisLab
from lab_controller.bootstrap import Lab
from lab_controller.services.trial_books import RunCounts
from lab_controller.wire_trials import (
    AmendRequest,
    EndRequest,
    MeasurementRequest,
    NoteRequest,
    PartRequest,
    PlanVersionShape,
    ReportShape,
    RunRequest,
    RunShape,
    TemplateShape,
    TrialRequest,
    TrialShape,
)
from trial_logs.model import Verdict
from trial_logs.plan_templates import NAMES

router = APIRouter(dependencies=[Depends(staff)])


class RunStep(StrEnum):
    """What moves a run."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    ABORT = "abort"


@router.get("/trials")
async def trials(lab: ThisLab, language: Language, booking: str | None = None) -> list[TrialShape]:
    """Trials, newest first; of one booking or all."""
    return [
        shapes.trial(one, await lab.trials.runs(one.id), language)
        for one in await lab.trials.trials(booking)
    ]


@router.get("/trials/{trial}")
async def trial(trial: str, lab: ThisLab, language: Language, by: Issuer) -> TrialShape:
    """One trial with its plan, its runs and what of the plan is left; the look is written down."""
    found = await lab.trials.trial(trial)
    await lab.vendor_views.staff_looked(trial, by, "trial")
    return shapes.trial(found, await lab.trials.runs(trial), language)


@router.get("/trial-templates")
async def templates(language: Language) -> list[TemplateShape]:
    """Plans to begin with, in the reader's language."""
    return [shapes.template(name, language) for name in NAMES]


@router.post("/trials")
async def create(wanted: TrialRequest, lab: ThisLab, language: Language) -> TrialShape:
    """A new trial for a booking."""
    booking = (await lab.bookings.one(wanted.booking)).booking
    draft = shapes.draft_of(wanted, booking)
    created = await lab.trials.create(draft)
    return shapes.trial(created, [], language)


@router.post("/trials/{trial}/plan")
async def amend(
    trial: str, wanted: AmendRequest, lab: ThisLab, language: Language, by: Issuer
) -> TrialShape:
    """Amend the plan; the version before stays, and after a run every report says so."""
    booking = (await lab.bookings.one(wanted.plan.booking)).booking
    draft = shapes.draft_of(wanted.plan, booking)
    amended = await lab.trials.amend(
        trial, draft, by=by, why=wanted.why, after_runs=wanted.after_runs
    )
    return shapes.trial(amended, await lab.trials.runs(trial), language)


@router.get("/trials/{trial}/plan")
async def plan_versions(trial: str, lab: ThisLab, by: Issuer) -> list[PlanVersionShape]:
    """Every version of the plan, oldest first; the look is written down."""
    found = await lab.trials.trial(trial)
    await lab.vendor_views.staff_looked(trial, by, "trial")
    return shapes.versions(found, await lab.trials.runs(trial))


@router.post("/trials/{trial}/runs")
async def plan_run(trial: str, wanted: RunRequest, lab: ThisLab, language: Language) -> RunShape:
    """The next run under one of the plan's conditions."""
    planned = await lab.trials.plan_run(trial, wanted.condition, wanted.operator, wanted.lot)
    return shapes.run(planned, language)


@router.get("/runs/{run}")
async def run(run: str, lab: ThisLab, language: Language) -> RunShape:
    """One run, its counts so far and the stop rules that are met."""
    return shapes.run(await lab.trials.run(run), language)


@router.get("/runs/{run}/numbers")
async def numbers(run: str, lab: ThisLab) -> dict[str, Any]:
    """The numbers of a run, computed from its evidence."""
    return dict(json.loads(await lab.trials.numbers(run)))


@router.post("/runs/{run}/parts")
async def count(
    run: str, part: PartRequest, lab: ThisLab, language: Language, by: Issuer
) -> RunShape:
    """Count one part."""
    found = await lab.trials.count(run, Verdict(part.verdict), by=by, cause=part.cause)
    return shapes.run(found, language)


@router.post("/runs/{run}/measurements")
async def measure(
    run: str, wanted: MeasurementRequest, lab: ThisLab, language: Language, by: Issuer
) -> RunShape:
    """Enter a value read from a gauge."""
    found = await lab.trials.measure(
        run,
        wanted.characteristic,
        wanted.value,
        wanted.unit,
        by=by,
        part=wanted.part,
        gauge=wanted.gauge,
    )
    return shapes.run(found, language)


@router.post("/runs/{run}/notes")
async def note(
    run: str, wanted: NoteRequest, lab: ThisLab, language: Language, by: Issuer
) -> RunShape:
    """Add a remark."""
    return shapes.run(await lab.trials.note(run, wanted.text, by=by), language)


@router.post("/runs/{run}/{step}")
async def move(
    run: str, step: RunStep, wanted: EndRequest, lab: ThisLab, language: Language, by: Issuer
) -> RunShape:
    """Start, pause, resume, finish or abort a run."""
    return shapes.run(await MOVES[step](lab, run, wanted.reason, by), language)


MOVES: Mapping[RunStep, Callable[[Lab, str, str, str], Awaitable[RunCounts]]] = {
    RunStep.START: lambda lab, run, reason, by: lab.trials.start(run, by=by),
    RunStep.PAUSE: lambda lab, run, reason, by: lab.trials.pause(run, by=by, cause=reason),
    RunStep.RESUME: lambda lab, run, reason, by: lab.trials.resume(run, by=by),
    RunStep.FINISH: lambda lab, run, reason, by: lab.trials.finish(run, by=by),
    RunStep.ABORT: lambda lab, run, reason, by: lab.trials.abort(run, by=by, cause=reason),
}


@router.post("/trials/{trial}/report")
async def make_report(trial: str, lab: ThisLab, language: Language) -> ReportShape:
    """Make the report of a trial: PDF, XLSX and CSV."""
    made = await lab.reports.make(trial, language)
    files = {path.name: path.stat().st_size for path in made.files}
    return ReportShape(trial=trial, files=files, warnings=list(made.warnings))


@router.get("/trials/{trial}/report/{name}")
async def report_file(trial: str, name: str, lab: ThisLab, language: Language) -> FileResponse:
    """One file of a report that has been made."""
    path = await lab.reports.file(trial, name, language)
    return FileResponse(path, filename=f"{trial}-{name}")
