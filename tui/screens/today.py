"""Today: which equipment is taken when, and what has to be done next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.message import Message

from lab_controller.wire import BookingShape, EquipmentShape
from tui.booking_words import booking_words
from tui.keymap import bindings
from tui.look import BAD, BOOKING
from tui.messages import BookingsCame
from tui.screens.booking_steps import BookingSteps
from tui.station import Station
from tui.steps import shown_state
from tui.widgets.board import Block, Board, Day
from tui.widgets.panel import Panel

WIDE = 110
SHORT_DAY, LONG_DAY = 24, 30
ON_BOARD = frozenset({"requested", "confirmed", "checked_in", "completed"})


class Today(BookingSteps):
    """The board of a day."""

    NAME, SCOPES, TOPICS = "today", ("steps", "today"), frozenset({"bookings"})
    BINDINGS = bindings("steps", "today")

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self._shift = 0
        self._bookings: dict[str, BookingShape] = {}
        self._equipment: list[EquipmentShape] = []

    def body(self) -> ComposeResult:
        yield Panel(id="day-title")
        yield Board(id="board")
        yield Panel(id="detail")

    def on_mount(self) -> None:
        """The keys of the board work at once."""
        self.query_one(Board).focus()

    @property
    def _first(self) -> datetime:
        """Midnight of the day shown, in the lab's zone."""
        day = self.view.local_now.date() + timedelta(days=self._shift)
        return datetime(day.year, day.month, day.day, tzinfo=self.view.zone)

    def day_wanted(self) -> date:
        return self._first.date()

    def selected(self) -> BookingShape | None:
        return self._bookings.get(self.query_one(Board).key)

    def action_day(self, step: int) -> None:
        """An earlier or later day; 0 comes back to today."""
        self._shift = self._shift + step if step else 0
        self.lab_changed({"bookings"})

    # -- reading ------------------------------------------------------------------------------

    def load(self, topics: Collection[str]) -> None:
        self.ask(self._read, group="today")

    async def _read(self) -> Message:
        first, client = self._first, self.station.client
        bookings = await client.bookings(first, first + timedelta(hours=LONG_DAY))
        return BookingsCame(bookings, await client.equipment())

    @on(BookingsCame)
    def _came(self, came: BookingsCame) -> None:
        self._bookings = {one.id: one for one in came.bookings}
        self._equipment = came.equipment
        self.draw()

    # -- drawing ------------------------------------------------------------------------------

    def draw(self) -> None:
        first = self._first
        relative = self.t.word("relative", str(self._shift))
        counts = self.t(
            "today.counts",
            waiting=sum(one.state == "requested" for one in self._bookings.values()),
            here=sum(one.state == "checked_in" for one in self._bookings.values()),
        )
        title = f" {self.t.day(first)} {relative}   {counts}"
        words = Text(title)
        lost = sum(bool(one.outcome_unknown) for one in self.view.devices.values())
        if lost:
            words.append(f"   {self.t('today.unknown', n=lost)}", BAD)
        if self.size.width >= WIDE:
            words.append(f"   {self.t('today.legend')}")
        self.query_one("#day-title", Panel).say(words)
        now = self.view.local_now.replace(second=0, microsecond=0)
        shows_now = self.view.now is not None and first <= now < first + timedelta(days=1)
        lanes = [(one.id, one.name) for one in self._equipment]
        blocks = [self._block(one) for one in self._bookings.values() if one.state in ON_BOARD]
        late = any(one.end > first + timedelta(hours=SHORT_DAY) for one in blocks)
        hours = LONG_DAY if late else SHORT_DAY
        day = Day(first, lanes, blocks, now if shows_now else None, hours)
        self.query_one(Board).show(day)
        self._draw_detail()

    def _block(self, booking: BookingShape) -> Block:
        state = shown_state(booking)
        start, end = self.view.local(booking.start), self.view.local(booking.end)
        lines = (booking.party_name, self.t.word("state", state), f"-{end:%H:%M}")
        return Block(booking.id, booking.equipment, start, end, BOOKING[state], lines)

    @on(Board.Selected)
    def _draw_detail(self) -> None:
        words = booking_words(self.selected(), self.view, self.t)
        self.query_one("#detail", Panel).say(words)
