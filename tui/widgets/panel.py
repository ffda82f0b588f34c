"""Words that change often: the same words cost nothing, new ones rarely a new layout."""

from __future__ import annotations

from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip
from textual.widgets import Static

from tui.widgets.scrolling import BELOW, SIGN


class Panel(Static):
    """A text that takes part in layout only when its number of lines changes.

    Where it has more lines than room, the last one seen ends in a sign with how many are not.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said = Text()

    def say(self, text: Text) -> None:
        """Show the text, if it is another one."""
        before, self._said = self._said, text
        if before.plain != text.plain or before.spans != text.spans:
            self.update(text, layout=before.plain.count("\n") != text.plain.count("\n"))

    def render_line(self, y: int) -> Strip:
        """A line of the text, the last one with the sign where lines are left."""
        line, (width, height) = super().render_line(y), self.size
        if not 1 < height == y + 1:
            return line
        hidden = self.visual.get_height({}, width) - height
        if hidden <= 0:
            return line
        sign = f" {BELOW} +{hidden} "
        kept = line.adjust_cell_length(width - len(sign), self.rich_style)
        return Strip.join([kept, Strip([Segment(sign, SIGN)], len(sign))])
