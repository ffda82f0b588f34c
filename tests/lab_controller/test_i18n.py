"""Every code any room can utter has its sentence, in both languages."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import string
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import booking
import equipment_drivers
import lab_controller
import trial_logs
from booking.errors import BookingError
from equipment_drivers.errors import DriverError
from lab_controller.errors import LabError
from lab_controller.i18n import LANGUAGES, catalogue, say, text
from lab_controller.i18n import ROOMS as CATALOGUES
from lab_controller.stopper.errors import StopFault
from trial_logs.errors import TrialError

ROOMS = (booking, equipment_drivers, lab_controller, trial_logs)
BASES = (BookingError, DriverError, LabError, StopFault, TrialError)
NAMESPACES = (
    "auth|booking|cli|config|demo|driver|evidence|gcode|lab|lease|link|portal|report|signal"
    "|stop|trial"
)
CODE = re.compile(rf"(?:{NAMESPACES})(?:\.[a-z][a-z0-9_]*)+")
NEVER_SAID = {"booking.error", "booking.unknown", "trial.error"}  # bases nobody raises
FILES = {"toml", "db", "lock", "latch", "pdf", "xlsx", "typ", "log", "css", "html", "csv", "svg"}


def modules() -> Iterator[str]:
    for room in ROOMS:
        yield room.__name__
        for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
            if not found.name.endswith("__main__"):
                yield found.name


def subclasses(base: type) -> Iterator[type]:
    for each in base.__subclasses__():
        yield each
        yield from subclasses(each)


def codes_of_errors() -> set[str]:
    """The codes of all error classes of all rooms."""
    for name in modules():
        importlib.import_module(name)
    return {
        each.code
        for base in BASES
        for each in (base, *subclasses(base))
        if each.__module__.split(".")[0] in {room.__name__ for room in ROOMS}
    }


def codes_in_sources() -> Iterator[tuple[str, str]]:
    """Every literal that has the form of a code: problems, details, messages, refusals."""
    for room in ROOMS:
        for path in Path(room.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    value = node.value
                    part = value.endswith("_")  # the other half is added when it is said
                    if CODE.fullmatch(value) and value.rpartition(".")[2] not in FILES and not part:
                        yield value, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_its_sentence(language: str) -> None:
    assert codes_of_errors() - set(catalogue(language)) - NEVER_SAID == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_in_the_sources_has_its_sentence(language: str) -> None:
    known = catalogue(language).keys() | NEVER_SAID
    assert {(code, where) for code, where in codes_in_sources() if code not in known} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_has_one_sentence_in_one_room(language: str) -> None:
    found: list[str] = []
    for room in CATALOGUES:
        source = files(room) / "strings" / f"{language}.toml"
        found += tomllib.loads(source.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(set(found))


def test_every_sentence_can_be_filled() -> None:
    for language in LANGUAGES:
        for code, sentence in catalogue(language).items():
            names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name]
            filled = text(language, code, dict.fromkeys(names, 7))
            assert "{" not in filled, code


def test_a_missing_parameter_shows_its_name_and_hides_nothing() -> None:
    assert "{file}" in text("ja", "lab.storage_failed", {})


def test_an_unknown_code_is_shown_as_it_is_and_an_unknown_language_is_japanese() -> None:
    assert text("en", "acme.strange") == "acme.strange"
    assert text("en", "signal.torque") == "torque"
    assert catalogue("fr") == catalogue("ja")


def test_an_error_is_said_in_both_languages() -> None:
    error = LabError(why="x")
    assert say("ja", error) != say("en", error)
    assert str(error) == "lab.error(why=x)"
