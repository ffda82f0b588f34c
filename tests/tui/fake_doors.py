"""The fake lab's doors: the same addresses as the controller's, and a client that uses them.

`python -m tests.tui.fake_doors PORT` serves them on a real port, to look at the console by hand.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lab_controller.client import LabClient, Unreachable
from lab_controller.wire import (
    BookingRequestShape,
    BookingShape,
    BucketShape,
    CommandRequest,
    CommandShape,
    Decision,
    DeviceShape,
    EquipmentShape,
    GcodeShape,
    LatchShape,
    PartyShape,
    PersonShape,
    Refusal,
    StreamMessage,
    WindowShape,
)
from lab_controller.wire_ledger import JobLogShape, LeaseShape, SettleRequest, TakeRequest
from lab_controller.wire_stop import ResetRequest, StopRequest
from lab_controller.wire_trials import (
    AmendRequest,
    MeasurementRequest,
    PartRequest,
    RunRequest,
    RunShape,
    TemplateShape,
    TrialRequest,
    TrialShape,
)
from tests.tui import fake_operator, fake_replay
from tests.tui.fake_bookings import WORDS
from tests.tui.fake_lab import ASKED, FakeLab, here

AFTER = {
    "confirm": "confirmed",
    "decline": "declined",
    "cancel": "cancelled",
    "check-in": "checked_in",
    "check-out": "completed",
}


class Refuse(Exception):
    """Answer with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@cache
