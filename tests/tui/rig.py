"""The console on the fake lab, as the tests of this room use it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from tests.tui.fake_doors import FakeClient
from tests.tui.fake_lab import FakeLab
from tui.app import LabApp
from tui.widgets.bars import StopBar

ROUNDS = 4
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
        self.station.view.silence_s = float("inf")  # the fake lab speaks when a test makes it

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
    """Until every question asked so far has been answered, and every answer heard and drawn."""
    app = pilot.app
    for _ in range(ROUNDS):
        await heard(pilot)
        asked = [one for one in app.workers if one.group != "feed"]
        await asyncio.gather(*(one.wait() for one in asked), return_exceptions=True)
    await pilot.pause()


async def heard(pilot: Pilot[None]) -> None:
    """Until the app, its screen and all widgets have taken what lay in their queues."""
    app = pilot.app
    await taken(pilot, [app])
    await until(pilot, lambda: bool(app.screen.query(StopBar)))
    await taken(pilot, [app.screen, *app.screen.walk_children()])


async def taken(pilot: Pilot[None], nodes: Sequence[MessagePump]) -> None:
    """Until these have taken what lay in their queues, or are gone."""
    marks = {node: asyncio.Event() for node in nodes}
    waited = [node for node, mark in marks.items() if node.call_later(mark.set)]
    await until(pilot, lambda: all(marks[node].is_set() or not node.is_attached for node in waited))


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
