"""The command palette: every key's action by name, in Japanese, English or romaji."""

from __future__ import annotations

from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from tui.keymap import SCOPES, Key, keys_of
from tui.screens.base import LabScreen
from tui.station import Station
from tui.texts import Texts
from tui.widgets.bars import StopBar


class KeyCommands(Provider):
    """The actions of the screen the palette was opened on, and those that work everywhere."""

    def _found(self) -> list[tuple[Key, str]]:
        screen = self.screen
        scopes = screen.SCOPES if isinstance(screen, LabScreen) else ()
        local = [(key, "screen") for key in keys_of(scopes)]
        everywhere = [(key, "app") for key in SCOPES["global"] if key.id != "palette"]
        return [*local, *everywhere]

    @property
    def _texts(self) -> Texts:
        screen = self.screen
        assert isinstance(screen, LabScreen)
        return screen.t

    async def _run(self, key: Key, where: str) -> None:
        await (self.screen if where == "screen" else self.app).run_action(key.action)

    async def discover(self) -> Hits:
        """All of them while nothing has been typed."""
        t = self._texts
        for key, where in self._found():
            name = f"{t(f'key.{key.id}')}  ({key.shown})"
            run = partial(self._run, key, where)
            yield DiscoveryHit(name, run, help=t(f"help.{key.id}"))

    async def search(self, query: str) -> Hits:
        """Those whose name, romaji or help fits what was typed."""
        matcher, t = self.matcher(query), self._texts
        for key, where in self._found():
            name = f"{t(f'key.{key.id}')}  ({key.shown})"
            words = f"{name} {t(f'roma.{key.id}')} {t(f'help.{key.id}')}"
            score = matcher.match(words)
            if score > 0:
                run = partial(self._run, key, where)
                yield Hit(score, Text(name), run, help=t(f"help.{key.id}"))


class Palette(CommandPalette):
    """The palette with the stop bar below it."""

    def __init__(self, station: Station) -> None:
        super().__init__(placeholder=station.t("palette.hint"), id="--command-palette")
        self._station = station

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield StopBar(self._station, id="stop-bar")
