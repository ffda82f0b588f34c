"""A lab that exists only as wire shapes, with a frozen clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lab_controller.wire import (
    BookingShape,
    CommandShape,
    DeviceShape,
    EquipmentShape,
    GcodeShape,
    LabShape,
    LatchShape,
    PartyShape,
    PersonShape,
    ProblemShape,
    ReadingShape,
    Refusal,
    SettlementShape,
    StreamMessage,
)
from lab_controller.wire_ledger import LeaseShape
from lab_controller.wire_trials import (
    ConditionLeftShape,
    ConditionShape,
    LimitShape,
    PlanLeftShape,
    PlannedShape,
    ProtocolShape,
    RunShape,
    TemplateShape,
    TrialShape,
)

NOW = datetime(2026, 11, 20, 1, 23, 45, tzinfo=UTC)  # 10:23:45 in Tokyo
WORDS = {
    "requested": "申込み中",
    "confirmed": "確定",
    "checked_in": "来館中",
    "completed": "利用済み",
    "declined": "お断り",
    "cancelled": "取消し",
}


def at(hour: float, day: int = 20) -> datetime:
    """An hour of the frozen day, Tokyo time."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour - 9)


class FakeLab:
    """The lab's state, and what has been asked of it (`calls`)."""

    def __init__(self, language: str = "ja", *, simulated: bool = True) -> None:
        self.ja = language == "ja"
        self.calls: list[tuple[str, Any]] = []
        self.refusals: dict[str, Refusal] = {}
        self.stop_hangs = False
        self.now = NOW
        self.lab = LabShape(
            name=self._w("まちこば DX ラボ", "Machi-koba DX Lab"),
            language=language,
            timezone="Asia/Tokyo",
            now=NOW,
            factor=1.0,
            simulated=simulated,
            permit=True,
            latch=LatchShape(latched=False),
        )
        self.equipment = self._equipment()
        self.devices = {one.id: one for one in self._devices()}
        self.parties = self._parties()
        self.people = self._people()
        self.bookings = {one.id: one for one in self._bookings()}
        self.trials = {one.id: one for one in self._trials()}
        self.gcode = [
            GcodeShape(
                id="f1", name="jig_clip_020.gcode", lines=18234, seconds=344.1, filament_g=1.64
            )
        ]
        self.templates: list[TemplateShape] = []
        self.log = self._log()
        self.job_lines = ["N1 G28*18", "N2 G1 X10 Y10 F3000*71", "ok"]

    def _w(self, ja: str, en: str) -> str:
        return ja if self.ja else en

    # -- what is there ------------------------------------------------------------------------

    def _equipment(self) -> list[EquipmentShape]:
        def one(id: str, name: str, devices: list[str]) -> EquipmentShape:
            return EquipmentShape(
                id=id,
                name=name,
                category="",
                vendor="",
                model="",
                summary="",
                abilities=[],
                devices=devices,
                qualification=None,
                fee_yen_per_hour=0,
                min_minutes=30,
                max_minutes=240,
                step_minutes=30,
            )

        return [
            one(
                "fdm",
                self._w("3Dプリンター作業台(FDM)", "FDM printer bench"),
                ["printer1", "plug1"],
            ),
            one("cell", self._w("協働ロボットセル", "Cobot cell"), ["cobot1"]),
            one("iot", self._w("見える化 IoT キット", "IoT retrofit kit"), []),
        ]

    def _devices(self) -> list[DeviceShape]:
        def one(id: str, name: str, kind: str, connection: str, **more: Any) -> DeviceShape:
            plain: dict[str, Any] = {
                "equipment": None,
                "link": "online",
                "link_text": "",
                "operation": "ready",
                "safety": "none",
                "may_actuate": True,
                "lease": None,
                "lease_holder": None,
                "stop_means": "",
                "stoppable": True,
                "estop": "",
                "outcome_unknown": "",
                "detail": {},
                "readings": [],
                "commands": [],
                "job": None,
                "messages": [],
            }
            return DeviceShape(id=id, name=name, kind=kind, connection=connection, **(plain | more))

        def value(
            signal: str, value: float | None, unit: str, age: float = 0.8, **more: Any
        ) -> Any:
            quality = "GOOD" if value is not None else "BAD"
            found: dict[str, Any] = {"quality": quality, "stale": False, "precision": 1}
            return ReadingShape(signal=signal, value=value, unit=unit, age_s=age, **(found | more))

        return [
            one(
                "printer1",
                self._w("3Dプリンター1号", "Printer 1"),
                "printer3d",
                "printer1",
                equipment="fdm",
                operation="busy",
                lease=7,
                lease_holder="b2",
                stop_means=self._w(
                    "M112 で止め、電源プラグを切ります。", "M112, then its plug off."
                ),
                estop=self._w("プリンター正面右の赤いボタン", "red button, front right"),
                detail={"job": "jig_clip_020.gcode", "firmware": "Marlin 2.1"},
                readings=[
                    value("hotend_temp", 209.8, "Cel"),
                    value("hotend_target", 210.0, "Cel", precision=0),
                    value("bed_temp", 59.9, "Cel"),
                    value("bed_target", 60.0, "Cel", precision=0),
                    value("progress", 45.2, "%"),
                    value("lines_sent", 8241, "1", precision=0),
                    value("resends", 3, "1", precision=0),
                ],
                commands=[
                    "cancel",
                    "home",
                    "pause",
                    "print_file",
                    "resume",
                    "set_bed",
                    "set_hotend",
                ],
                interlocks=[
                    {
                        "id": "cool",
                        "name": self._w("室温が高すぎない", "Room not too warm"),
                        "ok": True,
                        "limit": self._w("部屋の温湿度 室温 < 45 Cel", "Room temperature < 45 Cel"),
                    }
                ],
                job={
                    "command": "c1",
                    "fraction": 0.452,
                    "counts": {"lines_sent": 8241, "resends": 3},
                },
            ),
            one(
                "plug1",
                self._w("プリンターの電源プラグ", "Printer's plug"),
                "plug",
                "hub1",
                equipment="fdm",
                lease=7,
                lease_holder="b2",
                operation="ready",
                stop_means=self._w("電源を切ります。", "Switches the power off."),
                estop=self._w("壁のコンセント A-3", "wall socket A-3"),
                readings=[
                    value("power", 182.4, "W", 2.0),
                    value("energy", 12.3456, "kW.h", 2.0, precision=4),
                ],
                commands=["refresh", "turn_off", "turn_on"],
            ),
            one(
                "cobot1",
                self._w("協働ロボット1号", "Cobot 1"),
                "robot",
                "cobot1",
                equipment="cell",
                operation="unknown",
                safety="unknown",
                link="backoff",
                link_text=self._w("再接続待ち", "retrying"),
                may_actuate=False,
                stop_means=self._w("ソフトからは止められません。", "Software cannot stop it."),
                stoppable=False,
                estop=self._w(
                    "セル入口の柱とティーチングペンダント", "post at the cell's entrance"
                ),
                detail={"program": "pick_and_place"},
                readings=[
                    value("cycle_time", 12.41, "s", 95, precision=2, stale=True),
                    value("parts_good", 41, "1", 95, precision=0, stale=True),
                    value("power", None, "W", 95, stale=True),
                    *(value(f"axis_{n}", 10.0 * n, "deg", 95, stale=True) for n in range(1, 7)),
                ],
                commands=["hold", "load_program", "resume", "start_program", "stop_program"],
            ),
            one(
                "room",
                self._w("部屋の温湿度", "Room climate"),
                "sensors",
                "hub1",
                readings=[
                    value("temperature", 22.4, "Cel", 4),
                    value("humidity", 41.0, "%", 4),
                    value("vibration", 0.3, "mm/s", 4, quality="UNCERTAIN"),
                    value("door", 0.0, "1", 4, precision=0),
                ],
                commands=["refresh"],
            ),
        ]

    def _parties(self) -> list[PartyShape]:
        names = [
            ("sakura", self._w("さくら精密", "Sakura Precision")),
            ("ota", self._w("大田ばね工業", "Ota Spring")),
            ("minami", self._w("南六郷プレス", "Minami Press")),
        ]
        return [PartyShape(id=id, name=name, kana="", role="factory") for id, name in names]

    def _people(self) -> list[PersonShape]:
        return [
            PersonShape(
                id="p1",
                party="sakura",
                name=self._w("佐倉 健一", "K. Sakura"),
                qualifications=["fdm"],
            ),
            PersonShape(id="p2", party="ota", name=self._w("大田 恵", "M. Ota"), qualifications=[]),
        ]

    def _bookings(self) -> list[BookingShape]:
        equipment = {one.id: one.name for one in self.equipment}
        parties = {one.id: one.name for one in self.parties}
        purpose = self._w("印刷した治具で置き換えられるか", "Can a printed jig replace it?")

        def one(
            id: str, of: str, party: str, span: tuple[float, float], state: str, **more: Any
        ) -> BookingShape:
            plain: dict[str, Any] = {"operator": None, "operator_name": "", "purpose": purpose}
            plain |= {"head_count": 2, "contact": "", "phone": "03-0000-0000"}
            return BookingShape(
                id=id,
                number=f"1120-{id[1:].zfill(3)}",
                equipment=of,
                equipment_name=equipment[of],
                party=party,
                party_name=parties[party],
                start=at(span[0]),
                end=at(span[1]),
                state=state,
                state_text=WORDS[state] if self.ja else state,
                public_state="",
                **(plain | more),
            )

        return [
            one("b1", "fdm", "ota", (8, 9.5), "completed"),
            one(
                "b2",
                "fdm",
                "sakura",
                (10, 12),
                "checked_in",
                operator="p1",
                head_count=4,
                operator_name=self.people[0].name,
                contact=self.people[0].name,
                armed=True,
                lease=7,
                lease_until=at(12),
                trial="t1",
            ),
            one("b3", "fdm", "ota", (13.5, 15), "requested"),
            one("b4", "cell", "minami", (9, 10), "checked_in"),
            one("b5", "cell", "sakura", (14, 16), "confirmed"),
            one("b6", "iot", "ota", (11, 13), "requested"),
            one(
                "b7",
                "iot",
                "minami",
                (15, 17),
                "declined",
                reason=self._w("点検のため", "maintenance"),
            ),
        ]

    def _trials(self) -> list[TrialShape]:
        def run(id: str, number: int, condition: str, state: str, **more: Any) -> RunShape:
            plain: dict[str, Any] = {"started": None, "ended": None, "good": 0, "scrap": 0}
            plain |= {"rework": 0, "unjudged": 0, "operator": "", "simulated": True}
            return RunShape(
                id=id, trial="t1", number=number, condition=condition, state=state, **(plain | more)
            )

        return [
            TrialShape(
                id="t1",
                booking="b2",
                equipment="fdm",
                title=self._w("印刷治具の置き換え", "Printed jig"),
                question=self._w(
                    "削り出しの治具を置き換えられるか", "Can it replace a milled one?"
                ),
                part=self._w("クリップ治具", "clip jig"),
                material="PLA",
                baseline=self._w("アルミ削り出し 3日", "milled, 3 days"),
                limits=[
                    LimitShape(
                        characteristic=self._w("穴径", "bore"),
                        nominal=5.0,
                        tolerance=0.1,
                        unit="mm",
                    )
                ],
                conditions=[
                    ConditionShape(name=self._w("積層 0.20 mm", "layer 0.20 mm")),
                    ConditionShape(name=self._w("積層 0.28 mm", "layer 0.28 mm")),
                    ConditionShape(name=self._w("充填 40 %", "infill 40 %")),
                ],
                runs=[
                    run(
                        "r1",
                        1,
                        self._w("積層 0.20 mm", "layer 0.20 mm"),
                        "finished",
                        good=3,
                        scrap=1,
                        started=at(10.05),
                        ended=at(10.2),
                    ),
                    run(
                        "r2",
                        2,
                        self._w("積層 0.28 mm", "layer 0.28 mm"),
                        "running",
                        good=2,
                        unjudged=1,
                        started=at(10.25),
                    ),
                ],
                protocol=ProtocolShape(randomised=True),
                left=self._left(),
            )
        ]

    def _left(self) -> PlanLeftShape:
        """Two runs of the last condition are to come, in random order."""
        names = [("積層 0.20 mm", "layer 0.20 mm"), ("積層 0.28 mm", "layer 0.28 mm")]
        told = [(*name, 1, int(n == 0)) for n, name in enumerate(names)]
        told.append(("充填 40 %", "infill 40 %", 2, 0))
        return PlanLeftShape(
            conditions=[
                ConditionLeftShape(
                    condition=self._w(ja, en),
                    runs_planned=planned,
                    runs_done=done,
                    runs_left=planned - done,
                    parts_missing=None,
                )
                for ja, en, planned, done in told
            ],
            next_run=PlannedShape(lot="", condition=self._w("充填 40 %", "infill 40 %"), repeat=1),
            is_done=False,
        )

    def _log(self) -> list[CommandShape]:
        def row(
            n: int, device: str, verb: str, state: str, hour: float, **more: Any
        ) -> CommandShape:
            plain = {"issuer": "staff", "lease": 7, "arguments": {}, "code": "", "answer": ""}
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

        timed_out = self._w(
            "返事がありませんでした。実行されたか分かりません。",
            "No answer in time: nobody knows whether it was carried out.",
        )
        refused = self._w("今は受け付けられません。", "Not now.")
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
                "detail": self._w("ソフトからは止められません。", "Software cannot stop it.")
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


def overlap(ja: bool = True) -> Refusal:
    """A refusal with two problems."""
    words = (
        "この内容では予約できません。",
        "ほかの予約が入っています。",
        "お申し込みが遅すぎます。",
    )
    if not ja:
        words = ("This cannot be booked.", "Another booking is there.", "This comes too late.")
    return Refusal(
        code="booking.refused",
        text=words[0],
        problems=[
            ProblemShape(code="booking.overlap", text=words[1], field="start", next_start=at(15)),
            ProblemShape(code="booking.too_soon", text=words[2], field="start", overridable=True),
        ],
    )
