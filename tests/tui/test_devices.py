"""The devices: three axes, values with their age, and commands that ask where they should."""

from __future__ import annotations

from tests.tui.rig import called, desk, picture, press, until, what, words


class TestDevices:
    async def test_three_axes_values_and_age(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "2")
            shown = picture(app.screen)
            for word in ("+ 接続", "> 運転中", "- 信号なし", "x 再接続待ち", "? 不明", "209.8 度"):
                assert word in shown
            assert "0秒前" in words(app.screen, "readings")
            assert "原点復帰" in words(app.screen, "about")
            box = app.screen.query_one("#about-box")
            assert box.max_scroll_y > 0, "it does not fit this low screen"
            await press(pilot, "]")
            assert box.scroll_y > 0
            await press(pilot, "[")
            assert box.scroll_y == 0

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
