"""The replay: seek, step and play a recorded run, never to be taken for a live one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_controller.wire_replay import ElementShape
from tests.tui.fake_replay import END, START, minute
from tests.tui.rig import desk, field, picture, press, settled, until, words
from tui.entries import BadField, run_time
from tui.screens.replay import Replay
from tui.widgets.timeline import Span, cells


def into(screen: object) -> float:
    """Minutes into the run of what is shown."""
    assert isinstance(screen, Replay)
    assert screen.moment is not None
    return (screen.moment.at - START) / timedelta(minutes=1)


async def test_a_recorded_run_is_seen_and_walked_through_as_such() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "3", "home", "v", "5")
        shown = re.sub(" +", " ", picture(app.screen))
        for word in (
            "再生 REPLAY 模擬", "#1 積層 0.20 mm", "0:20:00", "PPPXXX", "X 停止<", "F12",
            "良品 7", "異常", "フィラメント切",
        ):  # fmt: skip
            assert word in shown, word
        seen = []
        for key in ("right", "left", "end", "left", "pageup", "pagedown", "left", "home"):
            await press(pilot, key)
            seen.append(into(app.screen))
        assert seen == [21.5, 20, 40, 38, 37, 38, 36, 0]
        await press(pilot, "slash")
        for typed, works in (("soon", False), ("0:50:00", False), ("36:30", True)):
            field(app.screen, "at").value = typed
            await press(pilot, "f2")
            assert isinstance(app.screen, Replay) is works
        assert into(app.screen) == 36.5
        assert "x 記録なし" in words(app.screen, "replay-devices")  # a gap is not shown as known
        assert "?  不明<" in words(app.screen, "replay-legend")


async def test_playing_moves_on_and_ends_at_the_end() -> None:
    async with desk() as (app, pilot):
        await press(pilot, "3", "end", "p", "end", "up", "v")
        assert "再生する試行がありません" in picture(app.screen)
        await press(pilot, "home", "v", "s", "s", "space")
        screen = app.screen
        assert isinstance(screen, Replay)
        assert "100倍" in words(screen, "replay-place")
        screen._beat()
        await settled(pilot)
        assert into(screen) >= 25 / 60
        screen.at = END - timedelta(seconds=1)
        await until(pilot, lambda: not screen.playing and into(screen) == 40)
        await press(pilot, "f12")
        assert ("stop", None) in app.lab.calls
        await press(pilot, "escape", "escape")
        assert app.screen.query("#trial-head")


@pytest.mark.parametrize(("typed", "seconds"), [("90", 90), ("1:30", 90), ("1:00:00.5", 3600.5)])
def test_times_people_type(typed: str, seconds: float) -> None:
    assert run_time(typed) == seconds


@pytest.mark.parametrize("typed", ["", "soon", "1:2:3:4", "-5", "inf"])
def test_what_is_no_time(typed: str) -> None:
    with pytest.raises(BadField):
        run_time(typed)


@given(st.lists(st.floats(0, 40), min_size=2, max_size=6), st.integers(1, 60))
def test_every_cell_says_what_filled_most_of_it(edges: list[float], n: int) -> None:
    edges = sorted(edges)
    names = ["production", "down", "delay", "setup", "idle"]
    elements = [
        ElementShape(element=names[k], start=minute(edges[k]), end=minute(edges[k + 1]))
        for k in range(len(edges) - 1)
    ]
    drawn = cells(Span(START, END, elements), n)
    assert len(drawn) == n
    width = (END - START) / n
    for place, name in enumerate(drawn):
        begin = START + place * width
        shares = {
            one.element: min(one.end, begin + width) - max(one.start, begin) for one in elements
        }
        largest = max(shares.values())
        slack = timedelta(microseconds=n)
        assert (shares[name] if name else timedelta()) >= largest - slack
