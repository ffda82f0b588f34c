"""A booking in words: who, when, what is next, and every step with why it cannot be taken."""

from __future__ import annotations

from rich.text import Text

from lab_controller.wire import BookingShape
from tui.keymap import SCOPES
from tui.lab_view import LabView
from tui.look import BOLD, DIM, FAINT, KEY, PLAIN, WARN
from tui.steps import STEPS, next_step, shown_state, why_not
from tui.texts import Texts

SHOWN = {key.id: key.shown for key in SCOPES["steps"]}


def booking_words(booking: BookingShape | None, view: LabView, t: Texts) -> Text:
    """The selected booking and what can be done with it, on six lines or fewer."""
    if booking is None:
        return Text(t("booking.none"), DIM)
    start, end = view.local(booking.start), view.local(booking.end)
    lines = [
        Text.assemble(
            (f"{t.day(start)} {t.span(start, end)}  ", BOLD),
            (booking.party_name, BOLD),
            (f"  {booking.equipment_name}  {booking.number}", DIM),
        ),
        Text.assemble((t.word("state", shown_state(booking)), KEY), "  ", people(booking, t)),
        Text.assemble((t("booking.purpose"), DIM), " ", (booking.purpose or "-", PLAIN)),
    ]
    if booking.reason:
        lines.append(Text(t("booking.reason", reason=booking.reason), WARN))
    return Text("\n").join([*lines, next_words(booking, view, t), step_words(booking, view, t)])


def people(booking: BookingShape, t: Texts) -> Text:
    """How many come, who operates, whom to call."""
    said = t(
        "booking.people",
        n=booking.head_count,
        operator=booking.operator_name or "-",
        contact=booking.contact or "-",
        phone=booking.phone or "-",
    )
    return Text(said, PLAIN)


def next_words(booking: BookingShape, view: LabView, t: Texts) -> Text:
    """What usually comes next, and what keeps it from being done."""
    step = next_step(booking, view)
    if step is None:
        return Text(t("next.none"), DIM)
    words = Text.assemble((t("next.label"), DIM), " ")
    if booking.armed:
        until = view.local(booking.lease_until or booking.end)
        return words + Text(t("next.armed", until=f"{until:%H:%M}"), KEY)
    words.append(f"[Enter] {t(f'key.{step.key}')}", KEY)
    why = why_not(step, booking, view)
    if why is not None:
        words.append("  " + t(why[0], **why[1]), WARN)
    return words


def step_words(booking: BookingShape, view: LabView, t: Texts) -> Text:
    """All steps; the ones that cannot be taken now are faint, and say why when pressed."""
    words = Text()
    for step in STEPS.values():
        possible = why_not(step, booking, view) is None
        words.append(SHOWN[step.key], KEY if possible else FAINT)
        words.append(f" {t(f'key.{step.key}')}  ", PLAIN if possible else FAINT)
    return words
