from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from hardware_sim.clock import SimClock
from hardware_sim.faults import Faults
from hardware_sim.home_assistant_hub import FAULTS
from hardware_sim.home_assistant_hub_room import Room
from hardware_sim.home_assistant_hub_services import catalogue
from hardware_sim.home_assistant_hub_states import Json, States

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WARM = {"unit_of_measurement": "°C", "device_class": "temperature"}


class World:
    def __init__(self) -> None:
        self.now = NOON
        self.faults = Faults(FAULTS, SimClock(NOON, 1.0, 0.0), 1)
        self.states = States(lambda: self.now, self.faults)
        self.events: list[Json] = []
        self.states.listeners.add(self.events.append)

    def report(self, state: str, attributes: dict[str, object] | None = None) -> Json:
        self.now += timedelta(seconds=5)
        self.states.report("sensor.t", state, attributes or WARM)
        shown = self.states.get("sensor.t")
        assert shown
        return shown.as_json()


def test_an_equal_report_moves_only_last_reported() -> None:
    world = World()
    first, second = world.report("21.0"), world.report("21.0")
    assert second["last_reported"] > first["last_reported"]
    assert second["last_updated"] == second["last_changed"] == first["last_changed"]
    assert len(world.events) == 1


def test_a_changed_attribute_updates_without_changing() -> None:
    world = World()
    first, second = world.report("21.0"), world.report("21.0", {**WARM, "icon": "mdi:fire"})
    assert second["last_changed"] == first["last_changed"]
    assert second["last_updated"] > first["last_updated"]
    event = world.events[-1]["data"]
    assert (event["old_state"], event["new_state"]) == (first, second)


@pytest.mark.parametrize("fault", ["unavailable", "unknown"])
def test_an_entity_fault_shows_at_once_and_ends(fault: str) -> None:
    world = World()
    world.report("21.0")
    world.faults.raise_fault(fault, {"entity": "sensor.t"})
    world.states.show_faults()
    assert world.report("21.5")["state"] == fault
    world.faults.clear()
    world.states.show_faults()
    assert world.report("21.5")["state"] == "21.5"


@pytest.mark.parametrize(
    ("unit", "given", "shown"), [("°F", "20.0", "68"), ("K", "20.0", "293.15"), ("°X", "20", "20")]
)
def test_a_changed_unit_converts_as_home_assistant_does(unit: str, given: str, shown: str) -> None:
    world = World()
    world.faults.raise_fault("unit", {"entity": "sensor.t", "unit": unit})
    row = world.report(given)
    assert (row["state"], row["attributes"]["unit_of_measurement"]) == (shown, unit)


def test_the_climate_drifts_slowly_and_is_the_seeds() -> None:
    def day(seed: int) -> list[float]:
        world = World()
        room = Room("lab", seed, world.states)
        seen = []
        for minute in range(24 * 60):
            room.report(minute * 60.0)
            shown = world.states.get("sensor.lab_temperature")
            assert shown
            seen.append(float(shown.state))
        return seen

    one, same, other = day(1), day(1), day(2)
    assert one == same != other
    assert max(one) - min(one) > 1.0
    assert all(abs(a - b) < 0.15 for a, b in itertools.pairwise(one))
    assert all(20.0 < value < 26.0 for value in one)


def test_every_service_is_described() -> None:
    listed = {entry["domain"]: set(entry["services"]) for entry in catalogue()}
    assert listed["switch"] == {"turn_on", "turn_off", "toggle"}
    assert "update_entity" in listed["homeassistant"]
