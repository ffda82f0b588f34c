"""Drivers by name: only the asked one is loaded, and a broken one hurts nobody else."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from equipment_drivers import registry
from tests.equipment_drivers.fakes import FakeDriver

HERE = "tests.equipment_drivers"


class FromTheFuture(FakeDriver):
    spec = replace(FakeDriver.spec, api_version=99)


OFFERED = {
    name: EntryPoint(name, value, registry.GROUP)
    for name, value in {
        "fake": f"{HERE}.fakes:FakeDriver",
        "future": f"{HERE}.test_registry:FromTheFuture",
        "absent": "no_such_package:Driver",
        "nameless": f"{HERE}.fakes:NoSuchClass",
        "stranger": "datetime:datetime",
    }.items()
}


def test_finds_a_driver() -> None:
    assert registry.find("fake", OFFERED) is FakeDriver


def test_an_unknown_driver_names_the_known_ones() -> None:
    with pytest.raises(registry.UnknownDriver) as unknown:
        registry.find("gone", OFFERED)
    assert "fake" in unknown.value.params["known"]


@pytest.mark.parametrize("name", ["future", "absent", "nameless", "stranger"])
def test_a_broken_driver_is_a_coded_error(name: str) -> None:
    with pytest.raises(registry.BrokenDriver) as broken:
        registry.find(name, OFFERED)
    assert broken.value.params["driver"] == name


def test_our_own_drivers_are_registered() -> None:
    assert {"marlin", "opcua_robot", "home_assistant"} <= set(registry.installed())
