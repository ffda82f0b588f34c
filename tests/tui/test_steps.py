"""When a booking's step can be taken, why not, and what comes next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab_controller.wire import BookingShape, LatchShape
from tests.tui.fake_lab import FakeLab
from tui.lab_view import LabView
from tui.steps import STEPS, next_step, shown_state, why_not


def view_of(lab: FakeLab) -> LabView:
    """A view that has heard the lab."""
    view = LabView()
    view.hear(lab.frame(), 0.0)
    return view


def booking(id: str = "b5", **update: object) -> BookingShape:
    """One of the fake lab's bookings, changed."""
    return FakeLab().bookings[id].model_copy(update=update)


@pytest.mark.parametrize(
    ("state", "armed", "wire"),
    [
        ("requested", False, "confirm"),
        ("waitlisted", False, "confirm"),
        ("confirmed", False, "check-in"),
        ("no_show", False, "check-in"),
        ("checked_in", False, "arm"),
        ("checked_in", True, "disarm"),
    ],
)
def test_what_comes_next(state: str, armed: bool, wire: str) -> None:
    step = next_step(booking(state=state, armed=armed), view_of(FakeLab()))
    assert step is not None
    assert step.wire == wire


@pytest.mark.parametrize("state", ["completed", "declined", "cancelled"])
def test_nothing_comes_after_the_end(state: str) -> None:
    assert next_step(booking(state=state), view_of(FakeLab())) is None


def test_after_its_time_a_party_is_checked_out() -> None:
    lab = FakeLab()
    lab.now = lab.bookings["b5"].end + timedelta(seconds=1)
    step = next_step(booking(state="checked_in"), view_of(lab))
    assert step is STEPS["check-out"]


@pytest.mark.parametrize("wire", STEPS)
def test_every_step_says_why_it_cannot_be_taken(wire: str) -> None:
    why = why_not(STEPS[wire], booking(state="completed"), view_of(FakeLab()))
    assert why is not None
    assert why[0] == f"why.{wire}"


def test_nothing_can_be_done_while_the_lab_is_lost() -> None:
    view = view_of(FakeLab())
    view.lose()
    assert why_not(STEPS["confirm"], booking("b3"), view) == ("why.lost", {})


def test_a_latched_lab_is_not_armed() -> None:
    lab, here = FakeLab(), booking("b4")
    assert why_not(STEPS["arm"], here, view_of(lab)) is None
    for scopes in (["lab"], ["cobot1"]):
        latch = LatchShape(latched=True, scopes=scopes)
        lab.lab = lab.lab.model_copy(update={"latch": latch})
        assert why_not(STEPS["arm"], here, view_of(lab)) == ("why.latched", {})
    other = LatchShape(latched=True, scopes=["printer1"])
    lab.lab = lab.lab.model_copy(update={"latch": other})
    assert why_not(STEPS["arm"], here, view_of(lab)) is None


def test_equipment_in_use_is_not_armed_twice() -> None:
    here = booking("b3", state="checked_in")
    why = why_not(STEPS["arm"], here, view_of(FakeLab()))
    assert why is not None
    assert why[0] == "why.in_use"


def test_without_a_stopper_nothing_is_armed() -> None:
    lab = FakeLab()
    lab.lab = lab.lab.model_copy(update={"permit": False})
    assert why_not(STEPS["arm"], booking("b4"), view_of(lab)) == ("why.no_permit", {})


def test_an_armed_booking_is_in_use() -> None:
    assert shown_state(booking("b2")) == "armed"
    assert shown_state(booking("b4")) == "checked_in"


def test_a_stop_past_the_controller_stands_until_the_controller_speaks() -> None:
    lab = FakeLab()
    view = view_of(lab)
    view.latched_here("desk", lab.now, None)
    assert view.latch.latched
    assert why_not(STEPS["arm"], booking("b4"), view) == ("why.latched", {})
    view.hear(lab.frame(), 1.0)
    assert not view.latch.latched
