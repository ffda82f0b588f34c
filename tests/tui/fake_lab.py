"""A lab that exists only as wire shapes, with a frozen clock."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from lab_controller.wire import (
    CommandShape,
    GcodeShape,
    LabShape,
    LatchShape,
    Refusal,
    SettlementShape,
    StreamMessage,
)
from lab_controller.wire_ledger import LeaseShape
from lab_controller.wire_trials import RunShape, TemplateShape
from tests.tui import fake_bookings, fake_devices, fake_trials
from tests.tui.fake_day import NOW, at

Own = TypeVar("Own")


class FakeLab:
    """The lab's state, and what has been asked of it (`calls`)."""

    def __init__(self, language: str = "ja", *, simulated: bool = True) -> None:
        self.ja = language == "ja"
        self.calls: list[tuple[str, Any]] = []
        self.refusals: dict[str, Refusal] = {}
        self.stop_hangs = False
        self.now = NOW
        self.lab = LabShape(
            name=self.say("まちこば DX ラボ", "Machi-koba DX Lab"),
            language=language,
            timezone="Asia/Tokyo",
            now=NOW,
            factor=1.0,
            simulated=simulated,
            permit=True,
            latch=LatchShape(latched=False),
        )
        self.equipment = fake_devices.equipment(self.say)
        self.devices = {one.id: one for one in fake_devices.devices(self.say)}
        self.parties = fake_bookings.parties(self.say)
        self.people = fake_bookings.people(self.say)
        self.bookings = {one.id: one for one in fake_bookings.bookings(self.say, self.equipment)}
        self.trials = {one.id: one for one in fake_trials.trials(self.say)}
        self.gcode = [
            GcodeShape(
                id="f1", name="jig_clip_020.gcode", lines=18234, seconds=344.1, filament_g=1.64
            )
        ]
        self.templates: list[TemplateShape] = []
        self.log = self._log()
        self.job_lines = ["N1 G28*18", "N2 G1 X10 Y10 F3000*71", "ok"]

        self._own: dict[Callable[[FakeLab], Any], Any] = {}

    def say(self, ja: str, en: str) -> str:
        """Of two texts the one in this lab's language."""
        return ja if self.ja else en

    def own(self, kind: Callable[[FakeLab], Own]) -> Own:
        """What this lab has one of, made when it is first asked for."""
        if kind not in self._own:
            self._own[kind] = kind(self)
        return cast("Own", self._own[kind])

    def _log(self) -> list[CommandShape]:
        def row(
            n: int, device: str, verb: str, state: str, hour: float, **more: Any
        ) -> CommandShape:
            plain: dict[str, Any] = {"issuer": "staff", "lease": 7, "arguments": {}}
            plain |= {"code": "", "answer": ""}
            return CommandShape(
                id=f"c{n}",
                device=device,
                device_name=self.devices[device].name,
                verb=verb,
                issued=at(hour),
                state=state,
                closed=None if state == "sent" else at(hour + 0.002),
                **(plain | more),
            )

        timed_out = self.say(
            "返事がありませんでした。実行されたか分かりません。",
            "No answer in time: nobody knows whether it was carried out.",
        )
        refused = self.say("今は受け付けられません。", "Not now.")
        return [
            row(5, "cobot1", "stop", "done", 10.27, issuer="interlock:door", lease=None),
            row(4, "printer1", "print_file", "sent", 10.25, arguments={"name": "jig.gcode"}),
            row(3, "printer1", "home", "unknown", 10.2, code="driver.timeout", text=timed_out),
            row(2, "printer1", "set_hotend", "refused", 10.18, text=refused),
            row(1, "plug1", "turn_on", "done", 10.0, answer="on"),
        ]

    def settle(self, id: str, carried_out: bool, note: str) -> CommandShape:
        """What became of a lost outcome."""
        outcome = "carried_out" if carried_out else "not_carried_out"
        found = SettlementShape(outcome=outcome, text="", by="staff", at=self.now, note=note)
        changed = [
            one.model_copy(update={"settlement": found}) if one.id == id else one
            for one in self.log
        ]
        self.log = changed
        return next(one for one in changed if one.id == id)

    def lease(self, equipment: str, kind: str) -> LeaseShape:
        """Equipment taken by staff."""
        name = next(one.name for one in self.equipment if one.id == equipment)
        return LeaseShape(
            number=8,
            equipment=equipment,
            equipment_name=name,
            kind=kind,
            holder="staff",
            by="staff",
            why="",
            granted=self.now,
            until=self.now,
            ended=None,
            end_reason="",
            end_text="",
            ended_by="",
            note="",
        )

    # -- what changes -------------------------------------------------------------------------

    def frame(self, *changed: str) -> StreamMessage:
        """A whole frame."""
        lab = self.lab.model_copy(update={"now": self.now})
        return StreamMessage(
            now=self.now, lab=lab, devices=list(self.devices.values()), changed=list(changed)
        )

    def stop(self, device: str | None) -> dict[str, Any]:
        """Latch, and say what became of each device."""
        scopes = [device] if device else ["lab"]
        latch = LatchShape(latched=True, scopes=scopes, by="staff", at=self.now, cause="pressed")
        self.lab = self.lab.model_copy(update={"latch": latch})
        outcomes = {"printer1": "CONFIRMED", "plug1": "SENT", "cobot1": "FAILED"}
        rows = [
            {
                "device": id,
                "name": self.devices[id].name,
                "outcome": outcome,
                "detail": self.say("ソフトからは止められません。", "Software cannot stop it.")
                if outcome == "FAILED"
                else "",
                "estop": self.devices[id].estop,
            }
            for id, outcome in outcomes.items()
            if device in (None, id)
        ]
        who = {"id": "s1", "device": device, "by": "staff", "reason": "", "cause": "pressed"}
        return {**who, "at": self.now, "latch": latch, "devices": rows, "notice": ""}

    def move_run(self, id: str, **update: Any) -> RunShape:
        """A run, changed."""
        for trial in self.trials.values():
            runs = [one.model_copy(update=update) if one.id == id else one for one in trial.runs]
            if runs != trial.runs or any(one.id == id for one in runs):
                self.trials[trial.id] = trial.model_copy(update={"runs": runs})
                return next(one for one in runs if one.id == id)
        raise KeyError(id)


ASKED: ContextVar[FakeLab] = ContextVar("asked")


def here() -> FakeLab:
    """The lab whose door is open just now: the doors are built once for all of them."""
    return ASKED.get()
