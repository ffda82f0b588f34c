"""What numbers and words mean: known ones by the table, unknown ones never as something good."""

from __future__ import annotations

import inspect
import tomllib
from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.contract import DeviceConfig
from equipment_drivers.devices import ur, ur_commands, ur_dashboard, ur_state
from equipment_drivers.devices.ur_options import UrArmOptions, UrOptions
from equipment_drivers.devices.ur_view import UrView
from equipment_drivers.errors import BadOption, DriverError
from equipment_drivers.model import DeviceMessage, Fact, Operation, Safety
from tests.equipment_drivers.fakes import FakeClock


@given(st.integers(-(2**31), 2**31 - 1))
def test_r07_any_number_is_a_word(number: int) -> None:
    assert ur_state.robot_mode(number) == ur_state.ROBOT_MODES.get(number, "UNKNOWN")
    assert ur_state.safety_mode(number) == ur_state.SAFETY_MODES.get(number, "UNKNOWN")
    assert ur_state.runtime_state(number) == ur_state.RUNTIME_STATES.get(number, "UNKNOWN")


@given(st.text(), st.text(), st.text(), st.booleans())
def test_r07_unknown_words_allow_nothing(
    mode: str, safety: str, runtime: str, loaded: bool
) -> None:
    shown = ur_state.operation(mode, safety, runtime, loaded=loaded)
    if mode not in ur_state.ROBOT_MODES.values():
        assert shown is Operation.UNKNOWN or safety in ur_state.BROKEN
    if safety not in ur_state.SAFETY_MODES.values():
        assert ur_state.safety(safety) is Safety.UNKNOWN


@pytest.mark.parametrize("word", ["VIOLATION", "FAULT", "UNDEFINED_SAFETY_MODE", "UNKNOWN"])
def test_a_broken_safety_system_is_never_safe(word: str) -> None:
    assert ur_state.safety(word) is Safety.UNKNOWN


@pytest.mark.parametrize(
    ("mode", "runtime", "loaded", "shown"),
    [
        ("RUNNING", "STOPPED", True, Operation.READY),
        ("RUNNING", "STOPPED", False, Operation.IDLE),
        ("RUNNING", "PLAYING", True, Operation.BUSY),
        ("RUNNING", "RESUMING", True, Operation.BUSY),
        ("RUNNING", "PAUSED", True, Operation.PAUSED),
        ("RUNNING", "STOPPING", True, Operation.STOPPING),
        ("IDLE", "STOPPED", True, Operation.IDLE),
        ("POWER_OFF", "STOPPED", True, Operation.IDLE),
        ("BOOTING", "STOPPED", True, Operation.MAINTENANCE),
        ("NO_CONTROLLER", "STOPPED", True, Operation.UNKNOWN),
    ],
)
def test_what_the_arm_does(mode: str, runtime: str, loaded: bool, shown: Operation) -> None:
    assert ur_state.operation(mode, "NORMAL", runtime, loaded=loaded) is shown
    assert ur_state.operation(mode, "FAULT", runtime, loaded=loaded) is Operation.FAULT


@given(st.sampled_from(sorted(ur_dashboard.VERBS)), st.text(max_size=60))
def test_r01_any_answer_is_judged_without_a_mistake(verb: str, answer: str) -> None:
    with suppress(DriverError):
        assert ur_dashboard.judge(verb, answer) in answer


@pytest.mark.parametrize("arms", [0, 2])
async def test_one_controller_has_one_arm(arms: int) -> None:
    devices = [DeviceConfig(f"arm{number}", "", UrArmOptions()) for number in range(arms)]
    options = UrOptions(host="127.0.0.1")
    driver = ur.UniversalRobot("wire", options, devices, clock=FakeClock(), emit=lambda fact: None)
    with pytest.raises(BadOption):
        await driver.connect()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_refusal_of_its_own_has_a_text(language: str) -> None:
    source = files("equipment_drivers") / "strings" / f"{language}.toml"
    texts = tomllib.loads(source.read_text(encoding="utf-8"))
    own = {
        one.code
        for module in (ur_dashboard, ur_commands)
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, DriverError)
    }
    assert {"driver.not_remote", "driver.no_watchdog", "driver.unlocked_before"} <= own
    assert own <= set(texts)


def frame(stamp: float, runtime: int) -> dict[str, float | int]:
    return {"timestamp": stamp, "robot_mode": 7, "safety_mode": 1, "runtime_state": runtime}


def test_a_hold_of_ours_is_not_told_as_a_pause_by_itself() -> None:
    """Frames from before the pause may come after it was asked for."""
    told: list[Fact] = []
    view = UrView(
        "arm1", UrArmOptions(), 1.0, clock=FakeClock(), emit=told.append, on_live=lambda live: None
    )

    def pauses() -> int:
        codes = [one.code for one in told if isinstance(one, DeviceMessage)]
        return codes.count("message.program_paused")

    playing, paused = 2, 4
    view.take(frame(1.0, playing))
    view.pausing = True
    view.take(frame(1.1, playing))
    view.take(frame(1.2, paused))
    assert pauses() == 0
    view.take(frame(1.3, playing))
    view.take(frame(1.4, paused))
    assert pauses() == 1
