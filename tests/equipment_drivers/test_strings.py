"""The texts: both languages whole, in order, with the same parameters, and one for every code."""

from __future__ import annotations

import re
import string
import tomllib
from importlib.resources import files

import pytest

from equipment_drivers import errors, registry
from equipment_drivers.errors import DriverError


def texts(language: str) -> dict[str, str]:
    source = files("equipment_drivers") / "strings" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def codes() -> set[str]:
    return {
        value.code
        for module in (errors, registry)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DriverError)
    }


def parameters(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_parameters() -> None:
    ja, en = texts("ja"), texts("en")
    assert list(ja) == list(en)
    assert {key: parameters(text) for key, text in ja.items()} == {
        key: parameters(text) for key, text in en.items()
    }


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_code_has_a_text(language: str) -> None:
    assert codes() <= set(texts(language))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_keys_are_sorted(language: str) -> None:
    assert list(texts(language)) == sorted(texts(language))


def test_japanese_is_japanese() -> None:
    for key, text in texts("ja").items():
        assert re.search(r"[ぁ-ん]", text), key
