"""A plan file as a request: every problem at its key and line, before anybody is asked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pydantic import ValidationError

from lab_controller.config import ConfigProblem, problem_of
from lab_controller.errors import LabError
from lab_controller.toml_lines import Key, line_of
from lab_controller.wire_trials import TrialRequest

PART = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")


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
        raise PlanFileInvalid(path, problems) from error


def line_of_field(field: str, lines: list[str]) -> int | None:
    """The line of a key as the rules name it: `protocol.stop_rules[2].value`."""
    key: Key = ()
    for name, row in PART.findall(field):
        key += (name, int(row) - 1) if row else (name,)
    return line_of(key, lines)


def _invalid(path: Path, code: str, cause: str, line: int | None = None) -> PlanFileInvalid:
    return PlanFileInvalid(path, [ConfigProblem("", code, {"cause": cause}, line)])
