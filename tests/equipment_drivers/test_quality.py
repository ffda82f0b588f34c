"""`quality.toml`: every edge case of every protocol is a test that exists, or an honest reason."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CASES = {"M": 22, "U": 14, "H": 12, "R": 12, "B": 5, "X": 12}
WANTED = [f"{room}-{n:02}" for room, last in CASES.items() for n in range(1, last + 1)]
QUALITY: dict[str, dict[str, Any]] = tomllib.loads(
    (ROOT / "equipment_drivers/quality.toml").read_text("utf-8")
)
ENTERED = {case: entry for room in QUALITY.values() for case, entry in room.items()}
SHORTEST_REASON = 20


@cache
def names_in(file: str) -> set[str]:
    """Names of the tests of a file, those of a class as `Class::test`; empty: no such file."""
    path = ROOT / file
    if not path.is_file():
        return set()
    return set(_tests(ast.parse(path.read_text("utf-8")).body, ""))


def _tests(body: list[ast.stmt], inside: str) -> list[str]:
    found = []
    for one in body:
        if isinstance(one, ast.ClassDef):
            found += _tests(one.body, f"{inside}{one.name}::")
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [inside + one.name] if one.name.startswith("test_") else []
    return found


def problems(case: str, entry: object) -> list[str]:
    """What is wrong with one entry: a list of tests (perhaps `[one of many]`), or `{ why }`."""
    match entry:
        case {"why": str(why), **more} if not more and len(why) >= SHORTEST_REASON:
            return []
        case [_, *_] as named:
            return [f"{case}: no test {test}" for test in named if not _exists(str(test))]
        case _:
            return [f"{case}: neither tests nor a reason: {entry}"]


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return name.partition("[")[0] in names_in(file)


def test_every_case_is_entered() -> None:
    assert [case for case in WANTED if case not in ENTERED] == []


def test_no_case_is_entered_that_is_none() -> None:
    assert [case for case in ENTERED if case not in WANTED] == []
    for room, entries in QUALITY.items():
        assert [case for case in entries if not case.startswith(f"{room}-")] == []


def test_every_test_named_exists() -> None:
    assert [one for case, entry in ENTERED.items() for one in problems(case, entry)] == []


@pytest.mark.parametrize(
    "entry",
    [
        [],
        "tests/equipment_drivers/test_quality.py",
        ["tests/equipment_drivers/test_quality.py::test_nobody_wrote"],
        ["tests/equipment_drivers/test_no_such_file.py::test_one"],
        {"why": ""},
        {"why": "does not apply, for a reason", "until": "later"},
    ],
)
def test_a_wrong_entry_is_seen(entry: object) -> None:
    assert problems("X-00", entry) != []


def test_a_test_with_parameters_may_be_named_whole_or_in_part() -> None:
    here = "tests/equipment_drivers/test_quality.py::test_a_wrong_entry_is_seen"
    assert problems("X-00", [here, f"{here}[entry0]"]) == []