def doors() -> FastAPI:
    """The doors, the same ones for every lab: building them takes longer than using them."""
    app = FastAPI()
    api = "/api/v1"

    def called(name: str, what: Any = None) -> None:
        here().calls.append((name, what))
        if name in here().refusals:
            raise Refuse(here().refusals[name])

    @app.exception_handler(Refuse)
    async def refused(_: Request, error: Refuse) -> JSONResponse:
        return JSONResponse(error.refusal.model_dump(mode="json"), status_code=409)

    @app.get(f"{api}/devices")
    async def devices() -> list[DeviceShape]:
        called("devices")
        return list(here().devices.values())

    @app.post(f"{api}/devices/{{id}}/reconnect")
    async def reconnect(id: str) -> DeviceShape:
        called("reconnect", id)
        return here().devices[id]

    @app.post(f"{api}/devices/{{id}}/commands")
    async def command(id: str, wanted: CommandRequest) -> CommandShape:
        called("command", (id, wanted.verb, wanted.arguments, wanted.lease, wanted.wait))
        return here().log[0].model_copy(update={"device": id, "verb": wanted.verb, "state": "done"})

    @app.get(f"{api}/commands")
    async def commands(
        device: str | None = None, state: str | None = None, limit: int = 50
    ) -> list[CommandShape]:
        rows = [row for row in here().log if device in (None, row.device)]
        if state == "unsettled":
            return [row for row in rows if row.state == "unknown" and row.settlement is None]
        return [row for row in rows if state in (None, row.state)][:limit]

    @app.get(f"{api}/commands/{{id}}/log")
    async def job_log(id: str) -> JobLogShape:
        called("job_log", id)
        return JobLogShape(command=id, lines=here().job_lines if id == "c4" else [])

    @app.post(f"{api}/commands/{{id}}/settle")
    async def settle(id: str, found: SettleRequest) -> CommandShape:
        called("settle", (id, found.carried_out, found.note))
        return here().settle(id, found.carried_out, found.note)

    @app.post(f"{api}/equipment/{{id}}/take")
    async def take(id: str, wanted: TakeRequest) -> LeaseShape:
        called("take", (id, wanted.reason, wanted.minutes, wanted.kind))
        return here().lease(id, wanted.kind)

    @app.post(f"{api}/equipment/{{id}}/release")
    async def release(id: str) -> LeaseShape:
        called("release", id)
        return here().lease(id, "maintenance")

    @app.post(f"{api}/stop")
    async def stop(wanted: StopRequest) -> dict[str, Any]:
        called("stop", wanted.device)
        if here().stop_hangs:
            await asyncio.Event().wait()
        return here().stop(wanted.device)

    @app.post(f"{api}/stop/reset")
    async def reset(wanted: ResetRequest) -> LatchShape:
        called("reset", (wanted.reason, wanted.device))
        here().lab = here().lab.model_copy(update={"latch": LatchShape(latched=False)})
        return here().lab.latch

    @app.get(f"{api}/telemetry")
    async def telemetry(
        device: str, signal: str, start: datetime, end: datetime, buckets: int
    ) -> WindowShape:
        if "telemetry" in here().refusals:
            called("telemetry", signal)
        step = (end - start) / buckets
        rows = []
        for n in range(buckets):
            mean = None if 0.6 < n / buckets < 0.66 else 25 + 185 * min(1.0, n / buckets * 2)
            mean = mean and mean + (n * 7 % 5) * 0.8
            rows.append(
                BucketShape(
                    start=start + n * step, mean=mean, low=mean, high=mean, count=3, quality="GOOD"
                )
            )
        return WindowShape(device=device, signal=signal, unit="Cel", buckets=rows)

    @app.get(f"{api}/equipment")
    async def equipment() -> list[EquipmentShape]:
        return here().equipment

    @app.get(f"{api}/parties")
    async def parties() -> list[PartyShape]:
        return here().parties

    @app.get(f"{api}/parties/{{id}}/people")
    async def people(id: str) -> list[PersonShape]:
        return [one for one in here().people if one.party == id]

    @app.get(f"{api}/bookings")
    async def bookings(start: datetime, end: datetime) -> list[BookingShape]:
        return [one for one in here().bookings.values() if one.start < end and one.end > start]

    @app.post(f"{api}/bookings")
    async def request(wanted: BookingRequestShape) -> BookingShape:
        called("request", wanted)
        names = {one.id: one.name for one in here().equipment}
        made = (
            here()
            .bookings["b3"]
            .model_copy(
                update={
                    "id": "b9",
                    "number": "1120-009",
                    "start": wanted.start,
                    "end": wanted.end,
                    "equipment": wanted.equipment,
                    "equipment_name": names[wanted.equipment],
                }
            )
        )
        here().bookings["b9"] = made
        return made

    @app.post(f"{api}/bookings/{{id}}/{{step}}")
    async def decide(id: str, step: str, decision: Decision) -> BookingShape:
        called(step, (id, decision))
        update: dict[str, Any] = {"reason": decision.reason}
        if step in AFTER:
            update |= {
                "state": AFTER[step],
                "state_text": WORDS[AFTER[step]] if here().ja else AFTER[step],
            }
        if step in ("arm", "disarm", "check-out"):
            update |= {"armed": step == "arm", "lease": 7 if step == "arm" else None}
        here().bookings[id] = here().bookings[id].model_copy(update=update)
        return here().bookings[id]

    @app.get(f"{api}/trials")
    async def trials() -> list[TrialShape]:
        return list(here().trials.values())

    @app.post(f"{api}/trials")
    async def create(wanted: TrialRequest) -> TrialShape:
        called("create_trial", wanted)
        of = here().bookings[wanted.booking].equipment
        made = TrialShape(id="t2", equipment=of, runs=[], **wanted.model_dump())
        here().trials["t2"] = made
        return made

    @app.post(f"{api}/trials/{{id}}/plan")
    async def amend(id: str, wanted: AmendRequest) -> TrialShape:
        called("amend", wanted)
        more = {"title": wanted.plan.title, "plan_version": 2}
        here().trials[id] = here().trials[id].model_copy(update=more)
        return here().trials[id]

    @app.post(f"{api}/trials/{{id}}/runs")
    async def plan(id: str, wanted: RunRequest) -> RunShape:
        called("plan_run", (id, wanted.condition))
        number = len(here().trials[id].runs) + 1
        made = RunShape(
            id=f"r{number}",
            trial=id,
            number=number,
            condition=wanted.condition,
            state="planned",
            simulated=True,
            started=None,
            ended=None,
            good=0,
            scrap=0,
            rework=0,
            unjudged=0,
            operator="",
        )
        trial = here().trials[id]
        here().trials[id] = trial.model_copy(update={"runs": [*trial.runs, made]})
        return made

    @app.get(f"{api}/trial-templates")
    async def templates() -> list[TemplateShape]:
        return here().templates

    @app.post(f"{api}/trials/{{id}}/dossier")
    async def dossier(id: str) -> dict[str, Any]:
        called("dossier", id)
        return {"trial": id, "files": {"dossier.pdf": 123_000}, "warnings": ["x"]}

    @app.post(f"{api}/trials/{{id}}/report")
    async def report(id: str) -> dict[str, Any]:
        called("report", id)
        return {"trial": id, "files": {"report.pdf": 1000, "report.xlsx": 2000}}

    fake_replay.install(app, api)
    fake_operator.install(app, api)

    @app.post(f"{api}/runs/{{id}}/parts")
    async def count(id: str, part: PartRequest) -> RunShape:
        called("count", (id, part.verdict))
        run = here().move_run(id)
        update = {
            part.verdict: getattr(run, part.verdict) + 1,
            "unjudged": max(0, run.unjudged - 1),
        }
        return here().move_run(id, **update)

    @app.post(f"{api}/runs/{{id}}/measurements")
    async def measure(id: str, wanted: MeasurementRequest) -> RunShape:
        called("measure", (id, wanted))
        return here().move_run(id)

    @app.post(f"{api}/runs/{{id}}/notes")
    async def note(id: str, wanted: dict[str, str]) -> RunShape:
        called("note", (id, wanted["text"]))
        return here().move_run(id)

    @app.post(f"{api}/runs/{{id}}/{{step}}")
    async def move(id: str, step: str, wanted: dict[str, str]) -> RunShape:
        called(step, (id, wanted["reason"]))
        states = {"start": "running", "pause": "paused", "resume": "running"}
        states |= {"finish": "finished", "abort": "aborted"}
        more = {"started": here().now} if step == "start" else {}
        return here().move_run(id, state=states[step], cause=wanted["reason"], **more)

    @app.get(f"{api}/gcode")
    async def files() -> list[GcodeShape]:
        return here().gcode

    @app.post(f"{api}/gcode")
    async def upload(file: UploadFile) -> GcodeShape:
        called("upload", (file.filename, await file.read()))
        here().gcode.append(GcodeShape(id="f2", name=file.filename or "", lines=3))
        return here().gcode[-1]

    @app.websocket(f"{api}/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text(
                    here().frame("bookings", "trials", "commands").model_dump_json()
                )
                await asyncio.sleep(1)
                here().now += timedelta(seconds=1)
        except (WebSocketDisconnect, RuntimeError):
            return

    return app


