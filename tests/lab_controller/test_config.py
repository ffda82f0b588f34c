"""`lab.toml`: every mistake named at once, with its key and line, in both languages."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.model import BookingPolicy
from lab_controller import wiring
from lab_controller.config import ConfigInvalid, ConfigProblem, Policy, load
from lab_controller.i18n import LANGUAGES, catalogue, text
from lab_controller.services.catalogue import calendar_of
from lab_controller.toml_lines import dotted, line_of

GOOD = """\
[lab]
name = { ja = "ラボ", en = "Lab" }
data_dir = "data"
environment = ["room"]

[lab.hours]
mon = "09:00-17:00"

[[lab.closures]]
first = "2026-12-29"
last = "2027-01-03"

[[equipment]]
id = "bench"
name = { ja = "台", en = "Bench" }
category = "printer"
devices = ["printer", "plug"]
[equipment.policy]
max_minutes = 240

[[connection]]
id = "usb"
driver = "marlin"
[connection.options]
port = "/dev/ttyUSB0"

[[connection]]
id = "hub"
driver = "home_assistant"
[connection.options]
url = "http://127.0.0.1:8123"
token_file = "hub.token"

[[device]]
id = "printer"
name = { ja = "プリンター", en = "Printer" }
connection = "usb"
power = "plug"
estop = { ja = "正面", en = "front" }

[[device]]
id = "plug"
name = { ja = "プラグ", en = "Plug" }
connection = "hub"
address = "switch.printer"
[device.options]
kind = "plug"

