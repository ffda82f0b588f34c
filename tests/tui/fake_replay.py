"""The record of the fake lab's first run: forty minutes with set-up, a stop, parts and a gap."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from fastapi import FastAPI

from lab_controller.wire import BucketShape, WindowShape
from lab_controller.wire_replay import (
    CurveShape,
    DeviceThenShape,
    ElementShape,
    LastReadingShape,
    MomentShape,
    ReplayEventShape,
    ReplayShape,
)
from tests.tui.fake_day import at
from tests.tui.fake_lab import FakeLab, here

START, END = at(9.0), at(9.0) + timedelta(minutes=40)
ELEMENTS = (
    ("setup", 0, 5), ("production", 5, 18), ("down", 18, 21.5), ("production", 21.5, 29),
    ("delay", 29, 31), ("production", 31, 36), ("unknown", 36, 38), ("production", 38, 40),
)  # fmt: skip
SIGNALS = (("printer1", "hotend_temp", "Cel"), ("plug1", "power", "W"))


def minute(number: float) -> datetime:
    """An instant of the run."""
    return START + timedelta(minutes=number)


class Tape:
    """What the fake lab recorded."""

    def __init__(self, lab: FakeLab) -> None:
        self.lab = lab
        w = lab.say
        good, scrap = w("良品", "good"), w("不良", "scrap")
        printer = lab.devices["printer1"].name
        part = w("部品", "part")
        events = [
            (0, "run_event", w("試行 実行中", "run running")),
            (0, "mode", w("モード → 段取り", "mode → set-up")),
            (5, "mode", w("モード → 本番生産", "mode → production")),
            *((6.5 + n * 1.5, "part_event", f"{part} {n + 1}: {good}") for n in range(7)),
            (18, "device_state", f"{printer}: {w('異常', 'fault')}"),
            (20, "stop_cause", w("停止の原因: フィラメント切れ", "why it stood: filament out")),
            (21.5, "device_state", f"{printer}: {w('運転中', 'busy')}"),
            *((23 + n * 2, "part_event", f"{part} {n + 8}: {good}") for n in range(3)),
            (29, "note", w("メモ「角が少し反った」", "note “a corner warped”")),
            (33, "part_event", f"{part} 11: {scrap}"),
            (36, "gap", f"{w('記録が途切れた', 'recording lost')}: {printer}"),
            (38, "gap", f"{w('記録が戻った', 'recording back')}: {printer}"),
            (40, "run_event", w("試行 終了", "run finished")),
        ]
        self.events = [
            ReplayEventShape(at=minute(when), kind=kind, text=text) for when, kind, text in events
        ]

    def whole(self, run: str) -> ReplayShape:
        """The run."""
        w = self.lab.say
        names = {"hotend_temp": w("ノズル温度", "nozzle"), "power": w("電力", "power")}
        return ReplayShape(
            run=run,
            trial="t1",
            number=1,
            condition=w("積層 0.20 mm", "layer 0.20 mm"),
            simulated=True,
            start=START,
            end=END,
            curves=[
                CurveShape(
                    device=device,
                    device_name=self.lab.devices[device].name,
                    signal=signal,
                    signal_name=names[signal],
                    unit=unit,
                )
                for device, signal, unit in SIGNALS
            ],
            elements=[
                ElementShape(element=name, start=minute(begin), end=minute(end))
                for name, begin, end in ELEMENTS
            ],
        )

    @staticmethod
    def value(signal: str, when: datetime) -> float | None:
        """The value at an instant; None in the gap."""
        into = (when - START) / timedelta(minutes=1)
        if 36 <= into < 38:
            return None
        warm = 1 - math.exp(-into / 2)
        return 22 + 188 * warm if signal == "hotend_temp" else 60 + 120 * math.sin(into) ** 2

    def moment(self, run: str, when: datetime, events: int) -> MomentShape:
        """The run at an instant."""
        when = min(max(when, START), END)
        before = [one for one in self.events if one.at <= when]
        after = [one for one in self.events if one.at > when]
        earlier = [one for one in self.events if one.at < when]
        into = (when - START) / timedelta(minutes=1)
        parts = [one for one in before if one.kind == "part_event"]
        dark, stood = 36 <= into < 38, 18 <= into < 21.5
        return MomentShape(
            run=run,
            simulated=True,
            at=when,
            state="running" if when < END else "finished",
            mode="setup" if into < 5 else "production",
            readings=[
                LastReadingShape(
                    device=device,
                    signal=signal,
                    value=self.value(signal, when),
                    unit=unit,
                    quality="BAD" if dark else "GOOD",
                    age_s=0.4,
                )
                for device, signal, unit in SIGNALS
            ],
            devices=[
                DeviceThenShape(
                    device=id,
                    name=self.lab.devices[id].name,
                    link="online",
                    operation="fault" if stood and id == "printer1" else "busy",
                    safety="none",
                    since=START,
                    dark=dark and id == "printer1",
                )
                for id in ("printer1", "plug1")
            ],
            good=sum("11" not in one.text for one in parts),
            scrap=sum("11" in one.text for one in parts),
            rework=0,
            unjudged=0,
            before=before[-events:],
            after=after[:events],
            previous=earlier[-1].at if earlier else None,
            next=after[0].at if after else None,
        )

    def window(self, device: str, signal: str, buckets: int) -> WindowShape:
        """One curve of the whole run."""
        width = (END - START) / buckets
        rows = []
        for n in range(buckets):
            value = self.value(signal, START + n * width)
            count = 0 if value is None else 3
            rows.append(
                BucketShape(
                    start=START + n * width,
                    mean=value,
                    low=value,
                    high=value,
                    count=count,
                    quality="GOOD" if count else "",
                )
            )
        unit = next(unit for _, name, unit in SIGNALS if name == signal)
        return WindowShape(device=device, signal=signal, unit=unit, buckets=rows)


def install(app: FastAPI, api: str) -> None:
    """The doors to it."""

    @app.get(f"{api}/runs/{{run}}/replay")
    async def replay(run: str) -> ReplayShape:
        here().calls.append(("replay", run))
        return here().own(Tape).whole(run)

    @app.get(f"{api}/runs/{{run}}/replay/moment")
    async def moment(run: str, at: datetime, events: int) -> MomentShape:
        return here().own(Tape).moment(run, at, events)

    @app.get(f"{api}/runs/{{run}}/replay/window")
    async def window(run: str, device: str, signal: str, buckets: int) -> WindowShape:
        return here().own(Tape).window(device, signal, buckets)
