"""The steps of a booking's life as staff take them: when each is possible, and why not."""

from __future__ import annotations

from dataclasses import dataclass

from lab_controller.wire import BookingShape
from tui.lab_view import LabView

Why = tuple[str, dict[str, object]]

OPEN = frozenset({"requested", "waitlisted"})
COMING = frozenset({"confirmed", "no_show"})
HERE = frozenset({"checked_in"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `wire` is its name at the lab; `armed`: whether equipment must (not) be armed.

    `asks`: a question first, because something starts or ends. `fields`: what has to be entered.
    `may_override`: staff may set some reasons against it aside.
    """

    wire: str
    key: str
    states: frozenset[str]
    armed: bool | None = None
    asks: bool = False
    fields: tuple[str, ...] = ()
    may_override: bool = False


STEPS = {
    step.wire: step
    for step in (
        Step("confirm", "step.confirm", OPEN, may_override=True),
        Step("check-in", "step.check_in", COMING, fields=("head_count",), may_override=True),
        Step("arm", "step.arm", HERE, armed=False, asks=True),
        Step("disarm", "step.disarm", HERE, armed=True, asks=True),
        Step("check-out", "step.check_out", HERE, asks=True),
        Step("operator", "step.operator", OPEN | COMING | HERE, fields=("operator",)),
        Step("decline", "step.decline", OPEN, fields=("reason",)),
        Step("cancel", "step.cancel", OPEN | {"confirmed"}, fields=("reason",)),
    )
}


def shown_state(booking: BookingShape) -> str:
    """The state as staff think of it: an armed booking is in use."""
    return "armed" if booking.armed else booking.state


def why_not(step: Step, booking: BookingShape, view: LabView) -> Why | None:
    """What keeps this step from being taken now, as a text key with parameters; or nothing."""
    if not view.live:
        return "why.lost", {}
    if booking.state not in step.states:
        return f"why.{step.wire}", {"state": booking.state_text}
    if step.armed is False and booking.armed:
        return "why.already_armed", {}
    if step.armed is True and not booking.armed:
        return "why.not_armed", {}
    return _why_not_arm(booking, view) if step.wire == "arm" else None


def _why_not_arm(booking: BookingShape, view: LabView) -> Why | None:
    scopes = set(view.latch.scopes)
    mine = view.of_equipment(booking.equipment)
    if "lab" in scopes or scopes & set(mine):
        return "why.latched", {}
    if view.lab is not None and not view.lab.permit:
        return "why.no_permit", {}
    holder = next((one.name for one in mine.values() if one.lease is not None), None)
    return ("why.in_use", {"device": holder}) if holder else None


def next_step(booking: BookingShape, view: LabView) -> Step | None:
    """The step that usually comes next; none when the booking's life is over."""
    if booking.state in OPEN:
        return STEPS["confirm"]
    if booking.state in COMING:
        return STEPS["check-in"]
    if booking.state not in HERE:
        return None
    if booking.armed:
        return STEPS["disarm"]
    over = view.now is not None and view.now >= booking.end
    return STEPS["check-out"] if over else STEPS["arm"]
