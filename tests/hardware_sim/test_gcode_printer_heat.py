from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.gcode_printer_heat import BED, HOTEND, Heater, HeaterSpec, Protection
from hardware_sim.gcode_printer_plant import LOADS_W, Plant

ROOM = 22.0


def heater(spec: HeaterSpec = HOTEND, target: float = 0.0) -> Heater:
    one = Heater(spec, ROOM, 0.0)
    one.powered = True
    one.target = target
    return one


def seconds_to(one: Heater, temperature: float) -> float:
    now = 0.0
    while one.temperature < temperature:
        now += 0.5
        one.advance(now)
        assert now < 3600
    return now


def test_the_hotend_heats_at_one_and_a_half_to_two_degrees_a_second() -> None:
    assert 1.5 <= (210 - ROOM) / seconds_to(heater(HOTEND, 210), 210) <= 2.0


def test_the_bed_is_slower() -> None:
    assert 0.15 <= (60 - ROOM) / seconds_to(heater(BED, 60), 60) <= 0.3


@pytest.mark.parametrize("spec", [HOTEND, BED])
@pytest.mark.parametrize("target", [60.0, 100.0])
def test_the_closed_form_agrees_with_small_steps(spec: HeaterSpec, target: float) -> None:
    one = heater(spec, target)
    temperature, energy, step = ROOM, 0.0, 0.01
    for index in range(30_000):
        one.advance((index + 1) * step)
        heating = temperature < target
        power = spec.watts if heating else spec.watts * (target - ROOM) / spec.full_rise
        loss = (temperature - ROOM) * spec.watts / spec.full_rise
        temperature = min(target, temperature + (power - loss) / spec.capacity * step)
        energy += power * step
    assert one.temperature == pytest.approx(temperature, abs=0.1)
    assert one.energy == pytest.approx(energy, rel=0.005)


@given(st.lists(st.floats(0.01, 500), min_size=1, max_size=30), st.sampled_from([0.0, 60.0, 200.0]))
def test_it_does_not_matter_how_often_one_looks(spans: list[float], target: float) -> None:
    often, once = heater(target=target), heater(target=target)
    now = 0.0
    for span in spans:
        now += span
        often.advance(now)
    once.advance(now)
    assert often.temperature == pytest.approx(once.temperature, abs=1e-6)
    assert often.energy == pytest.approx(once.energy, rel=1e-6, abs=1e-6)


def test_energy_is_heat_kept_plus_heat_lost() -> None:
    one = heater(target=200)
    one.advance(50.0)  # still heating
    assert one.energy == pytest.approx(50 * HOTEND.watts)
    one.advance(1000.0)
    held = one.energy
    one.advance(1100.0)
    assert one.energy - held == pytest.approx(100 * one.power)


def test_it_cools_to_the_room_and_never_below() -> None:
    one = heater(target=200)
    one.advance(500.0)
    one.target = 0.0
    one.advance(600.0)
    assert ROOM < one.temperature < 200
    one.advance(100_000.0)
    assert one.temperature == pytest.approx(ROOM)
    assert one.power == 0.0


def test_a_lower_target_is_reached_from_above_and_held() -> None:
    one = heater(target=200)
    one.advance(500.0)
    one.target = 100.0
    one.advance(5000.0)
    assert one.temperature == 100.0
    assert 0 < one.duty < 1


def died(one: Heater, until: float, begin: float = 0.0) -> str:
    guard = Protection(one)
    now = begin
    while now < until:
        now += 1.0
        one.advance(now)
        if error := guard.check(now):
            return error
    return ""


def test_a_healthy_heater_is_left_alone() -> None:
    assert died(heater(HOTEND, 250), 1000) == ""
    assert died(heater(BED, 110), 3000) == ""


def test_no_heat_while_heating_up() -> None:
    one = heater(HOTEND, 200)
    one.defect = "dead"
    assert died(one, 25) == "Heating failed, system stopped! Heater_ID: 0"


def test_heat_lost_at_the_target_is_a_runaway() -> None:
    one = heater(BED, 60)
    guard = Protection(one)
    errors = []
    for now in range(1, 700):
        one.defect = "dead" if now > 400 else ""
        one.advance(float(now))
        errors.append(guard.check(float(now)))
    first = next(error for error in errors if error)
    assert first == "Thermal Runaway, system stopped! Heater_ID: bed"
    assert errors.index(first) >= 440


def test_a_stuck_heater_meets_the_maximum_even_with_no_target() -> None:
    one = heater()
    one.defect = "stuck"
    assert died(one, 400) == "MAXTEMP triggered, system stopped! Heater_ID: 0"


def test_the_plug_sees_every_load() -> None:
    plant = Plant(ROOM, 0.0, random.Random(1))
    plant.advance(100.0)
    assert plant.power_w == plant.energy_kwh == 0.0
    plant.power(on=True, now=100.0)
    plant.load("motors", 1.0, 100.0)
    plant.load("fan", 0.5, 100.0)
    plant.hotend.target = 100.0
    expected = LOADS_W["electronics"] + LOADS_W["motors"] + LOADS_W["fan"] / 2 + HOTEND.watts
    assert plant.power_w == expected
    plant.advance(110.0)
    assert plant.energy_kwh * 3.6e6 == pytest.approx(expected * 10)
    plant.power(on=False, now=110.0)
    plant.advance(1000.0)
    assert plant.power_w == 0.0
    assert plant.energy_kwh * 3.6e6 == pytest.approx(expected * 10)
    assert plant.hotend.target == 0.0
