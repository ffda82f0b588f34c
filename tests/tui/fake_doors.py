"""The fake lab's doors: the same addresses as the controller's, and a client that uses them.

`python -m tests.tui.fake_doors PORT` serves them on a real port, to look at the console by hand.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

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
    MeasurementRequest,
    PartRequest,
    RunRequest,
    RunShape,
    TemplateShape,
    TrialRequest,
    TrialShape,
)
from tests.tui import fake_operator, fake_replay
from tests.tui.fake_lab import WORDS, FakeLab

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


def app_of(lab: FakeLab) -> FastAPI:
    """The doors."""
    app = FastAPI()
    api = "/api/v1"

    def called(name: str, what: Any = None) -> None:
        lab.calls.append((name, what))
        if name in lab.refusals:
            raise Refuse(lab.refusals[name])

    @app.exception_handler(Refuse)
    async def refused(_: Request, error: Refuse) -> JSONResponse:
        return JSONResponse(error.refusal.model_dump(mode="json"), status_code=409)

    @app.get(f"{api}/devices")
    async def devices() -> list[DeviceShape]:
        called("devices")
        return list(lab.devices.values())

    @app.post(f"{api}/devices/{{id}}/reconnect")
    async def reconnect(id: str) -> DeviceShape:
        called("reconnect", id)
        return lab.devices[id]

    @app.post(f"{api}/devices/{{id}}/commands")
    async def command(id: str, wanted: CommandRequest) -> CommandShape:
        called("command", (id, wanted.verb, wanted.arguments, wanted.lease, wanted.wait))
        return lab.log[0].model_copy(update={"device": id, "verb": wanted.verb, "state": "done"})

    @app.get(f"{api}/commands")
    async def commands(
        device: str | None = None, state: str | None = None, limit: int = 50
    ) -> list[CommandShape]:
        rows = [row for row in lab.log if device in (None, row.device)]
        if state == "unsettled":
            return [row for row in rows if row.state == "unknown" and row.settlement is None]
        return [row for row in rows if state in (None, row.state)][:limit]

    @app.get(f"{api}/commands/{{id}}/log")
    async def job_log(id: str) -> JobLogShape:
        called("job_log", id)
        return JobLogShape(command=id, lines=lab.job_lines if id == "c4" else [])

    @app.post(f"{api}/commands/{{id}}/settle")
    async def settle(id: str, found: SettleRequest) -> CommandShape:
        called("settle", (id, found.carried_out, found.note))
        return lab.settle(id, found.carried_out, found.note)

    @app.post(f"{api}/equipment/{{id}}/take")
    async def take(id: str, wanted: TakeRequest) -> LeaseShape:
        called("take", (id, wanted.reason, wanted.minutes, wanted.kind))
        return lab.lease(id, wanted.kind)

    @app.post(f"{api}/equipment/{{id}}/release")
    async def release(id: str) -> LeaseShape:
        called("release", id)
        return lab.lease(id, "maintenance")

    @app.post(f"{api}/stop")
    async def stop(wanted: StopRequest) -> dict[str, Any]:
        called("stop", wanted.device)
        if lab.stop_hangs:
            await asyncio.Event().wait()
        return lab.stop(wanted.device)

    @app.post(f"{api}/stop/reset")
    async def reset(wanted: ResetRequest) -> LatchShape:
        called("reset", (wanted.reason, wanted.device))
        lab.lab = lab.lab.model_copy(update={"latch": LatchShape(latched=False)})
        return lab.lab.latch

    @app.get(f"{api}/telemetry")
    async def telemetry(
        device: str, signal: str, start: datetime, end: datetime, buckets: int
    ) -> WindowShape:
        if "telemetry" in lab.refusals:
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
        return lab.equipment

    @app.get(f"{api}/parties")
    async def parties() -> list[PartyShape]:
        return lab.parties

    @app.get(f"{api}/parties/{{id}}/people")
    async def people(id: str) -> list[PersonShape]:
        return [one for one in lab.people if one.party == id]

    @app.get(f"{api}/bookings")
    async def bookings(start: datetime, end: datetime) -> list[BookingShape]:
        return [one for one in lab.bookings.values() if one.start < end and one.end > start]

    @app.post(f"{api}/bookings")
    async def request(wanted: BookingRequestShape) -> BookingShape:
        called("request", wanted)
        names = {one.id: one.name for one in lab.equipment}
        made = lab.bookings["b3"].model_copy(
            update={
                "id": "b9",
                "number": "1120-009",
                "start": wanted.start,
                "end": wanted.end,
                "equipment": wanted.equipment,
                "equipment_name": names[wanted.equipment],
            }
        )
        lab.bookings["b9"] = made
        return made

    @app.post(f"{api}/bookings/{{id}}/{{step}}")
    async def decide(id: str, step: str, decision: Decision) -> BookingShape:
        called(step, (id, decision))
        update: dict[str, Any] = {"reason": decision.reason}
        if step in AFTER:
            update |= {
                "state": AFTER[step],
                "state_text": WORDS[AFTER[step]] if lab.ja else AFTER[step],
            }
        if step in ("arm", "disarm", "check-out"):
            update |= {"armed": step == "arm", "lease": 7 if step == "arm" else None}
        lab.bookings[id] = lab.bookings[id].model_copy(update=update)
        return lab.bookings[id]

    @app.get(f"{api}/trials")
    async def trials() -> list[TrialShape]:
        return list(lab.trials.values())

    @app.post(f"{api}/trials")
    async def create(wanted: TrialRequest) -> TrialShape:
        called("create_trial", wanted)
        of = lab.bookings[wanted.booking].equipment
        made = TrialShape(id="t2", equipment=of, runs=[], **wanted.model_dump())
        lab.trials["t2"] = made
        return made

    @app.post(f"{api}/trials/{{id}}/runs")
    async def plan(id: str, wanted: RunRequest) -> RunShape:
        called("plan_run", (id, wanted.condition))
        number = len(lab.trials[id].runs) + 1
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
        trial = lab.trials[id]
        lab.trials[id] = trial.model_copy(update={"runs": [*trial.runs, made]})
        return made

    @app.get(f"{api}/trial-templates")
    async def templates() -> list[TemplateShape]:
        return lab.templates

    @app.post(f"{api}/trials/{{id}}/dossier")
    async def dossier(id: str) -> dict[str, Any]:
        called("dossier", id)
        return {"trial": id, "files": {"dossier.pdf": 123_000}, "warnings": ["x"]}

    @app.post(f"{api}/trials/{{id}}/report")
    async def report(id: str) -> dict[str, Any]:
        called("report", id)
        return {"trial": id, "files": {"report.pdf": 1000, "report.xlsx": 2000}}

    fake_replay.install(app, api, lab)
    fake_operator.install(app, api, lab)

    @app.post(f"{api}/runs/{{id}}/parts")
    async def count(id: str, part: PartRequest) -> RunShape:
        called("count", (id, part.verdict))
        run = lab.move_run(id)
        update = {
            part.verdict: getattr(run, part.verdict) + 1,
            "unjudged": max(0, run.unjudged - 1),
        }
        return lab.move_run(id, **update)

    @app.post(f"{api}/runs/{{id}}/measurements")
    async def measure(id: str, wanted: MeasurementRequest) -> RunShape:
        called("measure", (id, wanted))
        return lab.move_run(id)

    @app.post(f"{api}/runs/{{id}}/notes")
    async def note(id: str, wanted: dict[str, str]) -> RunShape:
        called("note", (id, wanted["text"]))
        return lab.move_run(id)

    @app.post(f"{api}/runs/{{id}}/{{step}}")
    async def move(id: str, step: str, wanted: dict[str, str]) -> RunShape:
        called(step, (id, wanted["reason"]))
        states = {"start": "running", "pause": "paused", "resume": "running"}
        states |= {"finish": "finished", "abort": "aborted"}
        more = {"started": lab.now} if step == "start" else {}
        return lab.move_run(id, state=states[step], cause=wanted["reason"], **more)

    @app.get(f"{api}/gcode")
    async def files() -> list[GcodeShape]:
        return lab.gcode

    @app.post(f"{api}/gcode")
    async def upload(file: UploadFile) -> GcodeShape:
        called("upload", (file.filename, await file.read()))
        lab.gcode.append(GcodeShape(id="f2", name=file.filename or "", lines=3))
        return lab.gcode[-1]

    @app.websocket(f"{api}/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text(
                    lab.frame("bookings", "trials", "commands").model_dump_json()
                )
                await asyncio.sleep(1)
                lab.now += timedelta(seconds=1)
        except (WebSocketDisconnect, RuntimeError):
            return

    return app


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
