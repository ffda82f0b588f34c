"""The log screen, taking over, and what a lost outcome looks like."""

from __future__ import annotations

from tests.tui.fake_lab import FakeLab
from tests.tui.rig import desk, picture, press


async def test_who_did_what_with_headings_in_the_labs_zone() -> None:
    async with desk(size=(120, 40)) as (app, pilot):
        await press(pilot, "5")
        words = picture(app.screen)
        for word in ("時刻", "機器の返事", "11/20 10:15:00", "印刷", "interlock:door"):
            assert word in words
        assert "! 結果不明" in words


async def test_the_filters() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "5", "f")
        words = picture(app.screen)
        assert "結果不明・未確認" in words
        assert "原点復帰" in words
        assert "電源を入れる" not in words
        await press(pilot, "f", "f", "f", "f", "f", "f", "d", "down", "down", "enter")
        words = picture(app.screen)
        assert "電源を入れる" in words
        assert "原点復帰" not in words


async def test_enter_shows_everything_and_the_end_of_the_jobs_log() -> None:
    lab = FakeLab()
    async with desk(lab) as (app, pilot):
        await press(pilot, "5", "down", "enter")
        words = picture(app.screen)
        assert "N2 G1 X10 Y10 F3000*71" in words
        assert "jig.gcode" in words
        await press(pilot, "escape", "down", "enter")
        assert ("job_log", "c3") in lab.calls
        assert "送った行" not in picture(app.screen)


async def test_a_lost_outcome_is_settled_by_who_looked() -> None:
    lab = FakeLab()
    async with desk(lab) as (app, pilot):
        await press(pilot, "5", "s")
        assert not [call for call in lab.calls if call[0] == "settle"]  # the first one is known
        await press(pilot, "down", "down", "s", "tab", *"arm", "f2")
        assert not [call for call in lab.calls if call[0] == "settle"]  # it asks first
        await press(pilot, "y")
        assert ("settle", ("c3", False, "arm")) in lab.calls
        assert "実行されなかった" in picture(app.screen)


async def test_a_readonly_console_settles_and_takes_nothing() -> None:
    lab = FakeLab()
    async with desk(lab, readonly=True) as (_, pilot):
        await press(pilot, "5", "down", "down", "s", "2", "m", "u")
        assert not {call[0] for call in lab.calls} & {"settle", "take", "release"}


async def test_taking_over_needs_a_reason_and_a_yes() -> None:
    lab = FakeLab()
    async with desk(lab) as (_, pilot):
        await press(pilot, "2", "m", "f2")
        assert not [call for call in lab.calls if call[0] == "take"]
        await press(pilot, *"smoke", "f2", "y")
        assert ("take", ("fdm", "smoke", 60, "maintenance")) in lab.calls


async def test_what_staff_took_is_given_back() -> None:
    lab = FakeLab()
    taken = {"lease_kind": "maintenance", "lease_holder": "hana"}
    lab.devices["printer1"] = lab.devices["printer1"].model_copy(update=taken)
    async with desk(lab, size=(120, 40)) as (app, pilot):
        await press(pilot, "2")
        assert "hana" in picture(app.screen)
        await press(pilot, "u", "y")
        assert ("release", "fdm") in lab.calls


async def test_a_lost_outcome_and_an_interlock_are_seen_from_afar() -> None:
    lab = FakeLab()
    denied = {"id": "door", "name": "扉", "ok": False, "limit": "= 0", "why": "扉が開いています。"}
    plug = lab.devices["plug1"].model_dump() | {"interlocks": [denied]}
    lab.devices["plug1"] = type(lab.devices["plug1"]).model_validate(plug)
    update = {"outcome_unknown": "c3"}
    lab.devices["printer1"] = lab.devices["printer1"].model_copy(update=update)
    async with desk(lab, size=(120, 40)) as (app, pilot):
        assert "結果不明 1 台" in picture(app.screen)
        await press(pilot, "2")
        words = picture(app.screen)
        assert "! 結果不明" in words
        assert "! 扉" in words
        await press(pilot, "down")
        assert "扉が開いています。" in picture(app.screen)
