"""What frames every screen: mode, help, palette and colours, and a lab that goes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_controller.wire import Refusal
from tests.tui.fake_lab import FakeLab
from tests.tui.rig import called, desk, picture, press, settled, until, words


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
            await press(pilot, "end")
            shown += picture(app.screen)
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
