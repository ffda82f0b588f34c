"""A trial at the console: a run is recorded, prints and programs are sent, papers made."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab_controller.wire import Refusal
from lab_controller.wire_trials import (
    FactorShape,
    LimitShape,
    PlanShape,
    ProtocolShape,
    TemplateShape,
)
from tests.tui.fake_bookings import overlap
from tests.tui.fake_lab import FakeLab
from tests.tui.rig import (
    called,
    desk,
    field,
    picture,
    press,
    quiet,
    settled,
    strike,
    what,
    words,
)
from tui.screens.bookings import Bookings
from tui.screens.dialog import Confirm, Notice
from tui.screens.form import Form
from tui.screens.pick import Pick
from tui.screens.trial import Trial


class TestTrial:
    async def test_the_armed_trial_is_open_with_what_is_left(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3")
            shown = picture(app.screen)
            for word in (
                "印刷治具の置き換え",
                "残り 3/4 試行",
                "充填 40 %",
                "まだ",
                "判定待ち 1 個",
            ):
                assert word in shown

    async def test_parts_are_counted_with_one_key_each(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "g", "g", "s", "r")
            counts = [about for name, about in app.lab.calls if name == "count"]
            assert counts == [("r2", "good"), ("r2", "good"), ("r2", "scrap"), ("r2", "rework")]
            run = app.lab.trials["t1"].runs[1]
            assert (run.good, run.scrap, run.rework) == (4, 1, 1)
            assert "良品 4" in words(app.screen, "run")

    async def test_a_measurement(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "m", *"5,04", "enter")
            run, measured = what(app.lab, "measure")
            assert (run, measured.characteristic, measured.value) == ("r2", "穴径", 5.04)
            assert measured.unit == "mm"

    async def test_a_note(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "n", *"warp", "enter")
            assert what(app.lab, "note") == ("r2", "warp")

    async def test_pausing_never_asks_and_finishing_does(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "z")
            assert called(app.lab) == ["pause"]
            await press(pilot, "c", "f")
            assert "判定を待つ部品が1個あります" in picture(app.screen)
            await press(pilot, "enter")
            assert called(app.lab) == ["pause", "resume"]
            await press(pilot, "f", "y")
            assert called(app.lab) == ["pause", "resume", "finish"]

    async def test_a_run_under_way_is_finished_before_another_begins(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "end", "b")
            assert "もう試行が続いています" in picture(app.screen)
            assert called(app.lab) == []

    async def test_a_condition_without_a_run_is_planned_and_begun(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "x", *"late", "enter", "home", "b")
            assert "計画の順番と変わります" in picture(app.screen)
            await press(pilot, "n", "end", "b")
            assert "計画の順番と変わります" not in picture(app.screen)
            await press(pilot, "y")
            assert called(app.lab) == ["abort", "plan_run", "start"]
            assert what(app.lab, "plan_run") == ("t1", "充填 40 %")

    async def test_nothing_begins_before_the_equipment_is_armed(self) -> None:
        lab = FakeLab()
        lab.bookings["b2"] = lab.bookings["b2"].model_copy(update={"armed": False})
        lab.move_run("r2", state="finished")
        async with desk(lab) as (app, pilot):
            await press(pilot, "3", "end", "b")
            assert "準備がまだです" in picture(app.screen)
            assert called(app.lab) == []

    async def test_a_print_asks_and_carries_the_lease(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "j", "enter")
            assert isinstance(app.screen, Confirm)
            await press(pilot, "y")
            wanted = ("printer1", "print_file", {"file": "f1"}, 7, False)
            assert what(app.lab, "command") == wanted

    async def test_a_file_is_read_from_this_computer(self, tmp_path: Path) -> None:
        file = tmp_path / "part.gcode"
        file.write_bytes(b"G28\n")
        async with desk() as (app, pilot):
            await press(pilot, "3", "j", "up", "enter")
            field(app.screen, "path").value = str(tmp_path / "gone.gcode")
            await press(pilot, "enter")
            assert "読めません" in words(app.screen, "problems")
            field(app.screen, "path").value = str(file)
            await press(pilot, "enter")
            assert what(app.lab, "upload") == ("part.gcode", b"G28\n")
            assert isinstance(app.screen, Pick)

    async def test_a_robot_gets_its_program(self) -> None:
        lab = FakeLab()
        robot = {"link": "online", "safety": "normal", "may_actuate": True, "lease": 8}
        lab.devices["cobot1"] = lab.devices["cobot1"].model_copy(update=robot)
        trial = lab.trials["t1"]
        lab.trials["t1"] = trial.model_copy(update={"equipment": "cell"})
        async with desk(lab) as (app, pilot):
            await press(pilot, "3", "j", "enter", "y")
            assert what(app.lab, "command") == ("cobot1", "start_program", {}, 8, True)
            await press(pilot, "j", "end", "enter", *"pack", "enter")
            loaded = ("cobot1", "load_program", {"name": "pack"}, 8, True)
            assert what(app.lab, "command") == loaded

    async def test_a_new_trial_from_a_booking(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "down", "t")
            assert isinstance(app.screen, Form)
            field(app.screen, "conditions").value = "速い、遅い"
            field(app.screen, "limits").value = "幅 10"
            await press(pilot, "f2")
            assert "穴径 5.0 0.1 mm" in words(app.screen, "problems")
            field(app.screen, "limits").value = "幅 10 0.2 mm"
            await press(pilot, "f2")
            wanted = what(app.lab, "create_trial")
            assert wanted.booking == "b4"
            assert [one.name for one in wanted.conditions] == ["速い", "遅い"]

    async def test_keys_before_an_asked_for_dialog_comes_go_nowhere(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with desk() as (app, pilot):
            inner, come = app.client.trial_templates, asyncio.Event()

            async def late() -> list[TemplateShape]:
                await come.wait()
                return await inner()

            monkeypatch.setattr(app.client, "trial_templates", late)
            await press(pilot, "down")
            for key in ("t", "4", "b", "n"):
                strike(app, key)
                await quiet()
            assert isinstance(app.screen, Trial)
            assert called(app.lab) == []
            come.set()
            await settled(pilot)
            assert isinstance(app.screen, Form)
            await press(pilot, "escape", "4")
            assert isinstance(app.screen, Bookings)

    async def test_a_new_trial_from_a_template_keeps_what_nobody_changed(self) -> None:
        lab = FakeLab()
        limit = LimitShape(characteristic="ずれ", high=0.5, unit="mm", gauge="ノギス")
        factor = FactorShape(name="速度", levels=["50", "100"], unit="%")
        protocol = ProtocolShape(template="pick", factors=[factor], randomised=True)
        plan = PlanShape(title="置く", limits=[limit], protocol=protocol, expand=True)
        lab.templates = [
            TemplateShape(
                name="pick", title="ピック", summary="", bring=[], baseline_questions=[], plan=plan
            )
        ]
        async with desk(lab) as (app, pilot):
            await press(pilot, "down", "t", "home", "enter")
            assert field(app.screen, "title").value == "置く"
            field(app.screen, "parts").value = "５０"
            await press(pilot, "f2")
            wanted = what(app.lab, "create_trial")
            assert (wanted.booking, wanted.expand, wanted.limits) == ("b4", True, [limit])
            assert wanted.protocol.sample.parts_per_run == 50
            assert (wanted.protocol.factors, wanted.protocol.randomised) == ([factor], True)

    async def test_a_plan_is_amended_with_a_reason_and_after_a_run_with_a_yes(self) -> None:
        async with desk() as (app, pilot):
            before = app.lab.trials["t1"]
            await press(pilot, "3", "a", "f2")
            assert called(app.lab) == []  # nobody said why
            field(app.screen, "why").value = "材料が2ロットになった"
            field(app.screen, "parts").value = "12"
            await press(pilot, "f2")
            assert "試行がもう始まっています" in picture(app.screen)
            await press(pilot, "y")
            wanted = what(app.lab, "amend")
            assert (wanted.why, wanted.after_runs) == ("材料が2ロットになった", True)
            assert (wanted.plan.booking, wanted.plan.limits) == (before.booking, before.limits)
            assert wanted.plan.conditions == before.conditions
            assert wanted.plan.protocol.sample.parts_per_run == 12
            await press(pilot, "f5")
            assert "第2版" in picture(app.screen)

    async def test_another_signal_is_plotted(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3")
            assert "ノズル温度" in picture(app.screen)
            await press(pilot, "w", "down", "down", "enter")
            assert "ベッド温度" in picture(app.screen)

    async def test_a_plot_that_is_refused_is_said_once_and_in_no_ones_way(self) -> None:
        lab = FakeLab()
        lab.refusals["telemetry"] = Refusal(code="lab.storage_failed", text="読めません。")
        async with desk(lab) as (app, pilot):
            await press(pilot, "3", "f5", "f5")
            assert called(lab).count("telemetry") > 1
            assert not isinstance(app.screen, Notice)
            assert picture(app.screen).count("読めません。") == 1

    async def test_the_report(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "o")
            assert what(app.lab, "report") == "t1"
            assert "reports/t1/ja" in picture(app.screen)
            assert "report.pdf" in picture(app.screen)
            await press(pilot, "escape", "d")
            assert "dossiers/t1/ja" in picture(app.screen)
            assert "dossier.pdf" in picture(app.screen)
            app.lab.refusals["dossier"] = overlap()
            await press(pilot, "escape", "d")
            assert "ほかの予約が入っています" in picture(app.screen)
            await press(pilot, "escape")
            assert "作成中" not in picture(app.screen)
