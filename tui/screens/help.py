"""Every key that works here, with what it does."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.keymap import SCOPES, Key, bindings
from tui.look import BOLD, DIM, KEY, PLAIN, column, right
from tui.screens.dialog import Dialog
from tui.station import Station

KEY_WIDTH, NAME_WIDTH = 7, 18


class Help(Dialog[None]):
    """The keys of this screen first, then of lists, and those that work everywhere."""

    BINDINGS = bindings("close")

    def __init__(self, station: Station, scopes: Sequence[str]) -> None:
        super().__init__(station, station.t("help.title"))
        self._scopes = (*(scope for scope in scopes if scope != "global"), "rows", "global")

    def body(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Text("\n").join(self._lines()))

    def _lines(self) -> list[Text]:
        portal = self.t("help.portal", url=self.station.client.url)
        lines = [Text(portal, DIM), Text()]
        for scope in self._scopes:
            lines.append(Text(self.t(f"scope_keys.{scope}"), BOLD))
            lines += [self._line(key) for key in SCOPES[scope]]
            lines.append(Text())
        return [*lines, Text(self.t("help.safety"), KEY)]

    def _line(self, key: Key) -> Text:
        return Text("  ").join(
            [
                right(key.shown, KEY_WIDTH, KEY),
                column(self.t(f"key.{key.id}"), NAME_WIDTH, PLAIN),
                Text(self.t(f"help.{key.id}"), DIM),
            ]
        )

    def action_close(self) -> None:
        """Back to work."""
        self.dismiss()
