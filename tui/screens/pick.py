"""Picking one row out of a list."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from tui.keymap import bindings
from tui.screens.dialog import Dialog
from tui.station import Station
from tui.widgets.rows import Row, Rows


class Pick(Dialog[str | None]):
    """A list to take one key from; None when nothing was taken."""

    SCOPES = ("pick",)
    BINDINGS = bindings("pick")

    def __init__(
        self, station: Station, title: str, rows: Sequence[Row], key: str = "", *, empty: str = ""
    ) -> None:
        super().__init__(station, title)
        self._rows, self._key, self._empty = rows, key, empty

    def body(self) -> ComposeResult:
        yield Rows(id="picks", empty=self._empty)

    def on_mount(self) -> None:
        """Show the rows with the cursor on the present one."""
        rows = self.query_one(Rows)
        rows.styles.height = max(1, min(12, len(self._rows)))
        rows.show(self._rows)
        rows.put_cursor(self._key)
        rows.focus()

    def on_rows_chosen(self, chosen: Rows.Chosen) -> None:
        """A double click takes the row."""
        self.dismiss(chosen.key)

    def action_take(self) -> None:
        """Take the row under the cursor."""
        key = self.query_one(Rows).key
        if key:
            self.dismiss(key)

    def action_back(self) -> None:
        """Take nothing."""
        self.dismiss(None)
