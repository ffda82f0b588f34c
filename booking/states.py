"""The life of a booking: its states, which verb leads where, and what the public calls them."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a booking stands."""

    REQUESTED = "requested"
    WAITLISTED = "waitlisted"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class Verb(StrEnum):
    """What can be done with a booking that exists; `check_out` completes it."""

    CONFIRM = "confirm"
    WAITLIST = "waitlist"
    DECLINE = "decline"
    CANCEL = "cancel"
    CHECK_IN = "check_in"
    CHECK_OUT = "check_out"
    NO_SHOW = "no_show"


class PublicWord(StrEnum):
    """The four words the public sees: 申込み中 / 確定 / 利用済み / 取消し."""

    APPLIED = "applied"
    CONFIRMED = "confirmed"
    USED = "used"
    CANCELLED = "cancelled"


HOLDING = frozenset({State.REQUESTED, State.CONFIRMED, State.CHECKED_IN})
"""States that keep others out of the slot. The database's triggers hold the same set."""

# A party that arrives after it was marked absent may still come in, if its slot is free.
TRANSITIONS: dict[Verb, tuple[frozenset[State], State]] = {
    Verb.CONFIRM: (frozenset({State.REQUESTED, State.WAITLISTED}), State.CONFIRMED),
    Verb.WAITLIST: (frozenset({State.REQUESTED}), State.WAITLISTED),
    Verb.DECLINE: (frozenset({State.REQUESTED, State.WAITLISTED}), State.DECLINED),
    Verb.CANCEL: (
        frozenset({State.REQUESTED, State.WAITLISTED, State.CONFIRMED}),
        State.CANCELLED,
    ),
    Verb.CHECK_IN: (frozenset({State.CONFIRMED, State.NO_SHOW}), State.CHECKED_IN),
    Verb.CHECK_OUT: (frozenset({State.CHECKED_IN}), State.COMPLETED),
    Verb.NO_SHOW: (frozenset({State.CONFIRMED}), State.NO_SHOW),
}

PUBLIC_WORDS: dict[State, PublicWord] = {
    State.REQUESTED: PublicWord.APPLIED,
    State.WAITLISTED: PublicWord.APPLIED,
    State.CONFIRMED: PublicWord.CONFIRMED,
    State.CHECKED_IN: PublicWord.CONFIRMED,
    State.COMPLETED: PublicWord.USED,
    State.DECLINED: PublicWord.CANCELLED,
    State.CANCELLED: PublicWord.CANCELLED,
    State.NO_SHOW: PublicWord.CANCELLED,
}


def next_state(state: State, verb: Verb) -> State | None:
    """Where the verb leads from here, or None when it is not permitted."""
    sources, target = TRANSITIONS[verb]
    return target if state in sources else None


def allowed_verbs(state: State) -> tuple[Verb, ...]:
    """The verbs the state permits, in the order of `Verb`."""
    return tuple(verb for verb in Verb if next_state(state, verb) is not None)
