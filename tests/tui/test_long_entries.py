"""An entry longer than its field stays readable: it scrolls, no bar is drawn over it."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input

from tests.tui.rig import picture
from tui.app import LabApp

QUESTION = "印刷した治具は、アルミを削り出した治具の代わりになるか"


class OneField(App[None]):
    """One entry in the console's own style."""

    CSS_PATH = LabApp.CSS_PATH

    def compose(self) -> ComposeResult:
        """The entry."""
        yield Input(QUESTION, compact=True)


@pytest.mark.parametrize(("key", "seen"), [("end", QUESTION[-12:]), ("home", QUESTION[:12])])
async def test_a_long_entry_is_seen_at_the_cursor(key: str, seen: str) -> None:
    app = OneField()
    async with app.run_test(size=(40, 5)) as pilot:
        app.query_one(Input).focus()
        await pilot.press(key)
        await pilot.pause()
        assert seen in picture(app.screen)
