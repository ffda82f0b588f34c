"""The lab, its devices, its stop and its telemetry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, UploadFile
from fastapi import Request as HttpRequest

from lab_controller.api import shapes, windows
from lab_controller.api.auth import staff
from lab_controller.api.problems import language_of
from lab_controller.api.uploads import MIB, upload_route
from lab_controller.bootstrap import Lab
from lab_controller.errors import LabError
from lab_controller.jobfiles import LARGEST_BYTES
from lab_controller.wire import (
    CommandRequest,
    CommandShape,
    DeviceShape,
    GcodeShape,
    LabShape,
    LatchShape,
    WindowShape,
)
from lab_controller.wire_stop import ResetRequest, StopRequest, StopShape
from trial_logs.model import Series
from trial_logs.stamps import to_us
from trial_logs.telemetry import Telemetry

public = APIRouter()
router = APIRouter(dependencies=[Depends(staff)])
uploads = APIRouter(route_class=upload_route(lambda lab: LARGEST_BYTES // MIB))


class UnknownSignal(LabError):
    """The device measures no such quantity."""

    code = "lab.unknown_signal"


def lab_of(request: HttpRequest) -> Lab:
    """The lab behind this door."""
    lab: Lab = request.app.state.lab
    return lab


ThisLab = Annotated[Lab, Depends(lab_of)]
Language = Annotated[str, Depends(language_of)]
Issuer = Annotated[str, Depends(staff)]


@public.get("/lab")
async def glance(lab: ThisLab, language: Language) -> LabShape:
    """The lab at a glance."""
    return shapes.lab(lab, language)


@router.get("/devices")
async def devices(lab: ThisLab, language: Language) -> list[DeviceShape]:
    """Every device on its three axes."""
    return [shapes.device(lab, view, language) for view in lab.board.views.values()]


@router.get("/devices/{device}")
async def device(device: str, lab: ThisLab, language: Language) -> DeviceShape:
    """One device."""
    return shapes.device(lab, lab.coordinator.view(device), language)


@router.post("/devices/{device}/reconnect")
async def reconnect(device: str, lab: ThisLab, language: Language) -> DeviceShape:
    """Try the device's wire again now."""
    view = lab.coordinator.view(device)
    lab.connections[view.connection].reconnect_now()
    return shapes.device(lab, view, language)


@router.post("/devices/{device}/commands")
async def send(
    device: str, wanted: CommandRequest, lab: ThisLab, language: Language, by: Issuer
) -> CommandShape:
    """Send one command; `print_file` takes a kept file's id as `file` instead of a path."""
    arguments = lab.with_job_file(wanted.arguments)
    row = await lab.coordinator.command(
        device, wanted.verb, arguments, by=by, lease=wanted.lease, wait=wanted.wait
    )
    return shapes.command(lab, row, language)


@router.post("/stop")
async def stop(wanted: StopRequest, lab: ThisLab, language: Language, by: Issuer) -> StopShape:
    """Stop one device or the whole lab. No lease, no confirmation."""
    if wanted.device is not None:
        lab.coordinator.view(wanted.device)
    report = await lab.stop_desk.press(wanted.device, by=by, reason=wanted.reason)
    return shapes.stop(lab, report, language)


@router.post("/stop/reset")
async def reset(wanted: ResetRequest, lab: ThisLab, by: Issuer) -> LatchShape:
    """Lift the latch after every device in scope has been verified."""
    if wanted.device is not None:
        lab.coordinator.view(wanted.device)
    return shapes.latch(await lab.stop_desk.reset(wanted.device, by=by, reason=wanted.reason))


@router.get("/telemetry")
async def window(
    lab: ThisLab,
    device: str,
    signal: str,
    start: datetime,
    end: datetime,
    buckets: windows.Buckets = 120,
) -> WindowShape:
    """A window of one signal in buckets; empty buckets are gaps."""
    spec = lab.coordinator.view(device).spec.signals.get(signal)
    if spec is None:
        raise UnknownSignal(device=device, signal=signal)
    windows.demand_stretch(start, end)
    series = Series(device, signal, spec.unit)

    def read(journal: Telemetry) -> WindowShape:
        found = journal.window(series, to_us(start), to_us(end), buckets)
        return windows.window(series, found)

    return await lab.telemetry.read(read)


@uploads.post("/gcode")
async def upload(file: UploadFile, lab: ThisLab) -> GcodeShape:
    """Give the lab a job file; it is checked line by line before it is kept."""
    content = await file.read(LARGEST_BYTES + 1)
    return GcodeShape.model_validate(await lab.keep_job_file(file.filename or "", content))


router.include_router(uploads)


@router.get("/gcode")
async def job_files(lab: ThisLab) -> list[GcodeShape]:
    """Job files the lab keeps."""
    return [GcodeShape.model_validate(one) for one in lab.job_files.all()]
