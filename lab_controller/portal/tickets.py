"""Short-lived addresses: whoever proved to hold a booking reads its pages for half an hour.

So neither number nor code ever stands in an address, a browser's history or a server's log.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from lab_controller.errors import LabError

OPEN_S = 30 * 60.0
MOST = 10_000


class TicketOver(LabError):
    """The address has been open long enough, or never was one."""

    code = "portal.ticket_over"


class Tickets:
    """Tickets in the order they were given; real seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._given: dict[str, tuple[str, float]] = {}

    def give(self, booking: str) -> str:
        """A new ticket for a booking."""
        now = self._monotonic()
        self._given = {key: one for key, one in self._given.items() if one[1] > now}
        while len(self._given) >= MOST:
            del self._given[next(iter(self._given))]
        ticket = secrets.token_urlsafe(18)
        self._given[ticket] = booking, now + OPEN_S
        return ticket

    def booking(self, ticket: str) -> str:
        """The booking's id. Raises TicketOver."""
        booking, until = self._given.get(ticket, ("", 0.0))
        if not booking or self._monotonic() >= until:
            raise TicketOver
        return booking
