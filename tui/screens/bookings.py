"""Bookings: everything asked for and agreed, as a list to search and to work through."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from lab_controller.wire import BookingShape
from tui.booking_words import booking_words
from tui.keymap import bindings
from tui.look import BOLD, BOOKING, DIM, KEY, PLAIN, Mark, column, joined
from tui.messages import BookingsCame
from tui.screens.booking_steps import BookingSteps
from tui.station import Station
from tui.steps import shown_state
from tui.widgets.panel import Panel
from tui.widgets.rows import MARGIN, Row, Rows

DAYS_BACK, DAYS_AHEAD = 2, 62
FILTERS: dict[str, frozenset[str]] = {
    "open": frozenset({"requested", "waitlisted", "confirmed", "checked_in"}),
    "requested": frozenset({"requested", "waitlisted"}),
    "here": frozenset({"checked_in"}),
    "over": frozenset({"completed", "declined", "cancelled", "no_show"}),
    "all": frozenset(BOOKING),
}
WIDTHS = {"day": 9, "time": 11, "state": 14, "party": 20, "equipment": 0, "number": 10}
NARROW, WIDE = {"state": 12, "party": 16}, 100


class Search(Input):
    """The words to look for; leaving it keeps them."""

    BINDINGS = bindings("search")

    def action_leave(self) -> None:
        """Back to the list."""
        self.screen.query_one(Rows).focus()


class Bookings(BookingSteps):
    """The list, its filter, and the booking under the cursor."""

    NAME, SCOPES, TOPICS = "bookings", ("steps", "bookings"), frozenset({"bookings"})
    BINDINGS = bindings("steps", "bookings")

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self._bookings: dict[str, BookingShape] = {}
        self._filter = "open"

    def body(self) -> ComposeResult:
        with Horizontal(id="list-head"):
            yield Panel(id="filter")
            yield Search(placeholder=self.t("list.search_hint"), compact=True, id="search")
        yield Panel(id="headings")
        yield Rows(id="bookings", empty=self.t("list.empty"))
        yield Panel(id="detail")

    def on_mount(self) -> None:
        """The keys of the list work at once."""
        self.query_one(Rows).focus()

    def selected(self) -> BookingShape | None:
        return self._bookings.get(self.query_one(Rows).key)

    def action_search(self) -> None:
        """Type what to look for."""
        self.query_one(Search).focus()

    def action_filter(self) -> None:
        """The next group of states."""
        names = list(FILTERS)
        self._filter = names[(names.index(self._filter) + 1) % len(names)]
        self.draw()

    # -- reading ------------------------------------------------------------------------------

    def load(self, topics: Collection[str]) -> None:
        self.ask(self._read, group="bookings")

    async def _read(self) -> Message:
        now = self.view.local_now
        start, end = now - timedelta(days=DAYS_BACK), now + timedelta(days=DAYS_AHEAD)
        return BookingsCame(await self.station.client.bookings(start, end), [])

    @on(BookingsCame)
    def _came(self, came: BookingsCame) -> None:
        self._bookings = {one.id: one for one in came.bookings}
        self.draw()

    # -- drawing ------------------------------------------------------------------------------

    @on(Input.Changed)
    def draw(self) -> None:
        """Show what the filter lets through, in order of time."""
        words = self.query_one(Search).value.strip().casefold()
        states = FILTERS[self._filter]
        shown = [
            one
            for one in sorted(self._bookings.values(), key=lambda one: one.start)
            if one.state in states and words in searchable(one)
        ]
        self.query_one(Rows).show([Row(one.id, self._line(one)) for one in shown])
        self.query_one("#headings", Panel).say(self._headings())
        label = Text.assemble((" f ", KEY), (self.t(f"filter.{self._filter}"), BOLD))
        label.append(f"  {self.t('list.count', n=len(shown))}   ", DIM)
        label.append("/ ", KEY)
        self.query_one("#filter", Panel).say(label)
        self._draw_detail()

    @property
    def _widths(self) -> dict[str, int]:
        """Cells for each column; the equipment takes what is left, the number is never cut."""
        widths = WIDTHS if self.size.width >= WIDE else WIDTHS | NARROW
        taken = sum(widths.values()) + len(widths) - 1 + MARGIN
        return widths | {"equipment": max(0, self.size.width - taken)}

    def _headings(self) -> Text:
        widths = self._widths.items()
        cells = [column(self.t(f"column.{name}"), width, DIM) for name, width in widths]
        return Text("  ") + joined(cells)

    def _line(self, one: BookingShape) -> Text:
        start, end = self.view.local(one.start), self.view.local(one.end)
        widths = self._widths
        mark = BOOKING.get(shown_state(one), Mark("?", PLAIN))
        state = f"{mark.symbol} {self.t.word('state', shown_state(one))}"
        return joined(
            [
                column(self.t.day(start), widths["day"]),
                column(self.t.span(start, end), widths["time"], BOLD),
                column(state, widths["state"], mark.style),
                column(one.party_name, widths["party"], BOLD),
                column(one.equipment_name, widths["equipment"]),
                Text(one.number, DIM),
            ]
        )

    @on(Rows.Highlighted)
    def _draw_detail(self) -> None:
        words = booking_words(self.selected(), self.view, self.t)
        self.query_one("#detail", Panel).say(words)


def searchable(one: BookingShape) -> str:
    """What a booking is found by."""
    words = (one.number, one.party_name, one.equipment_name, one.operator_name, one.contact)
    return " ".join((*words, one.phone, one.purpose)).casefold()
