"""The bus: every listener hears, whatever another one does."""

from __future__ import annotations

import logging

import pytest

from lab_controller.facts import BookingChanged, Bus, Told

FACT = BookingChanged("b1", "confirmed")


def test_all_hear_in_the_order_they_came() -> None:
    bus, heard = Bus(), []
    bus.listen(lambda fact: heard.append(("first", fact)))
    bus.listen(lambda fact: heard.append(("second", fact)))
    bus.tell(FACT)
    assert heard == [("first", FACT), ("second", FACT)]


def test_a_failing_listener_is_logged_and_the_others_hear(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus, heard = Bus(), []

    def fails(fact: Told) -> None:
        raise LookupError(fact)

    bus.listen(fails)
    bus.listen(heard.append)
    with caplog.at_level(logging.ERROR):
        bus.tell(FACT)
    assert heard == [FACT]
    assert "BookingChanged" in caplog.text


def test_one_that_has_left_hears_nothing_more() -> None:
    bus, heard = Bus(), []
    forget = bus.listen(heard.append)
    bus.tell(FACT)
    forget()
    bus.tell(FACT)
    assert heard == [FACT]


def test_a_listener_may_leave_while_it_hears() -> None:
    bus, heard = Bus(), []

    def once(fact: Told) -> None:
        forget()

    forget = bus.listen(once)
    bus.listen(heard.append)
    bus.tell(FACT)
    bus.tell(FACT)
    assert heard == [FACT, FACT]
