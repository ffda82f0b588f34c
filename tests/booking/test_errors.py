"""Errors carry a stable code and text parameters, and show both to whoever reads a log."""

from __future__ import annotations

from booking.errors import BookingRefused, NotAllowed, Problem, UnknownBooking
from booking.model import Text


def test_an_error_shows_its_code_and_its_parameters() -> None:
    assert str(UnknownBooking(booking=7)) == "booking.unknown_booking(booking=7)"
    refused = NotAllowed(number="2026-0001", state="completed", verb="cancel")
    assert str(refused).startswith("booking.cannot_cancel(number=2026-0001, state=completed")


def test_a_refusal_carries_every_problem() -> None:
    problems = [Problem("booking.overlap"), Problem("booking.too_soon")]
    refused = BookingRefused(problems)
    assert refused.problems == tuple(problems)
    assert refused.params == {"problems": "booking.overlap booking.too_soon"}


def test_a_text_speaks_japanese_unless_english_is_asked_for() -> None:
    text = Text("設備", "equipment")
    assert [text.in_language(language) for language in ("ja", "en", "fr")] == [
        "設備",
        "equipment",
        "設備",
    ]
