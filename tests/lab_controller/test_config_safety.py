"""`lab.toml`: the place of the emergency stop, and interlocks, each mistake with key and line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from equipment_drivers import registry
from equipment_drivers.contract import DeviceSpec
from lab_controller import wiring
from lab_controller.config import ConfigInvalid, ConfigProblem
from lab_controller.i18n import LANGUAGES, catalogue, text
from tests.lab_controller.bench import CONFIG, BenchDriver

Find = Callable[[str], list[ConfigProblem]]
FIRST_LINE = len(CONFIG.splitlines()) + 1


class Arm(BenchDriver):
    """A bench whose robot can hurt."""

    def device_spec(self, device: str) -> DeviceSpec:
        return replace(super().device_spec(device), moves=device in ("robot", "printer"))


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Find:
    """What is wrong with the bench's lab.toml and this text after it."""
    monkeypatch.setattr(registry, "find", lambda driver: BenchDriver)

    def find(more: str, config: str = CONFIG) -> list[ConfigProblem]:
        path = tmp_path / "lab.toml"
        path.write_text(config + more, encoding="utf-8")
        try:
            wiring.check(path)
        except ConfigInvalid as invalid:
            return invalid.problems
        return []

    return find


def interlock(when: str, more: str = "") -> str:
    return (
        '[[interlock]]\nid = "i"\nname = { ja = "扉", en = "Door" }\n'
        f'devices = ["robot"]\nwhen = {when}\n{more}'
    )


def test_a_device_that_moves_must_say_where_its_button_is(
    problems: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find", lambda driver: Arm)
    (problem,) = problems("")
    assert (problem.key, problem.code) == ("device[2].estop", "config.estop_missing")
    assert problem.line == 1 + CONFIG.splitlines().index('id = "robot"') - 1
    for language in LANGUAGES:
        said = text(language, problem.code, {"key": problem.key, **problem.params})
        assert "robot" in said
        assert 'estop.ja = "…" / estop.en = "…"' in said
    place = 'name = { ja = "ロボット", en = "Robot" }\n'
    estop = 'estop.ja = "柱"\nestop.en = "post"\n'
    assert problems("", CONFIG.replace(place, place + estop)) == []


@pytest.mark.parametrize(
    "when",
    [
        '{ device = "room", signal = "heat", below = 45, hysteresis = 2 }',
        '[{ device = "room", signal = "heat", above = 1 }, { device = "plug", safety = ["none"] }]',
        '{ device = "printer", operation = ["idle", "ready"] }',
    ],
)
def test_good_interlocks(problems: Find, when: str) -> None:
    assert problems(interlock(when, 'verbs = ["move"]\nsettle_s = 3\non_trip = "rest"\n')) == []


@pytest.mark.parametrize(
    ("when", "code", "line"),
    [
        ('{ device = "lathe", signal = "heat", below = 1 }', "config.unknown_reference", 5),
        ('{ device = "room", signal = "smoke", below = 1 }', "config.unknown_signal", 5),
        ('{ device = "room", signal = "heat" }', "config.no_condition", 5),
        ('{ device = "room", below = 1 }', "config.no_condition", 5),
        ('{ device = "room" }', "config.no_condition", 5),
        ("[]", "config.missing", 5),
        (
            '{ device = "room", signal = "heat", above = 1, equals = 2 }',
            "config.two_conditions",
            5,
        ),
        (
            '{ device = "room", signal = "heat", above = 1, safety = ["normal"] }',
            "config.two_conditions",
            5,
        ),
        (
            '{ device = "room", signal = "heat", equals = 1, hysteresis = 2 }',
            "config.idle_hysteresis",
            5,
        ),
        ('{ device = "robot", safety = ["fine"] }', "config.not_one_of", 5),
        ('{ device = "room", signal = "heat", below = "hot" }', "config.not_a_number", 5),
    ],
)
def test_bad_conditions(problems: Find, when: str, code: str, line: int) -> None:
    (problem,) = problems(interlock(when))
    assert (problem.code, problem.line) == (code, FIRST_LINE + line - 1)
    for language in LANGUAGES:
        assert code in catalogue(language)


@pytest.mark.parametrize(
    ("old", "new", "code", "key"),
    [
        ('["robot"]', '["lathe"]', "config.unknown_reference", "interlock[1].devices"),
        ('["robot"]', "[]", "config.missing", "interlock[1].devices"),
        ('id = "i"', 'id = "I!"', "config.bad_form", "interlock[1].id"),
        ("on_trip", "on_crash", "config.unknown_key", "interlock[1].on_crash"),
        ('"stop"', '"explode"', "config.not_one_of", "interlock[1].on_trip"),
        ("= 3", "= -3", "config.too_small", "interlock[1].settle_s"),
        ('["move"]', '["fly"]', "config.unknown_verb", "interlock[1].verbs"),
    ],
)
def test_bad_interlocks(problems: Find, old: str, new: str, code: str, key: str) -> None:
    good = interlock(
        '{ device = "room", signal = "heat", below = 45 }',
        'settle_s = 3\non_trip = "stop"\nverbs = ["move"]\n',
    )
    assert problems(good) == []
    (problem,) = problems(good.replace(old, new))
    assert (problem.code, problem.key) == (code, key)


def test_two_interlocks_need_two_ids(problems: Find) -> None:
    one = interlock('{ device = "room", signal = "heat", below = 45 }')
    (problem,) = problems(one + "\n" + one)
    assert problem.code == "config.duplicate_id"


WIRES = {
    "marlin": ('port = "/dev/ttyUSB0"', 'port = "/dev/ttyUSB1"'),
    "ur": ('host = "10.0.0.5"', 'host = "10.0.0.6"'),
}


@pytest.mark.parametrize("driver", WIRES)
def test_two_connections_may_not_share_a_wire(driver: str, tmp_path: Path) -> None:
    def found(*options: str) -> list[tuple[str, str]]:
        wires = [
            f'[[connection]]\nid = "c{number}"\ndriver = "{driver}"\n[connection.options]\n{one}\n'
            for number, one in enumerate(options)
        ]
        path = tmp_path / "lab.toml"
        name = 'name = { ja = "試験", en = "Test" }\n'
        path.write_text(f'[lab]\n{name}data_dir = "data"\n\n' + "\n".join(wires), encoding="utf-8")
        try:
            wiring.check(path)
        except ConfigInvalid as invalid:
            return [(one.key, one.code) for one in invalid.problems if "same_wire" in one.code]
        return []

    one, other = WIRES[driver]
    assert found(one, one) == [("connection[2].options", "config.same_wire")]
    assert found(one, other) == []
