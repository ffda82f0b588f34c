"""The whole run on one strip, each cell a letter for what that time was; drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from lab_controller.wire_replay import ElementShape
from tui.look import DIM, FAINT, KEY, Mark
from tui.widgets.board import Painter

UNKNOWN = Mark("?", Style(color="#12161c", bgcolor="#8a94a3"))
ELEMENT = {
    "production": Mark("P", Style(color="#04140a", bgcolor="#58d07f")),
    "setup": Mark("S", Style(color="#ffffff", bgcolor="#27589c")),
    "delay": Mark("W", Style(color="#241a00", bgcolor="#e5b94e")),
    "down": Mark("X", Style(color="#ffffff", bgcolor="#b3201c", bold=True)),
    "idle": Mark("-", Style(color="#d6dbe2", bgcolor="#39424f")),
    "unknown": UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when the strip goes, and what each stretch of it was."""

    start: datetime
    end: datetime
    elements: Sequence[ElementShape]


class Timeline(Widget):
    """Three lines: where we are, the letters, and the tenths to jump to."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._span: Span | None = None
        self._at: datetime | None = None
        self._cells: tuple[int, list[str]] = (0, [])

    def show(self, span: Span, at: datetime) -> None:
        """Show this run with its cursor here."""
        if (span, at) == (self._span, self._at):
            return
        if span != self._span:
            self._cells = (0, [])
        self._span, self._at = span, at
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One of the three lines."""
        painter = Painter(self.size.width, self.rich_style)
        if self._span is not None and self._at is not None and self.size.width > 2:
            (self._cursor, self._letters, self._tenths)[min(y, 2)](painter)
        return painter.strip()

    def _place(self, at: datetime) -> int:
        assert self._span is not None
        length = (self._span.end - self._span.start) / timedelta(microseconds=1) or 1.0
        part = (at - self._span.start) / timedelta(microseconds=1) / length
        return round(max(0.0, min(1.0, part)) * (self.size.width - 1))

    def _cursor(self, painter: Painter) -> None:
        assert self._at is not None
        painter.put(self._place(self._at), "v", self.rich_style + KEY)

    def _letters(self, painter: Painter) -> None:
        assert self._span is not None
        assert self._at is not None
        width = self.size.width
        if self._cells[0] != width:
            self._cells = width, cells(self._span, width)
        here = self._place(self._at)
        for x, element in enumerate(self._cells[1]):
            mark = ELEMENT.get(element, UNKNOWN)
            style = mark.style + Style(reverse=True, bold=True) if x == here else mark.style
            painter.put(x, mark.symbol, style)

    def _tenths(self, painter: Painter) -> None:
        width = self.size.width - 1
        painter.put(width, "|", self.rich_style + FAINT)
        for tenth in range(10):
            painter.put(round(width * tenth / 10), str(tenth), self.rich_style + DIM)


def cells(span: Span, n: int) -> list[str]:
    """What fills most of each of `n` equal parts of the span; empty where nothing is known."""
    width = (span.end - span.start) / n
    found: list[dict[str, timedelta]] = [{} for _ in range(n)]
    if not width:
        return [""] * n
    for one in span.elements:
        first = max(0, int((one.start - span.start) / width))
        last = min(n - 1, int((one.end - span.start) / width))
        for place in range(first, last + 1):
            begin = span.start + place * width
            shared = min(one.end, begin + width) - max(one.start, begin)
            if shared > timedelta():
                part = found[place]
                part[one.element] = part.get(one.element, timedelta()) + shared
    return [max(part, key=lambda name: part[name]) if part else "" for part in found]
