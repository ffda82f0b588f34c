"""The console as staff use it: bookings move on, a run is recorded, nothing typed is lost."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lab_controller.wire import Refusal
from lab_controller.wire_trials import (
    FactorShape,
    LimitShape,
    PlanShape,
    ProtocolShape,
    TemplateShape,
)
from tests.tui.fake_lab import FakeLab, overlap
from tests.tui.rig import desk, field, picture, press, settled, until, words
from tui.screens.dialog import Confirm, Notice
from tui.screens.form import Form
from tui.screens.pick import Pick
from tui.widgets.board import Board
from tui.widgets.choice import Choice
from tui.widgets.rows import Rows

SCREENS = ("1", "2", "3", "4")


def called(lab: FakeLab) -> list[str]:
    """The names of what the lab was asked to do."""
    return [name for name, _ in lab.calls]


def what(lab: FakeLab, name: str) -> Any:
    """What the last call of this name said."""
    return [about for one, about in lab.calls if one == name][-1]


class TestToday:
    async def test_the_board_shows_bookings_and_now(self) -> None:
        async with desk() as (app, _):
            shown = picture(app.screen)
            for word in ("10:23", "3Dプリンター作業台", "[#|さくら", "使用中", "? 大田"):
                assert word in shown

    async def test_the_booking_under_way_is_selected_with_what_comes_next(self) -> None:
        async with desk() as (app, _):
            assert app.screen.query_one(Board).key == "b2"
            assert "終わったら d 片付け" in words(app.screen, "detail")

    async def test_arrows_move_along_and_between_the_lanes(self) -> None:
        async with desk() as (app, pilot):
            board = app.screen.query_one(Board)
            seen = []
            for key in ("right", "left", "left", "down", "down", "up"):
                await press(pilot, key)
                seen.append(board.key)
            assert seen == ["b3", "b2", "b1", "b4", "b6", "b4"]

    async def test_a_new_request_is_seen_at_once(self) -> None:
        async with desk() as (app, pilot):
            made = app.lab.bookings["b3"]
            later = made.end + timedelta(hours=1)
            app.lab.bookings["b8"] = made.model_copy(
                update={"id": "b8", "start": made.end, "end": later, "party_name": "蒲田"}
            )
            app.client.tell("bookings")
            await until(pilot, lambda: "蒲" in picture(app.screen))

    async def test_another_day_and_back(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "right_square_bracket")
            assert "11/21(土) 明日" in picture(app.screen)
            assert app.screen.query_one(Board).key == ""
            await press(pilot, "0")
            assert "11/20(金) 今日" in picture(app.screen)


class TestSteps:
    async def test_enter_takes_the_next_step(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "right", "enter")
            assert app.lab.bookings["b3"].state == "confirmed"

    async def test_a_step_that_cannot_be_taken_says_why(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "c")
            assert called(app.lab) == []
            assert "申込み中の予約だけ確定できます" in picture(app.screen)

    async def test_arming_asks_and_enter_alone_means_no(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "down", "a")
            assert isinstance(app.screen, Confirm)
            await press(pilot, "enter")
            assert called(app.lab) == []
            await press(pilot, "a", "y")
            assert called(app.lab) == ["arm"]

    async def test_check_in_takes_the_head_count(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "4", "end", "i")
            assert field(app.screen, "head_count").value == "2"
            await press(pilot, "backspace", "x", "enter")
            assert "整数" in words(app.screen, "problems")
            await press(pilot, "backspace", "4", "enter")
            booking, decision = what(app.lab, "check-in")
            assert (booking, decision.head_count) == ("b5", 4)

    async def test_declining_needs_a_reason(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "right", "x", "enter")
            assert called(app.lab) == []
            await press(pilot, *"full", "enter")
            assert app.lab.bookings["b3"].reason == "full"

    async def test_a_refusal_shows_every_problem_and_stays(self) -> None:
        lab = FakeLab()
        lab.refusals["confirm"] = overlap()
        async with desk(lab) as (app, pilot):
            await press(pilot, "right", "c")
            assert isinstance(app.screen, Notice)
            shown = picture(app.screen)
            for word in ("この内容では", "ほかの予約が入っています", "遅すぎます", "15:00"):
                assert word in shown
            await press(pilot, "escape")
            assert not isinstance(app.screen, Notice)

    async def test_staff_may_go_on_with_a_reason(self) -> None:
        lab = FakeLab()
        refusal = overlap()
        problems = [one for one in refusal.problems if one.overridable]
        lab.refusals["confirm"] = Refusal(code=refusal.code, text="x", problems=problems)
        async with desk(lab) as (app, pilot):
            await press(pilot, "right", "c")
            assert isinstance(app.screen, Form)
            assert "遅すぎます" in words(app.screen, "problems")
            del lab.refusals["confirm"]
            await press(pilot, *"vip", "enter")
            _, decision = what(lab, "confirm")
            assert decision.override_reason == "vip"

    async def test_a_readonly_console_changes_nothing(self) -> None:
        async with desk(readonly=True) as (app, pilot):
            await press(pilot, "d", "right", "c", "n", "2", "r", "v", "3", "g", "b", "j")
            assert called(app.lab) == []
            assert "閲覧のみ" in picture(app.screen)


class TestRequest:
    async def test_a_request_on_behalf(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "n", "right", "tab", "tab", "tab", "tab", "right", "f2")
            wanted = what(app.lab, "request")
            assert (wanted.equipment, wanted.party) == ("cell", "sakura")
            assert wanted.start.isoformat() == "2026-11-20T11:00:00+09:00"

    async def test_what_cannot_be_read_is_marked_and_kept(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "n", "tab", "tab", "x", "f2")
            assert called(app.lab) == []
            assert field(app.screen, "start").value == "x"
            assert "10:00 の形" in words(app.screen, "problems")
            assert app.screen.query_one("#row-start").has_class("-wrong")

    async def test_a_refused_request_keeps_what_was_typed(self) -> None:
        lab = FakeLab()
        lab.refusals["request"] = overlap()
        async with desk(lab) as (app, pilot):
            await press(pilot, "n")
            field(app.screen, "company").value = "新しい会社"
            await press(pilot, "f2")
            assert field(app.screen, "company").value == "新しい会社"
            assert "ほかの予約が入っています" in words(app.screen, "problems")
            keys = [about.idempotency_key for name, about in lab.calls if name == "request"]
            del lab.refusals["request"]
            await press(pilot, "f2")
            assert what(lab, "request").idempotency_key == keys[0]

    async def test_a_choice_opens_its_list(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "n", "enter")
            assert isinstance(app.screen, Pick)
            await press(pilot, "end", "enter")
            assert app.screen.query_one("#field-equipment", Choice).value == "iot"


class TestBookings:
    async def test_the_filter_and_the_search(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "4")
            assert "5 件" in picture(app.screen)
            await press(pilot, "f")
            assert "2 件" in picture(app.screen)
            await press(pilot, "f", "f", "f", "slash", *"1120-003", "enter")
            assert "1 件" in picture(app.screen)
            assert isinstance(app.focused, Rows)
            assert "申込み中" in words(app.screen, "detail")

    async def test_the_reason_of_a_declined_booking_is_shown(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "4", "f", "f", "f", "end")
            assert "点検のため" in words(app.screen, "detail")

    async def test_naming_the_operator(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "p", "f2")
            _, decision = what(app.lab, "operator")
            assert decision.operator == "p1"


class TestDevices:
    async def test_three_axes_values_and_age(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2")
            shown = picture(app.screen)
            for word in ("+ 接続", "> 運転中", "- 信号なし", "x 再接続待ち", "? 不明", "209.8 度"):
                assert word in shown
            assert "0秒前" in words(app.screen, "readings")
            assert "原点復帰" in words(app.screen, "about")

    async def test_a_stale_value_says_so(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2", "down", "down")
            assert "通信断 95秒前" in words(app.screen, "readings")
            assert "ソフトでは止められません" in words(app.screen, "about")

    async def test_live_values_follow_the_stream(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2")
            printer = app.lab.devices["printer1"]
            reading = printer.readings[0].model_copy(update={"value": 123.4})
            app.lab.devices["printer1"] = printer.model_copy(update={"readings": [reading]})
            app.client.tell()
            await until(pilot, lambda: "123.4 度" in words(app.screen, "readings"))

    async def test_reconnect(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2", "down", "down", "r")
            assert what(app.lab, "reconnect") == "cobot1"

    async def test_heating_asks_after_the_value_is_entered(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2", "v", "end", "enter", *"20x", "enter", "y")
            assert called(app.lab) == []
            await press(pilot, "backspace", "0", "enter", "enter")
            assert called(app.lab) == [], "the default is no"
            await press(pilot, "enter", "y")
            assert what(app.lab, "command") == ("printer1", "set_hotend", {"celsius": 200}, 7, True)

    async def test_switching_off_never_asks(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2", "down", "v", "down", "enter")
            assert what(app.lab, "command") == ("plug1", "turn_off", {}, 7, True)


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
            await press(pilot, "c", "f", "enter")
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


class TestTheLabGoesAway:
    async def test_a_lost_lab_is_said_and_nothing_counts_as_live(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2")
            app.client.lose()
            await until(pilot, lambda: not app.station.view.live)
            await settled(pilot)
            shown = picture(app.screen)
            assert "コントローラーと通信できません" in shown
            assert "+ 接続" not in shown.partition("機器")[2]
            assert "良" not in words(app.screen, "readings")

    async def test_it_comes_back_by_itself(self) -> None:
        async with desk() as (app, pilot):
            app.client.lose()
            await until(pilot, lambda: not app.station.view.live)
            app.client.tell()
            await until(pilot, lambda: app.station.view.live)
            await settled(pilot)
            assert "コントローラーと通信できません" not in picture(app.screen)

    async def test_a_controller_restarted_elsewhere_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tui.feed.RETRY_S", 0)
        async with desk(data_dir=tmp_path) as (app, pilot):
            (tmp_path / "controller.url").write_text("http://127.0.0.1:9999/\n")
            app.client.lose()
            await until(pilot, lambda: app.client.url == "http://127.0.0.1:9999")

    async def test_a_silent_controller_is_lost_too(self) -> None:
        async with desk() as (app, pilot):
            app.station.view.silence_s = -1.0
            await until(pilot, lambda: not app.station.view.live)
            assert "通信断" in picture(app.screen)

    async def test_a_wrong_token_is_said_in_the_labs_words(self) -> None:
        lab = FakeLab()
        lab.refusals["devices"] = Refusal(code="auth.token_wrong", text="鍵が違います。")
        async with desk(lab) as (app, pilot):
            app.client.lose()
            await until(pilot, lambda: "鍵が違います。" in picture(app.screen))

    async def test_closing_the_console_stops_nothing(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "3", "ctrl+q")
        assert called(app.lab) == []


class TestFrame:
    async def test_the_mode_is_always_shown(self) -> None:
        async with desk() as (app, _):
            assert "模擬" in picture(app.screen).splitlines()[0]
        async with desk(FakeLab(simulated=False)) as (app, _):
            assert "実機" in picture(app.screen).splitlines()[0]
            assert app.screen.query_one("#top-bar").has_class("-real")

    async def test_help_has_the_keys_of_this_screen_and_of_everywhere(self) -> None:
        async with desk(size=(120, 60)) as (app, pilot):
            await press(pilot, "3", "question_mark")
            shown = picture(app.screen)
            for word in (
                "F12",
                "停止指令",
                "良品を1個数える",
                "Ctrl+Q",
                f"(ウェブ): {app.client.url}",
            ):
                assert word in shown

    async def test_ctrl_c_ends_nothing_and_names_the_key_that_does(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "ctrl+c")
            await until(pilot, lambda: "操作卓を閉じるには" in picture(app.screen))

    async def test_the_palette_finds_by_romaji_and_acts(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "ctrl+p", *"yoyaku")
            await until(pilot, lambda: "予約の一覧" in picture(app.screen))
            await press(pilot, "enter")
            await until(pilot, lambda: app.current_mode == "bookings")

    @pytest.mark.parametrize("size", [(80, 24), (120, 40)])
    @pytest.mark.parametrize("language", ["ja", "en"])
    async def test_every_glyph_has_one_width(self, language: str, size: tuple[int, int]) -> None:
        async with desk(language=language, size=size) as (app, pilot):
            shown = []
            for keys in (*SCREENS, "n", "escape", "f12"):
                await press(pilot, keys)
                shown.append(picture(app.screen))
            doubtful = {c for text in shown for c in text if unicodedata.east_asian_width(c) == "A"}
            assert doubtful == set()

    async def test_no_color_leaves_every_state_readable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        async with desk() as (app, pilot):
            await press(pilot, "2")
            colours = {
                style.color.triplet
                for strip in app.screen._compositor.render_strips()
                for _, style, _ in strip
                if style and style.color and style.color.triplet
            }
            assert all(one.red == one.green == one.blue for one in colours)
            assert "x 再接続待ち" in picture(app.screen)
