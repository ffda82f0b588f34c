"""A list drawn line by line: only rows that changed are drawn again, so it may hold live values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keymap import bindings
from tui.look import DIM, KEY, PLAIN

CURSOR = Style(bgcolor="#2b3a4f", bold=True)
CURSOR_AWAY = Style(bgcolor="#232c38")
BLANK = Style()
MARGIN = 2
CUT = "~"


@dataclass(frozen=True, slots=True)
class Row:
    """One line; rows with an empty key are headings and are passed over."""

    key: str
    text: Text


class Rows(ScrollView, can_focus=True):
    """Rows with a cursor. Posts Highlighted when the cursor moves and Chosen on a click."""

    BINDINGS = bindings("rows")
    cursor: reactive[int] = reactive(0, repaint=False)

    class Highlighted(Message):
        """The cursor is on another row."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows, self.key = rows, key

        @property
        def control(self) -> Rows:
            return self.rows

    class Chosen(Highlighted):
        """A row was clicked twice."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._empty = empty
        self._strips: dict[int, tuple[Text, bool, int, Strip]] = {}

    @property
    def key(self) -> str:
        """The key under the cursor; empty when there is no row."""
        return self._rows[self.cursor].key if self.cursor < len(self._rows) else ""

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor stays on its key where that is still there."""
        key, old = self.key, self._rows
        self._rows = rows
        keys = [row.key for row in rows]
        self.virtual_size = Size(0, len(rows))
        place = keys.index(key) if key in keys else min(self.cursor, max(0, len(rows) - 1))
        self.cursor = self._nearest(place, 1)
        if len(old) != len(rows):
            self.refresh()
        for number, row in enumerate(rows[: len(old)]):
            if row != old[number]:
                self._draw_again(number)
        if self.key != key:
            self.post_message(self.Highlighted(self, self.key))

    def put_cursor(self, key: str) -> None:
        """Put the cursor on a key, if it is there."""
        keys = [row.key for row in self._rows]
        if key in keys:
            self.cursor = keys.index(key)

    def _nearest(self, place: int, step: int) -> int:
        """The next place from here that can be selected."""
        if not self._rows:
            return 0
        there = range(place, len(self._rows) if step > 0 else -1, step)
        back = range(place, -1 if step > 0 else len(self._rows), -step)
        return next((n for n in (*there, *back) if self._rows[n].key), 0)

    def _draw_again(self, number: int) -> None:
        self._strips.pop(number, None)
        self.refresh(Region(0, number - int(self.scroll_offset.y), self.size.width, 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw both rows again, keep the new one in sight, say so."""
        self._draw_again(old)
        self._draw_again(new)
        if self.size.height:
            self.scroll_to_region(Region(0, new, 1, 1), animate=False, force=True)
        if old != new:
            self.post_message(self.Highlighted(self, self.key))

    # -- drawing ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the list, from the strips kept."""
        number, width = y + int(self.scroll_offset.y), self.size.width
        if not self._rows and number == 0:
            return self._strip(Text(self._empty, DIM), "  ", width, BLANK)
        if number >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row, has_cursor = self._rows[number], number == self.cursor and bool(self.key)
        kept = self._strips.get(number)
        lit = has_cursor and self.has_focus
        if kept and kept[0] is row.text and kept[1] is has_cursor and kept[2] == width + lit * 1000:
            return kept[3]
        style = (CURSOR if lit else CURSOR_AWAY) if has_cursor else BLANK
        strip = self._strip(row.text, "> " if has_cursor else "  ", width, style)
        self._strips[number] = (row.text, has_cursor, width + lit * 1000, strip)
        return strip

    def _strip(self, text: Text, margin: str, width: int, style: Style) -> Strip:
        line = Text.assemble((margin, KEY), text, style=PLAIN, end="")
        base = self.rich_style + style
        strip = Strip(line.render(self.app.console))
        if 0 < width < strip.cell_length:
            kept = strip.adjust_cell_length(width - 1, base)
            strip = Strip.join([kept, Strip([Segment(CUT, DIM)], 1)])
        return strip.adjust_cell_length(width, base).apply_style(base)

    def notify_style_update(self) -> None:
        """Colours have changed: nothing kept is right any more."""
        self._strips.clear()
        super().notify_style_update()

    def watch_has_focus(self, value: bool) -> None:
        """The cursor looks different with the focus."""
        super().watch_has_focus(value)
        self._draw_again(self.cursor)

    # -- moving -------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """One row up or down."""
        if self._rows:
            place = max(0, min(len(self._rows) - 1, self.cursor + step))
            self.cursor = self._nearest(place, step)

    def action_page(self, step: int) -> None:
        """One page up or down."""
        if self._rows:
            place = self.cursor + step * max(1, self.size.height - 1)
            self.cursor = self._nearest(max(0, min(len(self._rows) - 1, place)), step)

    def action_edge(self, edge: int) -> None:
        """The first or the last row."""
        if self._rows:
            self.cursor = self._nearest(0 if edge == 0 else len(self._rows) - 1, edge or 1)

    def on_click(self, click: Click) -> None:
        """A click puts the cursor, a double click chooses."""
        number = click.y + int(self.scroll_offset.y)
        if number < len(self._rows) and self._rows[number].key:
            self.cursor = number
            if click.chain == 2:
                self.post_message(self.Chosen(self, self.key))
