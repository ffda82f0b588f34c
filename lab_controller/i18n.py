"""Texts by code, chosen at the edge: each room ships `strings/ja.toml` and `strings/en.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Protocol

from equipment_drivers.texts import foreign

LANGUAGES = ("ja", "en")
ROOMS = (
    "booking",
    "equipment_drivers",
    "lab_controller",
    "lab_controller.portal",
    "lab_controller.stopper",
    "trial_logs",
    "trial_logs.dossier",
)


class Coded(Protocol):
    """Any room's error or problem: a code and its parameters."""

    @property
    def code(self) -> str: ...

    @property
    def params(self) -> Mapping[str, object]: ...


class Lenient(dict[str, object]):
    """A missing parameter shows its own name rather than hiding the whole sentence."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All rooms' texts in one language, and those that drivers from outside bring.

    Unknown languages read as Japanese.
    """
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    texts = dict(foreign(chosen))
    for room in ROOMS:
        source = files(room) / "strings" / f"{chosen}.toml"
        texts |= tomllib.loads(source.read_text(encoding="utf-8"))
    return texts


def text(language: str, code: str, params: Mapping[str, object] | None = None) -> str:
    """The sentence for a code, or the code itself where no room has one.

    A signal nobody named (`signal.…` of a driver from outside) shows its own name.
    """
    found = catalogue(language).get(code, code.removeprefix("signal."))
    return found.format_map(Lenient(params or {}))


def say(language: str, problem: Coded) -> str:
    """The sentence for an error or a problem of any room; a form field in it by its own name."""
    params = dict(problem.params)
    named = f"booking.field.{params.get('field', '')}"
    if named in catalogue(language):
        params["field"] = text(language, named)
    return text(language, problem.code, params)
