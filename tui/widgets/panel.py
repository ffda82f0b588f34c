"""Words that change often: the same words cost nothing, new ones rarely a new layout."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Panel(Static):
    """A text that takes part in layout only when its number of lines changes."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said = Text()

    def say(self, text: Text) -> None:
        """Show the text, if it is another one."""
        before, self._said = self._said, text
        if before.plain != text.plain or before.spans != text.spans:
            self.update(text, layout=before.plain.count("\n") != text.plain.count("\n"))
