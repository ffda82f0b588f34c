"""A plan file as a request: every problem at its key and line, before anybody is asked."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lab_controller.api.trial_shapes import draft_of
from lab_controller.config import ConfigProblem, problem_of
from lab_controller.errors import LabError
from lab_controller.toml_lines import Key, key_of, line_of
from lab_controller.wire_trials import TrialRequest
from trial_logs.plan_rules import draft_problems

PART = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")


STAND_INS: dict[str | int, object] = {"kind": "parts", "levels": ["-"]}
"""What stands for a missing key where "-" cannot."""


class PlanFileInvalid(LabError):
    """The file is no plan; `problems` names everything that is wrong with it."""

    code = "plan_file.invalid"

    def __init__(self, path: Path, problems: list[ConfigProblem]) -> None:
        super().__init__(file=path.name, count=len(problems))
        self.problems = problems


def read_plan(path: Path, booking: str = "") -> tuple[TrialRequest, list[str]]:
    """The plan in a file, for a booking or the one it names itself; and the file's lines.

    Raises PlanFileInvalid with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path, "config.unreadable", str(error)) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise _invalid(
            path, "config.syntax", str(error), int(found[1]) if found else None
        ) from error
    if booking:
        table["booking"] = booking
    try:
        return TrialRequest.model_validate(table), text.splitlines()
    except ValidationError as error:
        lines = text.splitlines()
        problems = [problem_of(each, (), lines) for each in error.errors()]
        problems += _of_the_rest(table, error.errors(), lines)
        raise PlanFileInvalid(path, problems) from error


class _Booked(NamedTuple):
    """Stands for the booking, which the rules of a plan do not look at."""

    id: str = "-"
    party_id: str = "-"
    equipment_id: str = "-"


def _of_the_rest(
    table: dict[str, Any], errors: list[ErrorDetails], lines: list[str]
) -> Iterator[ConfigProblem]:
    """What the rules say to the plan without the keys that cannot be read, and with something in
    the place of those it must have.

    Nothing where no plan is left; nothing of a row in which a key is missing or not read.
    """
    rest = copy.deepcopy(table) | {"booking": table.get("booking") or _Booked().id}
    lost: list[Key] = []
    for each in errors:
        key = tuple(each["loc"])
        _put(rest, key, None)
        if each["type"] != "extra_forbidden":
            lost.append(_row(key))
    try:
        draft = draft_of(_filled(rest), _Booked())
    except ValidationError:
        return
    for found in draft_problems(draft):
        at = key_of(found.field)
        if not any(at[: len(row)] == row for row in lost):
            line = line_of_field(found.field, lines)
            yield ConfigProblem(found.field, found.code, found.params, line)


def _filled(table: dict[str, Any]) -> TrialRequest:
    """The plan with a stand-in for each key it must have. Raises ValidationError."""
    try:
        return TrialRequest.model_validate(table)
    except ValidationError as error:
        for each in error.errors():
            if each["type"] == "missing":
                key = tuple(each["loc"])
                _put(table, key, STAND_INS.get(key[-1], "-"))
        return TrialRequest.model_validate(table)


def _put(table: Any, key: Key, value: object) -> None:
    """Put a value at a key, or with None take out what is there."""
    for name in key[:-1]:
        try:
            table = table[name]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(table, dict):
        table.pop(key[-1], None)
        if value is not None:
            table[key[-1]] = value


def _row(key: Key) -> Key:
    """The row of a list a key is in, else the key itself."""
    rows = [place for place, name in enumerate(key, 1) if isinstance(name, int)]
    return key[: rows[-1]] if rows else key


def line_of_field(field: str, lines: list[str]) -> int | None:
    """The line of a key as the rules name it: `protocol.stop_rules[2].value`."""
    key: Key = ()
    for name, row in PART.findall(field):
        key += (name, int(row) - 1) if row else (name,)
    return line_of(key, lines)


def _invalid(path: Path, code: str, cause: str, line: int | None = None) -> PlanFileInvalid:
    return PlanFileInvalid(path, [ConfigProblem("", code, {"cause": cause}, line)])
