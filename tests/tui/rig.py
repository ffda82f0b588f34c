"""The console on the fake lab, as the tests of this room use it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from tests.tui.fake_doors import FakeClient
from tests.tui.fake_lab import FakeLab
from tui.app import LabApp

FONT = "Noto Sans Mono CJK JP"


class Desk(LabApp):
    """The console with pictures that name a font with Japanese in it and no address of one."""

    def __init__(
        self,
        lab: FakeLab,
        *,
        language: str = "ja",
        data_dir: Path | None = None,
        readonly: bool = False,
    ) -> None:
        self.lab, self.client = lab, FakeClient(lab, language)
        super().__init__(self.client, language=language, data_dir=data_dir, readonly=readonly)

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """The screen as SVG."""
        svg = super().export_screenshot(title=title, simplify=True)
        svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
        svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
        svg = re.sub(r' textLength="[0-9.]+"', "", svg)
        svg = svg.replace("font-variant-east-asian: full-width;", "")
        svg = svg.replace("font-size: 20px", "font-size: 24.4px")
        return svg.replace("Fira Code", FONT)


@asynccontextmanager
async def desk(
    lab: FakeLab | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    language: str = "ja",
    data_dir: Path | None = None,
    readonly: bool = False,
) -> AsyncIterator[tuple[Desk, Pilot[None]]]:
    """A running console that has heard the lab."""
    app = Desk(lab or FakeLab(language), language=language, data_dir=data_dir, readonly=readonly)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        yield app, pilot


async def settled(pilot: Pilot[None]) -> None:
    """Until every question asked so far has been answered and drawn."""
    app = pilot.app
    for _ in range(3):
        await pilot.pause()
        waiting = [one for one in app.workers if one.group not in ("feed", "stop-hangs")]
        if waiting:
            await app.workers.wait_for_complete(waiting)
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, each with its answer."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Let the console go on until something holds; the test's timeout bounds it."""
    while not holds():
        await pilot.pause(0.01)


def picture(screen: Screen[Any]) -> str:
    """The whole screen as text."""
    lines = screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


def words(screen: Screen[Any], id: str) -> str:
    """What a static widget says."""
    return str(screen.query_one(f"#{id}", Static).render())


def field(screen: Screen[Any], name: str) -> Input:
    """An input of a form."""
    return screen.query_one(f"#field-{name}", Input)