[[device]]
id = "room"
name = { ja = "室内", en = "Room" }
connection = "hub"
address = "sensor.room"
[device.options]
kind = "sensors"
[device.options.signals]
temperature = "sensor.room"
"""


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "lab.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems(folder: Path, content: str | bytes) -> list[ConfigProblem]:
    with pytest.raises(ConfigInvalid) as invalid:
        load(written(folder, content))
    assert invalid.value.params["count"] == str(len(invalid.value.problems))
    return invalid.value.problems


def found(folder: Path, content: str | bytes) -> list[tuple[str, str, int | None]]:
    return [(one.key, one.code, one.line) for one in problems(folder, content)]


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    settings = load(path)
    assert settings.lab.data_dir == tmp_path / "data"
    assert settings.equipment[0].policy.max_minutes == 240
    assert settings.device[0].power == "plug"
    assert wiring.check(path) == settings


def test_a_policy_has_the_booking_rooms_own_defaults() -> None:
    ours = Policy().model_dump()
    theirs = {name: getattr(BookingPolicy(), name) for name in ours}
    assert ours == theirs


def test_closures_include_both_ends(tmp_path: Path) -> None:
    calendar = calendar_of(load(written(tmp_path, GOOD)))
    (closure,) = calendar.closures
    assert [str(at) for at in (closure.start, closure.end)] == [
        "2026-12-29 00:00:00+09:00",
        "2027-01-04 00:00:00+09:00",
    ]


# change of the sound file → (key, code, line)
BROKEN = {
    "no time zone of that name": (
        ('data_dir = "data"', 'data_dir = "data"\ntimezone = "Asia/Tokio"'),
        ("lab.timezone", "config.no_such_zone", 4),
    ),
    "a time zone that is a folder": (
        ('data_dir = "data"', 'data_dir = "data"\ntimezone = "Asia"'),
        ("lab.timezone", "config.no_such_zone", 4),
    ),
    "a language we do not have": (
        ('data_dir = "data"', 'data_dir = "data"\nlanguage = "fr"'),
        ("lab.language", "config.not_one_of", 4),
    ),
    "hours": (('"09:00-17:00"', '"9-5"'), ("lab.hours", "config.bad_hours", 6)),
    "a day that is none": (
        ('first = "2026-12-29"', 'first = "2026-13-29"'),
        ("lab.closures[1].first", "config.no_such_day", 10),
    ),
    "closed until before": (
        ('last = "2027-01-03"', 'last = "2026-01-03"'),
        ("lab.closures[1].last", "config.ends_before_start", 11),
    ),
    "a clock that stands": (
        ('data_dir = "data"', 'data_dir = "data"\nclock = "2026-11-20T01:00:00+00:00/0/1"'),
        ("lab.clock", "config.bad_clock", 4),
    ),
    "a required key": (('data_dir = "data"\n', ""), ("lab.data_dir", "config.missing", 1)),
    "a key nobody knows": (
        ('category = "printer"', 'category = "printer"\ncolour = "red"'),
        ("equipment[1].colour", "config.unknown_key", 17),
    ),
    "a section nobody knows": (
        ("[lab.hours]", "[[robot]]\n[lab.hours]"),
        ("robot", "config.unknown_key", 6),
    ),
    "too small": (
        ("max_minutes = 240", "max_minutes = 0"),
        ("equipment[1].policy.max_minutes", "config.too_small", 19),
    ),
    "a policy that contradicts itself": (
        ("max_minutes = 240", "max_minutes = 20"),
        ("equipment[1].policy", "config.bad_policy", 18),
    ),
    "a step that does not divide the day": (
        ("max_minutes = 240", "step_minutes = 7"),
        ("equipment[1].policy", "config.bad_policy", 18),
    ),
    "no number": (
        ("max_minutes = 240", 'max_minutes = "long"'),
        ("equipment[1].policy.max_minutes", "config.not_a_number", 19),
    ),
    "no text": (
        ('id = "usb"', "id = 7"),
        ("connection[1].id", "config.not_text", 22),
    ),
    "an id nobody can type": (
        ('id = "usb"', 'id = "USB 1"'),
        ("connection[1].id", "config.bad_form", 22),
    ),
    "a connection that is not there": (
        ('connection = "hub"\naddress = "sensor.room"', 'connection = "hob"'),
        ("device[3].connection", "config.unknown_reference", 52),
    ),
    "a plug that is not there": (
        ('power = "plug"', 'power = "plgu"'),
        ("device[1].power", "config.unknown_reference", 38),
    ),
    "equipment of a device that is not there": (
        ('devices = ["printer", "plug"]', 'devices = ["printer", "plgu"]'),
        ("equipment[1].devices", "config.unknown_reference", 17),
    ),
    "an environment that is not there": (
        ('environment = ["room"]', 'environment = ["roam"]'),
        ("lab.environment", "config.unknown_reference", 4),
    ),
    "an id twice": (
        ('id = "room"', 'id = "plug"'),
        ("device[3].id", "config.duplicate_id", 50),
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_mistake_is_named_with_key_and_line(tmp_path: Path, broken: Any) -> None:
    (old, new), expected = broken
    assert old in GOOD
    assert expected in found(tmp_path, GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("[lab\n", "config.syntax", 1),
        ("[lab]\nname = \n", "config.syntax", 2),
        (b"\xff\xfe", "config.unreadable", None),
    ],
)
def test_what_is_no_toml_is_said(
    tmp_path: Path, content: str | bytes, code: str, line: int | None
) -> None:
    assert found(tmp_path, content) == [("", code, line)]


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as invalid:
        load(tmp_path / "none.toml")
    assert [one.code for one in invalid.value.problems] == ["config.unreadable"]


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    content = GOOD
    for (old, new), _ in (
        BROKEN[name] for name in ("hours", "a plug that is not there", "no number")
    ):
        content = content.replace(old, new, 1)
    codes = {code for _, code, _ in found(tmp_path, content)}
    assert codes == {"config.bad_hours", "config.unknown_reference", "config.not_a_number"}


def test_the_drivers_mistakes_are_named_with_the_others(tmp_path: Path) -> None:
    content = (
        GOOD.replace('"09:00-17:00"', '"9-5"')
        .replace('driver = "marlin"', 'driver = "marlyn"')
        .replace('url = "http://127.0.0.1:8123"', "uri = 7")
        .replace('kind = "sensors"', 'kind = "sensors"\nmax_age_s = "old"')
    )
    with pytest.raises(ConfigInvalid) as invalid:
        wiring.check(written(tmp_path, content))
    keys = {one.key: one.code for one in invalid.value.problems}
    assert keys == {
        "lab.hours": "config.bad_hours",
        "connection[1].driver": "config.unknown_driver",
        "connection[2].options.url": "config.missing",
        "connection[2].options.uri": "config.unknown_key",
        "device[3].options.max_age_s": "config.not_a_number",
    }


def test_what_does_not_fit_together_is_named_before_anything_starts(tmp_path: Path) -> None:
    content = (
        GOOD.replace('address = "switch.printer"', 'address = "light.hall"')
        .replace('connection = "usb"', 'connection = "hub"')
        .replace("[device.options]", "", 1)
        .replace('kind = "plug"', 'options = { kind = "plug" }')
        .replace("power = ", 'options = { kind = "plug" }\npower = ')
    )
    with pytest.raises(ConfigInvalid) as invalid:
        wiring.check(written(tmp_path, content))
    assert [(one.key, one.code) for one in invalid.value.problems] == [
        ("connection[1]", "driver.bad_option"),  # a printer's wire without a printer
        ("connection[2]", "driver.bad_option"),  # plugs that are no switches
    ]


def test_every_problem_has_a_sentence_in_both_languages(tmp_path: Path) -> None:
    for (old, new), _ in BROKEN.values():
        for one in problems(tmp_path, GOOD.replace(old, new, 1)):
            for language in LANGUAGES:
                assert one.code in catalogue(language)
                sentence = text(language, one.code, {"key": one.key, **one.params})
                assert "{" not in sentence.replace("{ ja", "")


@pytest.mark.parametrize(
    "wrong",
    [
        "environment = 7",
        "environment = [[1]]",
        'environment = { a = "b" }',
    ],
)
def test_a_reference_of_a_wrong_type_is_a_mistake_and_no_crash(tmp_path: Path, wrong: str) -> None:
    keys = [one.key for one in problems(tmp_path, GOOD.replace('environment = ["room"]', wrong))]
    assert any(key.startswith("lab.environment") for key in keys)


@pytest.mark.parametrize("wrong", ["devices = [[1]]", "devices = 7", "devices = [{ a = 1 }]"])
def test_devices_of_a_wrong_type_are_a_mistake_and_no_crash(tmp_path: Path, wrong: str) -> None:
    content = GOOD.replace('devices = ["printer", "plug"]', wrong)
    assert any(one.key.startswith("equipment[1].devices") for one in problems(tmp_path, content))


# what may stand in a TOML file, as the lines of small tables
words = st.sampled_from(
    ["lab", "device", "connection", "equipment", "id", "name", "power", "devices", "policy",
     "hours", "clock", "timezone", "closures", "environment", "options", "x"]
)  # fmt: skip
values = st.sampled_from(
    ['"x"', "7", "-1.5", "true", "[]", "[[1]]", '["a", 2]', "{ ja = 1 }", '{ ja = "a", en = "b" }',
     '""', "2026-11-20", "inf", '"Asia"', '[{ id = "a" }]']
)  # fmt: skip
toml_lines = st.one_of(
    words.map("[{}]".format),
    words.map("[[{}]]".format),
    st.tuples(words, words).map(lambda pair: "[{}.{}]".format(*pair)),
    st.tuples(words, values).map(lambda pair: "{} = {}".format(*pair)),
)


@given(st.lists(toml_lines, max_size=12))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_file_whatever_is_more_than_invalid(tmp_path: Path, lines: list[str]) -> None:
    path = written(tmp_path, "\n".join(lines))
    try:
        wiring.check(path)
        invalid = None
    except ConfigInvalid as error:
        invalid = error
    if invalid is not None:
        assert invalid.problems
        last = len(lines) + 1
        assert all(one.line is None or 1 <= one.line <= last for one in invalid.problems)


keys = st.lists(st.one_of(st.integers(0, 5), words, st.text(max_size=5)), max_size=5)


@given(keys, st.lists(st.one_of(toml_lines, st.text(max_size=20)), max_size=12))
def test_finding_a_line_never_fails(key: list[str | int], lines: list[str]) -> None:
    where = line_of(tuple(key), lines)
    assert where is None or 1 <= where <= len(lines)
    assert isinstance(dotted(tuple(key)), str)


@given(st.data())
def test_a_key_is_found_on_the_line_it_was_written(data: st.DataObject) -> None:
    table = tomllib.loads(GOOD)
    section = data.draw(st.sampled_from(["equipment", "connection", "device"]))
    index = data.draw(st.integers(0, len(table[section]) - 1))
    name = data.draw(st.sampled_from(sorted(table[section][index])))
    if name in ("policy", "options"):
        return
    lines = GOOD.splitlines()
    where = line_of((section, index, name), lines)
    assert where is not None
    assert lines[where - 1].startswith(f"{name} = ")
    block = [n for n, line in enumerate(lines, 1) if line == f"[[{section}]]"][index]
    assert where > block
