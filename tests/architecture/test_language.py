"""Japanese first, English complete: texts live in catalogues and both languages say the same."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.rooms import ROOMS, ROOT, dotted, modules, tree

JAPANESE = re.compile(r"[぀-ヿ㐀-鿿豈-﫿ｦ-ﾟ]")
LETTER = re.compile(r"[A-Za-z]")
CATALOGUES = sorted(
    {path.parent for room in ROOMS for path in (ROOT / room).rglob("strings/*.toml")}
)
LANGUAGES = {"ja.toml", "en.toml"}

# Modules that may hold Japanese in code, with the reason: a format, never a sentence to a person.
FORMATS: dict[str, str] = {}


def catalogue(folder: Path, language: str) -> dict[str, str]:
    """One language's flat table of texts."""
    return tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))


def placeholders(text: str, language: str) -> set[str]:
    """The names a text takes in braces; one that ends in the text's own language counts bare."""
    names = (name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    return {name.removesuffix(f"_{language}") for name in names}


def docstrings(module: ast.Module) -> set[int]:
    """The identities of the nodes that are docstrings (or bare strings under a constant)."""
    return {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def japanese_literals(path: Path) -> Iterator[str]:
    """String literals with kana or kanji, f-strings included, docstrings not."""
    module = tree(path)
    spared = docstrings(module)
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in spared
            and JAPANESE.search(node.value)
        ):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.value[:40]}"


def ids(folder: Path) -> str:
    """A catalogue's name in the test report."""
    return str(folder.relative_to(ROOT))


def test_every_room_that_speaks_has_a_catalogue() -> None:
    speaking = set(ROOMS) - {"hardware_sim"}
    assert speaking <= {str(folder.parent.relative_to(ROOT)) for folder in CATALOGUES}


@pytest.mark.parametrize("folder", CATALOGUES, ids=ids)
def test_a_catalogue_has_both_languages(folder: Path) -> None:
    assert {path.name for path in folder.glob("*.toml")} == LANGUAGES


@pytest.mark.parametrize("folder", CATALOGUES, ids=ids)
def test_both_languages_have_the_same_keys(folder: Path) -> None:
    assert set(catalogue(folder, "ja")) ^ set(catalogue(folder, "en")) == set()


@pytest.mark.parametrize("folder", CATALOGUES, ids=ids)
def test_both_languages_take_the_same_parameters(folder: Path) -> None:
    ja, en = catalogue(folder, "ja"), catalogue(folder, "en")
    takes = {
        key: (placeholders(ja[key], "ja"), placeholders(en[key], "en")) for key in {*ja} & {*en}
    }
    assert {key: pair for key, pair in takes.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("folder", CATALOGUES, ids=ids)
def test_a_catalogue_is_a_flat_table_of_texts(folder: Path) -> None:
    ja, en = catalogue(folder, "ja"), catalogue(folder, "en")
    assert {
        key for table in (ja, en) for key, text in table.items() if type(text) is not str
    } == set()
    # A text may be empty on purpose, but then in both languages.
    assert {key for key in {*ja} & {*en} if bool(ja[key].strip()) != bool(en[key].strip())} == set()


@pytest.mark.parametrize("folder", CATALOGUES, ids=ids)
def test_english_is_english(folder: Path) -> None:
    counted = {
        key: (len(JAPANESE.findall(text)), len(LETTER.findall(text)))
        for key, text in catalogue(folder, "en").items()
    }
    # The safety sentence is printed in both languages everywhere, so some Japanese is right.
    assert {key for key, (japanese, letters) in counted.items() if japanese > letters} == set()


def test_no_japanese_in_code() -> None:
    speaking = [path for path in modules() if dotted(path) not in FORMATS]
    assert [literal for path in speaking for literal in japanese_literals(path)] == []


def test_listed_formats_are_still_needed() -> None:
    listed = [path for path in modules() if dotted(path) in FORMATS]
    assert {dotted(path) for path in listed if any(japanese_literals(path))} == set(FORMATS)
