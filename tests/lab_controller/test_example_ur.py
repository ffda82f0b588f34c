"""The example of a lab with a Universal Robots arm, and of the simulator beside it, hold."""

from __future__ import annotations

from pathlib import Path

from hardware_sim.lab import read_profile
from lab_controller import wiring
from lab_controller.config import load
from tests.equipment_drivers.fakes import FakeClock

EXAMPLES = Path(__file__).parents[2] / "examples"


async def nothing(connection: str) -> None:
    """The hook of a wire nobody shares."""


def test_the_example_can_be_used_as_it_is() -> None:
    path = EXAMPLES / "lab-ur.toml"
    made = wiring.build(
        wiring.plan_wires(load(path), path),
        clock=FakeClock(),
        emit=lambda fact: None,
        before_close=nothing,
        on_online=nothing,
    )
    driver = made["ur1"].driver
    assert driver.device_spec("ur1").moves
    (step,) = driver.stop_plan("ur1").steps
    (sim,) = read_profile(EXAMPLES / "sim-ur.toml").sims
    assert sim.kind == "ur_robot"
    assert (step.payload["host"], step.payload["port"]) == (
        "127.0.0.1",
        sim.options["dashboard_port"],
    )
