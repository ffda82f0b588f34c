"""The state machine is the one of the design."""

from __future__ import annotations

import pytest

from booking.states import (
    HOLDING,
    PUBLIC_WORDS,
    TRANSITIONS,
    PublicWord,
    State,
    Verb,
    allowed_verbs,
    next_state,
)


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        ("requested", "confirm waitlist decline cancel"),
        ("waitlisted", "confirm decline cancel"),
        ("confirmed", "cancel check_in no_show"),
        ("checked_in", "check_out"),
        ("completed", ""),
        ("declined", ""),
        ("cancelled", ""),
        ("no_show", "check_in"),
    ],
)
def test_what_may_follow(state: str, verbs: str) -> None:
    assert allowed_verbs(State(state)) == tuple(Verb(verb) for verb in verbs.split())


def test_every_verb_has_its_row_and_every_state_its_public_word() -> None:
    assert set(TRANSITIONS) == set(Verb)
    assert set(PUBLIC_WORDS) == set(State)
    assert set(PUBLIC_WORDS.values()) == set(PublicWord)


def test_requested_confirmed_and_checked_in_hold_the_slot() -> None:
    assert {"requested", "confirmed", "checked_in"} == HOLDING


def test_a_verb_out_of_place_leads_nowhere() -> None:
    assert next_state(State.COMPLETED, Verb.CANCEL) is None
    assert next_state(State.CONFIRMED, Verb.CHECK_IN) is State.CHECKED_IN
