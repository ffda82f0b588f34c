"""Sentences of drivers in both languages: ours, and those that drivers from outside bring.

A package with drivers of its own registers itself by an entry point of the group
`machikoba.texts` (`NAME = "package"`) and keeps `strings/ja.toml` and `strings/en.toml` beside
its modules. It can add sentences; it cannot change those that are there.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files

log = logging.getLogger(__name__)

GROUP = "machikoba.texts"
LANGUAGES = ("ja", "en")


@cache
def texts(language: str) -> Mapping[str, str]:
    """Everything a driver can have said to people, by key."""
    return {**foreign(language), **_read("equipment_drivers", language)}


@cache
def foreign(language: str) -> Mapping[str, str]:
    """What packages from outside bring; one that cannot be read is logged and left out."""
    found: dict[str, str] = {}
    for point in entry_points(group=GROUP):
        try:
            found |= _read(point.value, language)
        except (ImportError, OSError, ValueError) as error:
            log.error("texts of %s (%s) cannot be read: %r", point.name, point.value, error)
    return found


def _read(package: str, language: str) -> dict[str, str]:
    source = files(package) / "strings" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))
