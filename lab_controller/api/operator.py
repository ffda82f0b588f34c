"""What the one at the machine enters during a run: one key or one barcode each."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Depends

from lab_controller.api import trial_shapes as shapes
from lab_controller.api.auth import staff
from lab_controller.api.lab import Issuer, Language, ThisLab
from lab_controller.bootstrap import Lab
from lab_controller.i18n import text
from lab_controller.replay_words import cause_names, word
from lab_controller.services.operators import RunFloor
from lab_controller.wire_operator import (
    ConsumableRequest,
    CorrectionRequest,
    FloorShape,
    KeyShape,
    ModeRequest,
    ScanRequest,
    ScanShape,
    SerialRequest,
    StoodShape,
    StopCauseRequest,
    UndoRequest,
)
from lab_controller.wire_trials import RunShape
from trial_logs.context import Mode
from trial_logs.model import Verdict
from trial_logs.scanning import Key, Kind, Meaning
from trial_logs.stamps import from_us
from trial_logs.times import Stop

router = APIRouter(dependencies=[Depends(staff)])

WORDS: Mapping[Kind, str] = {Kind.PART: "verdict", Kind.MODE: "run_mode", Kind.STOP_CAUSE: "cause"}
"""Which kind of word says the value of a code."""


@router.get("/runs/{run}/floor")
async def floor(run: str, lab: ThisLab, language: Language) -> FloorShape:
    """Mode, stops so far and the codes the run knows."""
    found = await lab.operators.floor(run)
    return FloorShape(
        run=run,
        mode=found.mode,
        mode_text=word("run_mode", found.mode, language),
        element=found.element,
        stops=[_stop(lab, found, one, language) for one in found.stops],
        keys=[_key(one, language) for one in found.keys],
        undo_part=found.undo_part,
    )


@router.post("/runs/{run}/mode")
async def set_mode(
    run: str, wanted: ModeRequest, lab: ThisLab, by: Issuer, language: Language
) -> RunShape:
    """Say what the equipment is used for from now on."""
    return shapes.run(await lab.operators.set_mode(run, Mode(wanted.mode), by=by), language)


@router.post("/runs/{run}/stop-causes")
async def explain(
    run: str, wanted: StopCauseRequest, lab: ThisLab, by: Issuer, language: Language
) -> RunShape:
    """Say why a machine stood still."""
    found = await lab.operators.explain(
        run, wanted.cause, wanted.text, by=by, device=wanted.device, at=wanted.at
    )
    return shapes.run(found, language)


@router.post("/runs/{run}/consumables")
async def use(
    run: str, wanted: ConsumableRequest, lab: ThisLab, by: Issuer, language: Language
) -> RunShape:
    """Write down what was used up."""
    found = await lab.operators.use(
        run, wanted.name, wanted.amount, wanted.unit, by=by, why=wanted.why
    )
    return shapes.run(found, language)


@router.post("/runs/{run}/serials")
async def mark(
    run: str, wanted: SerialRequest, lab: ThisLab, by: Issuer, language: Language
) -> RunShape:
    """Give a part its mark."""
    return shapes.run(
        await lab.operators.mark(run, wanted.serial, by=by, part=wanted.part), language
    )


@router.post("/runs/{run}/undo")
async def undo(
    run: str, wanted: UndoRequest, lab: ThisLab, by: Issuer, language: Language
) -> RunShape:
    """Take back the newest part or verdict a person gave."""
    return shapes.run(await lab.operators.undo(run, by=by, why=wanted.why), language)


@router.post("/runs/{run}/corrections")
async def correct(
    run: str, wanted: CorrectionRequest, lab: ThisLab, by: Issuer, language: Language
) -> RunShape:
    """A later word on a part or a measurement; the first one stays in the record."""
    found = await lab.operators.correct(
        run,
        wanted.about,
        wanted.row,
        by=wanted.by.strip() or by,
        why=wanted.why,
        verdict=Verdict(wanted.verdict) if wanted.verdict else None,
        value=wanted.value,
    )
    return shapes.run(found, language)


@router.post("/runs/{run}/scan")
async def scan(
    run: str, wanted: ScanRequest, lab: ThisLab, by: Issuer, language: Language
) -> ScanShape:
    """Do what one barcode or one key stands for."""
    done = await lab.operators.scan(run, wanted.code, by=by)
    found = await lab.operators.floor(run)
    name = next((one.name for one in found.keys if one.meaning == done.meaning and one.name), "")
    said = name or _value(done.meaning, language)
    return ScanShape(
        kind=done.meaning.kind,
        value=done.meaning.value,
        text=text(language, f"scan.{done.meaning.kind}", {"value": said}),
        run=shapes.run(done.run, language),
    )


def _key(key: Key, language: str) -> KeyShape:
    name = key.name or _value(key.meaning, language) or text(language, f"key.{key.meaning.kind}")
    return KeyShape(code=key.code, kind=key.meaning.kind, value=key.meaning.value, name=name)


def _value(meaning: Meaning, language: str) -> str:
    kind = WORDS.get(meaning.kind)
    return word(kind, meaning.value, language) if kind else meaning.value


def _stop(lab: Lab, found: RunFloor, stop: Stop, language: str) -> StoodShape:
    names = cause_names(found.header)
    device = lab.devices.get(stop.device)
    return StoodShape(
        device=stop.device,
        device_name=device.name.in_language(language) if device else stop.device,
        at=from_us(stop.t0_us),
        seconds=stop.seconds,
        kind=stop.kind,
        kind_text=word("spell", stop.kind, language),
        micro=stop.micro,
        ended=stop.ended,
        cause=stop.cause,
        cause_text=names.get(f"cause.{stop.cause}", word("cause", stop.cause, language)),
        text=stop.text,
        explained_by=stop.explained_by,
    )
