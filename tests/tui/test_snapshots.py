"""The main screens as they look: Japanese and English, on a small and on a larger terminal.

Every glyph on them has one width.

The clock stands still. A new picture is made by `pytest --snapshot-update` and looked at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.fake_bookings import overlap
from tests.tui.fake_lab import FakeLab
from tests.tui.rig import Desk, picture, press, settled

SIZES = [(80, 24), (120, 40)]
LANGUAGES = ["ja", "en"]
KEYS = {
    "today": (),
    "devices": ("2",),
    "trial": ("3",),
    "replay": ("3", "home", "v", "5"),
    "bookings": ("4",),
    "log": ("5", "down", "down"),
    "settle": ("5", "down", "down", "s"),
    "stop": ("f12",),
    "request_refused": ("n", "f2"),
}

Compare = Callable[..., bool]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", KEYS)
def test_looks(name: str, language: str, size: tuple[int, int], snap_compare: Compare) -> None:
    lab = FakeLab(language)
    lab.refusals["request"] = overlap(ja=language == "ja")
    shown = []

    async def go_there(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await press(pilot, *KEYS[name])
        for entry in pilot.app.screen.query(Input):
            entry.cursor_blink = False
        await settled(pilot)
        shown.append(picture(pilot.app.screen))

    desk = Desk(lab, language=language)
    assert snap_compare(desk, terminal_size=size, run_before=go_there)
    assert len(shown) == 1
    assert of_no_agreed_width(*shown) == set()


def of_no_agreed_width(text: str) -> set[str]:
    """Glyphs that one terminal draws narrow and another wide; the lab's own words may quote."""
    doubtful = {glyph for glyph in text if unicodedata.east_asian_width(glyph) == "A"}
    return doubtful - {"“", "”"}


def test_a_stopped_lab_looks_stopped(snap_compare: Compare) -> None:
    async def stop(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await press(pilot, "f12", "escape", "2")
        app = pilot.app
        assert isinstance(app, Desk)
        app.client.tell()
        await settled(pilot)

    assert snap_compare(Desk(FakeLab()), terminal_size=(80, 24), run_before=stop)


def test_a_lost_lab_looks_lost(snap_compare: Compare) -> None:
    async def lose(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await press(pilot, "2")
        app = pilot.app
        assert isinstance(app, Desk)
        app.client.lose()
        while app.station.view.live:
            await pilot.pause(0.01)
        await settled(pilot)

    assert snap_compare(Desk(FakeLab()), terminal_size=(80, 24), run_before=lose)
