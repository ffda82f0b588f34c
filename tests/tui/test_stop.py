"""The stop: one key, from everywhere, without a question, and past a dead controller."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.lab_controller.stopper_rig import Rig
from tests.tui.fake_doors import FakeClient
from tests.tui.fake_lab import FakeLab
from tests.tui.rig import desk, field, picture, press, settled, until, words
from tui import stop_way
from tui.screens.base import LabScreen
from tui.screens.form import Form
from tui.screens.stop import StopScreen
from tui.stop_way import StopAnswer, Stopped, read_report, stop_command, stop_lab

REPORT = {
    "devices": {
        "printer1": {"outcome": "CONFIRMED", "detail": ""},
        "cobot1": {"outcome": "FAILED", "detail": "no_software_stop"},
    }
}


def saying(text: str, code: int = 0) -> list[str]:
    """A command that prints this and ends."""
    return [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"]


def stops(lab: FakeLab) -> list[object]:
    """The stops the lab was asked for."""
    return [what for name, what in lab.calls if name == "stop"]


async def test_the_stop_key_works_everywhere_and_asks_nothing() -> None:
    places = ((), ("2",), ("3",), ("4",), ("n",), ("3", "m"), ("question_mark",))
    async with desk() as (app, pilot):
        for number, keys in enumerate(places, 1):
            await press(pilot, "1", *keys, "f12")
            assert stops(app.lab) == [None] * number, keys
            assert isinstance(app.screen, StopScreen), keys
            while not isinstance(app.screen, LabScreen):
                await press(pilot, "escape")


async def test_the_stop_key_works_in_the_palette_and_while_typing() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "ctrl+p", "k", "f12", "escape", "escape")
        await press(pilot, "4", "slash", "x", "f12")
        assert stops(app.lab) == [None, None]


async def test_what_was_typed_is_still_there_after_a_stop() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "3", "n", "o", "k", "f12", "escape")
        assert isinstance(app.screen, Form)
        assert field(app.screen, "text").value == "ok"


async def test_a_second_press_stops_again() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "f12", "f12", "escape")
        assert stops(app.lab) == [None, None]
        assert not isinstance(app.screen, StopScreen)


async def test_one_device_is_stopped_alone() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "2", "x")
        assert stops(app.lab) == ["printer1"]


async def test_a_readonly_console_can_stop_and_nothing_else() -> None:
    async with desk(readonly=True) as (app, pilot):
        await press(pilot, "c", "down", "a", "n", "f8", "f12")
        assert [name for name, _ in app.lab.calls] == ["stop"]


async def test_after_a_stop_every_device_says_what_became_of_it_failed_ones_first() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "f12")
        shown = picture(app.screen)
        for word in ("CONFIRMED", "SENT", "FAILED", "3Dプリンター1号", "協働ロボット1号"):
            assert word in shown
        assert "ボタンを押してください: セル入口の柱とティーチングペンダント" in shown
        assert "部屋の温湿度" in words(app.screen, "stop-list")
        assert "非常停止は現場の押しボタンで" in shown
        for place in ("プリンター正面右の赤いボタン", "壁のコンセント A-3", "セル入口の柱"):
            assert place in shown
        ordered = words(app.screen, "stop-list")
        assert ordered.index("FAILED") < ordered.index("CONFIRMED")


async def test_the_banner_stays_until_reset_with_a_reason() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "f12", "escape")
        app.client.tell()
        await settled(pilot)
        assert "停止中" in picture(app.screen)
        await press(pilot, "f8", "enter")
        assert isinstance(app.screen, Form), "an empty reason is not sent"
        await press(pilot, *"seen", "enter")
        assert "reset" not in [name for name, _ in app.lab.calls], "a reset asks first"
        await press(pilot, "y")
        assert ("reset", ("seen", None)) in app.lab.calls
        app.client.tell()
        await settled(pilot)
        assert "停止中" not in picture(app.screen)


async def test_before_the_answer_every_device_is_on_its_way() -> None:
    lab = FakeLab()
    lab.stop_hangs = True
    async with desk(lab) as (app, pilot):
        await pilot.press("f12")
        await pilot.pause()
        assert words(app.screen, "stop-list").count("SENDING") == 3


async def test_a_lab_that_cannot_be_reached_shows_every_button() -> None:
    async with desk() as (app, pilot):
        app.client.lose()
        await until(pilot, lambda: not app.station.view.live)
        app.lab.stop_hangs = True
        await pilot.press("f12")
        await until(pilot, lambda: "FAILED" in words(app.screen, "stop-list"))
        shown = words(app.screen, "stop-list")
        assert shown.count("ボタンを押してください") == 3
        assert "壁のコンセント A-3" in shown


# -- the way past the controller --------------------------------------------------------------


async def test_a_frozen_controller_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = FakeLab()
    lab.stop_hangs = True
    monkeypatch.setattr(stop_way, "stop_command", lambda *_: saying(json.dumps(REPORT), 1))
    answer = await stop_lab(FakeClient(lab), None, tmp_path, within_s=0.05)
    assert answer == StopAnswer(
        "stopper",
        (
            Stopped("printer1", "CONFIRMED", "", coded=True),
            Stopped("cobot1", "FAILED", "no_software_stop", coded=True),
        ),
    )


async def test_the_console_shows_what_the_stopper_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = FakeLab()
    lab.stop_hangs = True
    monkeypatch.setattr(stop_way, "stop_command", lambda *_: saying(json.dumps(REPORT), 1))
    monkeypatch.setattr(stop_way, "CONTROLLER_WITHIN_S", 0.05)
    async with desk(lab, data_dir=tmp_path) as (app, pilot):
        app.client.lose()
        await until(pilot, lambda: not app.station.view.live)
        await press(pilot, "f12")
        shown = picture(app.screen)
        assert "コントローラーを通さず" in shown
        assert "ソフトからは止められません。" in shown
        assert "セル入口の柱" in shown
        await press(pilot, "escape")
        assert "停止中 [ラボ全体]" in picture(app.screen)


async def test_without_a_data_folder_a_dead_controller_leaves_the_buttons() -> None:
    lab = FakeLab()
    lab.stop_hangs = True
    answer = await stop_lab(FakeClient(lab), None, None, within_s=0.05)
    assert answer == StopAnswer("none")


async def test_nobody_at_the_stopper_says_why(tmp_path: Path) -> None:
    lab = FakeLab()
    lab.stop_hangs = True
    answer = await stop_lab(FakeClient(lab), None, tmp_path, within_s=0.05)
    assert answer.way == "none"
    assert "machikoba serve" in answer.cause


async def test_the_real_stopper_is_reached_without_the_controller(tmp_path: Path) -> None:
    lab = FakeLab()
    lab.stop_hangs = True
    rig = await Rig.with_plans(tmp_path, [{"device": "arm", "means": "m", "steps": []}])
    try:
        answer = await stop_lab(FakeClient(lab), None, tmp_path, within_s=0.05)
        assert answer.way == "stopper"
        assert [(one.device, one.outcome, one.detail) for one in answer.devices] == [
            ("arm", "FAILED", "no_software_stop")
        ]
        assert rig.latch()["lab"] is not None
    finally:
        await rig.end()


def test_the_command_names_folder_language_and_device(tmp_path: Path) -> None:
    command = stop_command(tmp_path, "printer1", "ja")
    assert command[1:] == [
        "-m",
        "lab_controller",
        "stop",
        "--data",
        str(tmp_path),
        "--lang",
        "ja",
        "--json",
        "printer1",
    ]


@pytest.mark.parametrize(
    "out", [b"", b"no json", b"[]", b'{"devices": 3}', b'{"devices": {"a": {}}}']
)
def test_a_report_that_cannot_be_read_counts_as_not_stopped(out: bytes) -> None:
    assert read_report(out, "why", "ja") == StopAnswer("none", cause="why")


def test_the_stoppers_report_names_the_button_in_the_readers_language() -> None:
    place = {"ja": "正面の赤いボタン", "en": "red button at the front"}
    row = {"outcome": "FAILED", "detail": "not_known_yet", "estop": place}
    answer = read_report(json.dumps({"devices": {"a": row}}).encode(), "", "en")
    assert answer.devices == (Stopped("a", "FAILED", "not_known_yet", place["en"], coded=True),)
