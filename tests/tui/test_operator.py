"""What no sensor sees, by one key: mode, cause of a stop, consumable, undo, and barcodes."""

from __future__ import annotations

import re

from textual.events import Key
from textual.widgets import Input

from tests.tui.rig import desk, field, picture, press, settled, until, words
from tui.screens.form import Form
from tui.screens.one_key import OneKey
from tui.screens.scan import Scan
from tui.screens.trial import Trial


def said(text: str) -> str:
    return re.sub(r"\s+", " ", text)


async def test_every_entry_takes_one_key_or_one_digit_more() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "3")
        shown = said(picture(app.screen))
        for word in ("原因待ち 1件", "e 本番生産", "次 充填 40 %", "まだ 0/2", "順序は無作為"):
            assert word in shown, word
        await press(pilot, "k")
        assert isinstance(app.screen, OneKey)
        assert "10:19:45 から 0:01:35 止まりました(異常停止)" in said(picture(app.screen))
        await press(pilot, "9")  # no such answer
        assert isinstance(app.screen, OneKey)
        await press(pilot, "2")
        stop_at = app.lab.now.replace(minute=19)
        assert app.lab.calls[-1] == ("cause", ("warp", "", "printer1", stop_at))
        assert isinstance(app.screen, Trial)
        await press(pilot, "e", "2")
        assert app.lab.calls[-1] == ("mode", "setup")
        await press(pilot, "k")
        assert "原因を待っている停止はありません" in picture(app.screen)
        await press(pilot, "u")
        await until(pilot, lambda: isinstance(app.screen, Form))
        assert "取り消し 部品 41" in said(picture(app.screen))
        await press(pilot, "f2")
        assert app.lab.calls[-1] == ("undo", "数え間違い")
        await press(pilot, "y")
        field(app.screen, "name").value = "PLA"
        field(app.screen, "amount").value = "１２．５"
        await press(pilot, "f2")
        assert app.lab.calls[-1] == ("use", ("PLA", 12.5, "g"))


async def test_barcodes_are_read_one_after_the_other_in_order() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "3", "i")
        assert isinstance(app.screen, Scan)
        assert isinstance(app.focused, Input)
        typed = [key for code in ("GOOD", "X-99", "SCRAP", "good") for key in (*code, "enter")]
        for key in typed:  # a scanner waits for nobody
            char = key if len(key) == 1 else None
            app.post_message(Key(key, char))
        await until(pilot, lambda: len(app.lab.calls) == 4)
        await settled(pilot)
        assert app.lab.calls == [("scan", code) for code in ("GOOD", "X-99", "SCRAP", "good")]
        shown = said(words(app.screen, "scanned"))
        assert "良品 4 不良 1" in shown
        assert "「X-99」は知らない番号です" in shown
        assert "STOP-WARP" in picture(app.screen)
        await press(pilot, "escape")
        assert "g 良品 4" in said(words(app.screen, "run"))


async def test_without_a_run_under_way_each_key_says_what_to_do() -> None:
    async with desk() as (app, pilot):
        app.lab.move_run("r2", state="finished")
        await press(pilot, "3", "k", "e", "i", "y")
        assert app.lab.calls == []
        assert "実行中の試行がありません" in picture(app.screen)
        await press(pilot, "home", "g")  # a run that is over, with nothing to judge
        assert "終わった試行の記録に「良品」を1個足しますか" in said(picture(app.screen))
        await press(pilot, "n")
        assert app.lab.calls == []
        await press(pilot, "down", "g")  # one that is over, too, but a part of it waits
        assert app.lab.calls == [("count", ("r2", "good"))]
