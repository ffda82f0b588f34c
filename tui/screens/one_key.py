"""A question answered by one digit: big enough to be read and pressed with a glove on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.keymap import bindings
from tui.look import BOLD, DIM
from tui.screens.dialog import Dialog
from tui.station import Station

MOST = 9
DIGIT = Style(color="#1b1400", bgcolor="#ffd479", bold=True)
SPACED = 5  # up to so many answers have a line between them on a low screen, too


class OneKey(Dialog[str | None]):
    """Up to nine answers, each with its digit; None when none was given."""

    SCOPES = ("one_key",)
    BINDINGS = bindings("one_key")

    def __init__(
        self, station: Station, title: str, answers: Sequence[tuple[str, str]], words: str = ""
    ) -> None:
        super().__init__(station, title)
        self._answers, self._words = list(answers)[:MOST], words

    def body(self) -> ComposeResult:
        if self._words:
            yield Static(Text(self._words, DIM), classes="words")
        with VerticalScroll(id="answers"):
            yield Static(self._lines(), id="one-key")

    def _lines(self) -> Text:
        gap = "\n\n" if len(self._answers) <= SPACED else "\n"
        lines = [
            Text.assemble((f"  {n}  ", DIGIT), "  ", (label, BOLD))
            for n, (_, label) in enumerate(self._answers, 1)
        ]
        for n, line in enumerate(lines, 1):
            line.apply_meta({"@click": f"screen.take({n})"})
        return Text(gap).join(lines)

    def action_take(self, digit: int) -> None:
        """Take the answer of this digit, if there is one."""
        if digit <= len(self._answers):
            self.dismiss(self._answers[digit - 1][0])

    def action_back(self) -> None:
        """Answer nothing."""
        self.dismiss(None)
