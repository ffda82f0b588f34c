"""The example of a lab with a Modbus machine and a bench without a wire holds."""

from __future__ import annotations

from pathlib import Path

from equipment_drivers.model import Fact
from lab_controller import wiring
from lab_controller.config import load
from tests.equipment_drivers.fakes import FakeClock

EXAMPLE = Path(__file__).parents[2] / "examples" / "lab-modbus.toml"


async def nothing(connection: str) -> None:
    """The hook of a wire nobody shares."""


def test_the_example_can_be_used_as_it_is() -> None:
    told: list[Fact] = []
    wires = wiring.plan_wires(load(EXAMPLE), EXAMPLE)
    made = wiring.build(
        wires, clock=FakeClock(), emit=told.append, before_close=nothing, on_online=nothing
    )
    press = made["press-line"].driver
    assert press.device_spec("press1").moves
    assert [step.kind for step in press.stop_plan("press1").steps] == ["socket"]
    assert set(made["by-hand"].driver.device_spec("calliper1").signals) == {"width"}
    assert told == []
