"""The console on the fake lab, as the tests of this room use it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.events import Key
from textual.keys import _character_to_key, key_to_character
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
    while True:
        await quiet()
        asked = [one for one in app.workers if one.group != "feed"]
        await asyncio.gather(*(one.wait() for one in asked), return_exceptions=True)
        await app.animator.wait_until_complete()
        app.screen._on_timer_update()  # drawn now and not at the next sixtieth of a second
        if not asked and not ready():
            return


async def quiet() -> None:
    """Until everybody waits: for a question, for a moment, or for this."""
    while True:
        await asyncio.sleep(0)
        if not ready():
            return


def ready() -> int:
    """How much on this loop could run at once."""
    return len(asyncio.get_running_loop()._ready)  # type: ignore[attr-defined]


def strike(app: LabApp, key: str) -> None:
    """A key as the terminal sends it."""
    name = _character_to_key(key) if len(key) == 1 else key
    app.post_message(Key(name, key if len(key) == 1 else key_to_character(name)))


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, each with its answer."""
    app = pilot.app
    assert isinstance(app, LabApp)
    for key in keys:
        strike(app, key)
        await settled(pilot)


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Let the console go on until something holds; the test's timeout bounds it."""
    while not holds():
        await asyncio.sleep(0.01)
        pilot.app.screen._on_timer_update()


def picture(screen: Screen[Any]) -> str:
    """The whole screen as text."""
    lines = screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


def words(screen: Screen[Any], id: str) -> str:
    """What a static widget says."""
    return str(screen.query_one(f"#{id}", Static).render())


def called(lab: FakeLab) -> list[str]:
    """The names of what the lab was asked to do."""
    return [name for name, _ in lab.calls]


def what(lab: FakeLab, name: str) -> Any:
    """What the last call of this name said."""
    return [about for one, about in lab.calls if one == name][-1]


def field(screen: Screen[Any], name: str) -> Input:
    """An input of a form."""
    return screen.query_one(f"#field-{name}", Input)
