"""The day's board: equipment × time, bookings as blocks, a line for now. Drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keymap import bindings
from tui.look import BOLD, DIM, FAINT, KEY, Mark, fit, halves

CELLS_PER_HOUR = 6
NAME_WIDTH = 20
LANES = (4, 3)
NOW = Style(color="#ff5f57", bold=True)
NOW_ON_TEXT = Style(color="#ffffff", bgcolor="#d8433b", bold=True)
SHADES = (Style(bgcolor="#12161c"), Style(bgcolor="#171c24"))


@dataclass(frozen=True, slots=True)
class Block:
    """One booking on the board; `lines` are drawn inside it, the third where there is room."""

    key: str
    lane: str
    start: datetime
    end: datetime
    mark: Mark
    lines: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Day:
    """What the board shows: lanes of equipment (id, name), blocks, local times.

    `hours` are more than 24 where something goes on past midnight.
    """

    first: datetime
    lanes: Sequence[tuple[str, str]]
    blocks: Sequence[Block]
    now: datetime | None
    hours: int = 24


class Painter:
    """One line of cells with a style each; a wide character cut in two becomes blanks."""

    def __init__(self, width: int, style: Style) -> None:
        self.cells: list[tuple[str, Style]] = [(" ", style)] * width

    def put(self, x: int, text: str, style: Style) -> None:
        """Write from cell `x` on; what does not fit is left out."""
        for char in text:
            cells = cell_len(char)
            if x >= 0 and x + cells <= len(self.cells):
                self._heal(x, cells)
                self.cells[x] = (char, style)
                for extra in range(1, cells):
                    self.cells[x + extra] = ("", style)
            x += cells

    def _heal(self, x: int, cells: int) -> None:
        """Blank out the halves of wide characters that are about to be cut."""
        if self.cells[x][0] == "":
            self.cells[x - 1] = (" ", self.cells[x - 1][1])
        after = x + cells
        if after < len(self.cells) and self.cells[after][0] == "":
            self.cells[after] = (" ", self.cells[after][1])

    def line_at(self, x: int) -> None:
        """Let the line for now pass: a sign where nothing is written, else a mark on the text."""
        if not 0 <= x < len(self.cells):
            return
        char, style = self.cells[x]
        if char in (" ", "."):
            self.put(x, "|", style + NOW)
        else:
            first = x if char else x - 1
            self.cells[first] = (self.cells[first][0], style + NOW_ON_TEXT)

    def strip(self) -> Strip:
        """The finished line."""
        return Strip([Segment(char, style) for char, style in self.cells if char], len(self.cells))


class Board(ScrollView, can_focus=True):
    """The board and its selection. Posts Selected when another block is selected."""

    BINDINGS = bindings("board")

    class Selected(Message):
        """Another booking is selected; the key is empty when there is none."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._day: Day | None = None
        self._height = LANES[-1]
        self.key = ""

    def show(self, day: Day) -> None:
        """Show this day; the selection stays where it can, else goes to what is next."""
        if day == self._day:
            return
        self._day = day
        self._measure()
        if self.key not in {block.key for block in day.blocks}:
            self.select(self._upcoming(day))
        self.refresh()

    def on_resize(self) -> None:
        """The lanes are as high as there is room for."""
        self._measure()

    def _measure(self) -> None:
        lanes, room = len(self._day.lanes) if self._day else 0, self.size.height - 1
        self._height = next((one for one in LANES if one * lanes <= room), LANES[-1])
        self.virtual_size = Size(0, lanes * self._height + 1)

    @staticmethod
    def _upcoming(day: Day) -> str:
        """The block under way, or the next one, or the last."""
        ordered = sorted(day.blocks, key=lambda block: block.start)
        open_ones = [one for one in ordered if day.now is None or one.end > day.now]
        chosen = open_ones[0] if open_ones else (ordered[-1] if ordered else None)
        return chosen.key if chosen else ""

    def select(self, key: str) -> None:
        """Select a block and say so."""
        self.key = key
        lane = self._lane_of(key)
        if lane is not None and self.size.height:
            self.scroll_to_region(
                Region(0, lane * self._height, 1, self._height + 1), animate=False, force=True
            )
        self.refresh()
        self.post_message(self.Selected(key))

    def _lane_of(self, key: str) -> int | None:
        if self._day is None:
            return None
        lanes = [id for id, _ in self._day.lanes]
        block = next((one for one in self._day.blocks if one.key == key), None)
        return lanes.index(block.lane) if block and block.lane in lanes else None

    # -- moving -------------------------------------------------------------------------------

    def action_move(self, across: int, down: int) -> None:
        """Select a neighbour: along the lane, or the nearest in time of the next lane with one."""
        day, here = self._day, self._lane_of(self.key)
        if day is None or here is None:
            return
        ids = [id for id, _ in day.lanes]
        current = next(one for one in day.blocks if one.key == self.key)
        if across:
            lane = self._in_lane(ids[here])
            self.select(lane[max(0, min(len(lane) - 1, lane.index(current) + across))].key)
            return
        for number in range(here + down, len(ids) if down > 0 else -1, down):
            if lane := self._in_lane(ids[number]):
                self.select(min(lane, key=lambda one: abs(one.start - current.start)).key)
                return

    def _in_lane(self, lane: str) -> list[Block]:
        blocks = self._day.blocks if self._day else ()
        return sorted((one for one in blocks if one.lane == lane), key=lambda one: one.start)

    # -- drawing ------------------------------------------------------------------------------

    @property
    def _window(self) -> tuple[datetime, int]:
        """The first hour in sight and how many hours fit beside the names."""
        assert self._day is not None
        hours = min(self._day.hours, max(1, (self.size.width - NAME_WIDTH - 1) // CELLS_PER_HOUR))
        anchor = next((one.start for one in self._day.blocks if one.key == self.key), None)
        wanted = anchor or self._day.now or self._day.first + timedelta(hours=8)
        now = self._day.now
        if now and abs(now - wanted) < timedelta(hours=hours - 4):
            wanted = min(now, wanted)
        offset = int((wanted - self._day.first) / timedelta(hours=1)) - 2
        return self._day.first + timedelta(
            hours=max(0, min(self._day.hours - hours, offset))
        ), hours

    def _x(self, at: datetime, first: datetime) -> int:
        return NAME_WIDTH + round((at - first) / timedelta(hours=1) * CELLS_PER_HOUR)

    def render_line(self, y: int) -> Strip:
        """One line: the hours on top, which stay, then the lanes."""
        if self._day is None:
            return Strip.blank(self.size.width, self.rich_style)
        if y == 0:
            return self._hours().strip()
        lane, line = divmod(y - 1 + int(self.scroll_offset.y), self._height)
        if lane >= len(self._day.lanes):
            return Strip.blank(self.size.width, self.rich_style)
        return self._lane(lane, line).strip()

    def _hours(self) -> Painter:
        assert self._day is not None
        first, hours = self._window
        base = self.rich_style
        painter = Painter(self.size.width, base)
        for number in range(hours + 1):
            hour = first + timedelta(hours=number)
            painter.put(self._x(hour, first), f"{hour:%H}" if number < hours else "", base + DIM)
        if self._day.now and first <= self._day.now <= first + timedelta(hours=hours):
            x = self._x(self._day.now, first) - 3
            painter.put(min(x, self.size.width - 7), f" {self._day.now:%H:%M} ", base + NOW)
        return painter

    def _lane(self, lane: int, line: int) -> Painter:
        assert self._day is not None
        (id, name), (first, hours) = self._day.lanes[lane], self._window
        last = first + timedelta(hours=hours)
        shade = self.rich_style + SHADES[lane % 2]
        painter = Painter(self.size.width, shade)
        head, tail = halves(name, NAME_WIDTH - 2)
        painter.put(1, (head, tail, "", "")[line], shade + (BOLD if line == 0 else DIM))
        for number in range(hours + 1):
            painter.put(self._x(first + timedelta(hours=number), first), ".", shade + FAINT)
        for block in self._in_lane(id):
            if line < self._height - 1 and block.end > first and block.start < last:
                self._draw_block(painter, block, line, first, last)
        if self._day.now and first <= self._day.now <= last:
            painter.line_at(self._x(self._day.now, first))
        return painter

    def _draw_block(
        self, painter: Painter, block: Block, line: int, first: datetime, last: datetime
    ) -> None:
        start, end = max(block.start, first), min(block.end, last)
        left, right = self._x(start, first), max(self._x(start, first) + 1, self._x(end, first))
        style, width = block.mark.style, right - left
        text = (f"{block.mark.symbol} {block.lines[0]}", *block.lines[1:])[line]
        painter.put(left, fit(text if width > 2 else block.mark.symbol, width), style)
        if block.key == self.key:
            edge = Style(reverse=True, bold=True)
            painter.put(left, "[", style + edge + KEY)
            painter.put(right - 1, "]", style + edge + KEY)
            inside = fit(text, max(0, width - 2)) if width > 4 else ""
            painter.put(left + 1, inside, style + Style(bold=True))
