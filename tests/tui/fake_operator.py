"""What the fake lab lets the one at the machine enter: one stop waits for its cause."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from lab_controller.wire import Refusal
from lab_controller.wire_operator import (
    ConsumableRequest,
    FloorShape,
    KeyShape,
    ModeRequest,
    ScanRequest,
    ScanShape,
    StoodShape,
    StopCauseRequest,
    UndoRequest,
)
from lab_controller.wire_trials import RunShape
from tests.tui.fake_lab import FakeLab, here

CODES = {"GOOD": "good", "SCRAP": "scrap", "REWORK": "rework"}


class Floor:
    """Mode and stops of the run under way."""

    def __init__(self, lab: FakeLab) -> None:
        self.lab, self.mode = lab, "production"
        w = lab.say
        self.causes = [
            ("filament", w("材料切れ", "filament out")),
            ("warp", w("反り・はがれ", "warped")),
            ("other", w("その他", "other")),
        ]
        self.modes = {
            "production": w("本番生産", "production"),
            "setup": w("段取り", "set-up"),
            "trial": w("条件出し", "finding settings"),
            "maintenance": w("保守", "maintenance"),
        }
        self.stop = StoodShape(
            device="printer1",
            device_name=lab.devices["printer1"].name,
            at=lab.now - timedelta(minutes=4),
            seconds=95.0,
            kind="fault",
            kind_text=w("異常停止", "fault stop"),
            micro=True,
            ended=True,
            cause="",
            cause_text="",
            text="",
            explained_by="",
        )

    def shape(self, run: str) -> FloorShape:
        """As it stands."""
        keys = [
            KeyShape(code=code, kind="part", value=value, name=value)
            for code, value in CODES.items()
        ]
        keys += [
            KeyShape(code=f"STOP-{code.upper()}", kind="stop_cause", value=code, name=name)
            for code, name in self.causes
        ]
        mode_text = self.modes[self.mode]
        return FloorShape(
            run=run,
            mode=self.mode,
            mode_text=mode_text,
            element="setup" if self.mode == "setup" else "production",
            stops=[self.stop],
            keys=keys,
            undo_part=41,
        )


def install(app: FastAPI, api: str) -> None:
    """The doors to it."""

    @app.get(f"{api}/runs/{{id}}/floor")
    async def shape(id: str) -> FloorShape:
        return here().own(Floor).shape(id)

    @app.post(f"{api}/runs/{{id}}/mode")
    async def mode(id: str, wanted: ModeRequest) -> RunShape:
        here().calls.append(("mode", wanted.mode))
        here().own(Floor).mode = wanted.mode
        return here().move_run(id)

    @app.post(f"{api}/runs/{{id}}/stop-causes")
    async def cause(id: str, wanted: StopCauseRequest) -> RunShape:
        here().calls.append(("cause", (wanted.cause, wanted.text, wanted.device, wanted.at)))
        here().own(Floor).stop = here().own(Floor).stop.model_copy(update={"explained_by": "staff"})
        return here().move_run(id)

    @app.post(f"{api}/runs/{{id}}/consumables")
    async def use(id: str, wanted: ConsumableRequest) -> RunShape:
        here().calls.append(("use", (wanted.name, wanted.amount, wanted.unit)))
        return here().move_run(id)

    @app.post(f"{api}/runs/{{id}}/undo")
    async def undo(id: str, wanted: UndoRequest) -> RunShape:
        here().calls.append(("undo", wanted.why))
        return here().move_run(id)

    @app.post(f"{api}/runs/{{id}}/scan", response_model=ScanShape)
    async def scan(id: str, wanted: ScanRequest) -> Any:
        here().calls.append(("scan", wanted.code))
        verdict = CODES.get(wanted.code.upper())
        if verdict is None:
            text = here().say(
                f"「{wanted.code}」は知らない番号です。一覧の番号を読ませてください。",
                f"“{wanted.code}” is no known code. Read one of the list.",
            )
            body = Refusal(code="trial.unknown_code", text=text).model_dump(mode="json")
            return JSONResponse(body, status_code=404)
        run = next(one for trial in here().trials.values() for one in trial.runs if one.id == id)
        after = here().move_run(id, **{verdict: getattr(run, verdict) + 1})
        text = here().say("1個を記録しました", "one part recorded")
        return ScanShape(kind="part", value=verdict, text=text, run=after)
