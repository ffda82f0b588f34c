"""One choice out of a few, on one line: left and right turn it, Enter opens the list."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.message import Message
from textual.widgets import Static

from tui.keymap import bindings
from tui.look import BOLD, DIM, KEY

Choices = Sequence[tuple[str, str]]


class Choice(Static, can_focus=True):
    """A field that takes one of (value, label)."""

    BINDINGS = bindings("choice")

    class Opened(Message):
        """The whole list is wanted."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, choices: Choices, value: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = choices
        values = [one for one, _ in choices]
        self._place = values.index(value) if value in values else 0

    @property
    def value(self) -> str:
        """The value chosen; empty when there is nothing to choose from."""
        return self.choices[self._place][0] if self.choices else ""

    def take(self, value: str) -> None:
        """Choose this value."""
        self._place = [one for one, _ in self.choices].index(value)
        self.refresh()

    def render(self) -> Text:
        """The label between the signs for turning."""
        label = self.choices[self._place][1] if self.choices else "-"
        style = KEY if self.has_focus else DIM
        return Text.assemble(("< ", style), (label, BOLD), (" >", style), no_wrap=True)

    def action_turn(self, step: int) -> None:
        """The next or previous one."""
        if self.choices:
            self._place = (self._place + step) % len(self.choices)
            self.refresh()

    def action_open(self) -> None:
        """Ask for the whole list."""
        self.post_message(self.Opened(self))
