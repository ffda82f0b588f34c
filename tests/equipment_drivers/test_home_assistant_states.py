"""Home Assistant's texts as numbers: unit, quality, and never a number where there is none."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from equipment_drivers.devices.home_assistant_options import HubDeviceOptions, HubOptions, Secret
from equipment_drivers.devices.home_assistant_states import (
    EntityState,
    entity_state,
    entity_states,
    measure,
)
from equipment_drivers.errors import BadOption, ProtocolFault
from equipment_drivers.model import Quality

GOOD, UNCERTAIN, BAD = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD


@pytest.mark.parametrize(
    ("text", "unit", "promised", "value", "quality"),
    [
        ("21.5", "°C", "Cel", 21.5, GOOD),
        ("212", "°F", "Cel", 100.0, GOOD),
        ("300", "K", "Cel", 26.85, GOOD),
        ("1.2", "kW", "W", 1200.0, GOOD),
        ("1500", "Wh", "kW.h", 1.5, GOOD),
        ("45", "%", "%", 45.0, GOOD),
        ("3", "lx", "lx", 3.0, GOOD),
        ("on", "", "1", 1.0, GOOD),
        ("off", "", "1", 0.0, GOOD),
        ("unavailable", "°C", "Cel", None, BAD),
        ("unknown", "°C", "Cel", None, UNCERTAIN),
        ("unavailable", "", "1", None, BAD),
        ("opening", "", "1", None, BAD),
        ("21,5", "°C", "Cel", None, BAD),
        ("1_0", "°C", "Cel", None, BAD),
        ("nan", "W", "W", None, BAD),
        ("inf", "W", "W", None, BAD),
        ("", "W", "W", None, BAD),
        ("20", "%", "Cel", None, BAD),
        ("20", "", "Cel", None, BAD),
    ],
)
def test_measure(
    text: str, unit: str, promised: str, value: float | None, quality: Quality
) -> None:
    got, how_good = measure(EntityState("sensor.x", text, unit), promised)
    assert how_good is quality
    assert got == (pytest.approx(value) if value is not None else None)


def test_an_absent_entity_is_bad() -> None:
    assert measure(None, "W") == (None, BAD)


@given(text=st.text(), unit=st.sampled_from(["W", "kW", "", "°C"]))
def test_good_is_always_a_finite_number(text: str, unit: str) -> None:
    value, quality = measure(EntityState("sensor.x", text, unit), "W")
    assert (quality is GOOD) == (value is not None)
    assert value is None or math.isfinite(value)


def test_the_time_is_when_the_integration_last_spoke() -> None:
    item = {
        "entity_id": "sensor.x",
        "state": "1",
        "attributes": {"unit_of_measurement": "W"},
        "last_updated": "2026-11-20T10:00:00+09:00",
        "last_reported": "2026-11-20T10:00:05+09:00",
    }
    assert entity_state(item).reported == datetime(2026, 11, 20, 1, 0, 5, tzinfo=UTC)
    del item["last_reported"]
    assert entity_state(item).reported == datetime(2026, 11, 20, 1, 0, 0, tzinfo=UTC)
    assert entity_state({**item, "last_updated": "yesterday"}).reported is None
    assert entity_state({**item, "last_updated": "2026-11-20T10:00:00"}).reported is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_answer_is_understood_or_a_protocol_fault(answer: object) -> None:
    try:
        states = entity_states(answer)
    except ProtocolFault:
        assert not isinstance(answer, list)
    else:
        assert all(isinstance(state.state, str) for state in states.values())


def test_a_secret_does_not_show_itself() -> None:
    assert "tok" not in repr({"headers": {"Authorization": Secret("tok")}})
    assert Secret("tok") == "tok"


def test_token_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")
    assert HubOptions(url="http://h:1", token_file=file).read_token() == "abc"
    monkeypatch.setenv("HUB_TOKEN", "xyz")
    assert HubOptions(url="http://h:1", token_env="HUB_TOKEN").read_token() == "xyz"
    monkeypatch.delenv("HUB_TOKEN")
    for options in (
        HubOptions(url="http://h:1", token_env="HUB_TOKEN"),
        HubOptions(url="http://h:1", token_file=tmp_path / "none"),
    ):
        with pytest.raises(BadOption):
            options.read_token()


@pytest.mark.parametrize(
    "given_options",
    [
        {"url": "http://h"},
        {"url": "http://h", "token_env": "A", "token_file": "b"},
        {"url": "hub.local", "token_env": "A"},
        {"url": "http://h/api", "token_env": "A"},
        {"url": "http://h", "token_env": "A", "poll": 1},
    ],
)
def test_wrong_hub_options(given_options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HubOptions.model_validate(given_options)


def test_units_come_from_names_or_are_given() -> None:
    options = HubDeviceOptions.model_validate(
        {
            "kind": "sensors",
            "signals": {
                "room_temperature": "sensor.t",
                "door": "binary_sensor.d",
                "light": {"entity": "sensor.l", "unit": "lx"},
            },
        }
    )
    assert {name: signal.unit for name, signal in options.signals.items()} == {
        "room_temperature": "Cel",
        "door": "1",
        "light": "lx",
    }


@pytest.mark.parametrize(
    "given_options",
    [
        {"kind": "sensors"},
        {"kind": "sensors", "signals": {"light": "sensor.l"}},
        {"kind": "sensors", "signals": ["sensor.l"]},
        {"kind": "sensors", "signals": {"a_power": "sensor.a"}, "power_entity": "sensor.a"},
        {"kind": "plug", "power_entity": "switch.a"},
        {"kind": "lamp"},
    ],
)
def test_wrong_device_options(given_options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HubDeviceOptions.model_validate(given_options)