def app_of(lab: FakeLab) -> ASGIApp:
    """The doors to one lab."""

    async def opened(scope: Scope, receive: Receive, send: Send) -> None:
        ASKED.set(lab)
        await doors()(scope, receive, send)

    return opened


class FakeClient(LabClient):
    """A client of the fake lab: its doors in this process, its stream from the test's hand."""

    def __init__(self, lab: FakeLab, language: str = "ja") -> None:
        transport = httpx.ASGITransport(app=app_of(lab))
        super().__init__("http://testserver", "token", language=language, transport=transport)
        self.lab_behind = lab
        self.frames: asyncio.Queue[StreamMessage | None] = asyncio.Queue()
        self.frames.put_nowait(lab.frame())

    def tell(self, *changed: str) -> None:
        """Send a frame to the console."""
        self.frames.put_nowait(self.lab_behind.frame(*changed))

    def lose(self) -> None:
        """The lab goes away."""
        self.frames.put_nowait(None)

    async def stream(self) -> AsyncIterator[StreamMessage]:
        while True:
            frame = await self.frames.get()
            if frame is None:
                raise Unreachable(self.url)
            yield frame


if __name__ == "__main__":
    uvicorn.run(app_of(FakeLab(sys.argv[2] if len(sys.argv) > 2 else "ja")), port=int(sys.argv[1]))
