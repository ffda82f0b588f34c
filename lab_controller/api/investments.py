"""Investment sheets of trials, and the grant packs of the lab."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Depends

from lab_controller.api.auth import staff
from lab_controller.api.lab import Issuer, Language, ThisLab
from lab_controller.i18n import text
from lab_controller.wire_trials import GrantPackShape, SheetShape
from trial_logs.dossier.grant_pack import Pack
from trial_logs.dossier.investment import table_of
from trial_logs.stores.investment_sheets import EnteredSheet

router = APIRouter(dependencies=[Depends(staff)])


@router.put("/trials/{trial}/sheet")
async def enter(trial: str, sheet: dict[str, Any], lab: ThisLab, by: Issuer) -> SheetShape:
    """Enter the investment sheet of a trial: the table its TOML file holds."""
    return _sheet(await lab.investments.enter(trial, sheet, by=by))


@router.get("/trials/{trial}/sheet")
async def sheet(trial: str, lab: ThisLab) -> SheetShape:
    """The investment sheet of a trial that counts."""
    return _sheet(await lab.investments.sheet(trial))


@router.get("/grant-packs")
async def grant_packs(lab: ThisLab, language: Language) -> list[GrantPackShape]:
    """The packs of grant rules, and which of them count today."""
    today = lab.investments.today
    return [_pack(pack, today, language) for pack in lab.investments.packs]


def _sheet(found: EnteredSheet) -> SheetShape:
    return SheetShape(
        trial=found.trial_id, entered=found.entered, by=found.by, sheet=table_of(found.sheet)
    )


def _pack(pack: Pack, today: date, language: str) -> GrantPackShape:
    refusal = pack.refusal(today)
    said = f"subsidy.not_valid.{refusal}" if refusal else "subsidy.valid"
    return GrantPackShape(
        id=pack.id,
        name=pack.name[language],
        issuer=pack.issuer[language],
        fiscal_year=pack.fiscal_year,
        valid_from=pack.valid_from,
        valid_until=pack.valid_until,
        status=pack.status,
        status_text=text(language, f"subsidy.status.{pack.status}"),
        validity=refusal or "valid",
        validity_text=text(language, said),
        source=f"{pack.source.title} ({pack.source.publisher})",
        schemes=[scheme.name[language] for scheme in pack.schemes],
    )
