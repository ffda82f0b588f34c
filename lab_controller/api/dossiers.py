"""Purchase dossiers of trials."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from lab_controller.api.auth import staff
from lab_controller.api.lab import Language, ThisLab
from lab_controller.wire_trials import DossierRequest, ReportShape

router = APIRouter(dependencies=[Depends(staff)])


@router.post("/trials/{trial}/dossier")
async def make(
    trial: str, lab: ThisLab, language: Language, wanted: DossierRequest | None = None
) -> ReportShape:
    """Make the purchase dossier of a trial, beside others if they are named."""
    asked = wanted or DossierRequest()
    made = await lab.dossiers.make(trial, language, others=asked.others, condition=asked.condition)
    files = {path.name: path.stat().st_size for path in made.files}
    return ReportShape(trial=trial, files=files, warnings=list(made.warnings))


@router.get("/trials/{trial}/dossier/{name}")
async def file(trial: str, name: str, lab: ThisLab, language: Language) -> FileResponse:
    """One file of a dossier that has been made."""
    path = await lab.dossiers.file(trial, name, language)
    return FileResponse(path, filename=f"{trial}-{name}")
