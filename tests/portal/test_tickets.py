"""Tickets open for half an hour and tell nothing."""

from __future__ import annotations

import pytest

from lab_controller.portal import tickets
from lab_controller.portal.tickets import OPEN_S, TicketOver, Tickets


class Watch:
    """A monotonic clock set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_opens_its_booking_until_its_time_is_over() -> None:
    watch = Watch()
    given = Tickets(watch)
    ticket, other = given.give("one"), given.give("two")
    assert (given.booking(ticket), given.booking(other)) == ("one", "two")
    watch.now += OPEN_S - 0.1
    assert given.booking(ticket) == "one"
    watch.now += 0.2
    with pytest.raises(TicketOver):
        given.booking(ticket)


@pytest.mark.parametrize("guess", ["", "one", "x" * 24])
def test_a_guess_opens_nothing(guess: str) -> None:
    given = Tickets(Watch())
    given.give("one")
    with pytest.raises(TicketOver):
        given.booking(guess)


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MOST", 2)
    given = Tickets(Watch())
    first, *last = [given.give(str(number)) for number in range(3)]
    with pytest.raises(TicketOver):
        given.booking(first)
    assert [given.booking(one) for one in last] == ["1", "2"]
