"""Everything the room can say exists in both languages, with the same parameters."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import booking
from booking.model import Role
from booking.slots import CellState
from booking.states import PublicWord, State, Verb

ROOM = Path(booking.__file__).parent
CATALOGUES = {
    language: tomllib.loads((ROOM / "strings" / f"{language}.toml").read_text("utf-8"))
    for language in ("ja", "en")
}
# Names that never reach a person: bases of the hierarchy, and what the audit table answers to SQL.
SILENT = {"booking.error", "booking.unknown", "booking.audit_is_append_only"}


def codes_in_source() -> set[str]:
    found = set()
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^booking\.[a-z_]*[a-z]$", node.value))
    return found - {f"booking.{path.stem}" for path in ROOM.rglob("*.py")}


def names() -> set[str]:
    families = {"state": State, "public": PublicWord, "next": PublicWord, "verb": Verb}
    more = {"cell": CellState, "role": Role}
    made = {
        f"booking.{family}.{member}"
        for family, members in chain(families.items(), more.items())
        for member in members
    }
    return made | {f"booking.cannot_{verb}" for verb in [*Verb, "name_operator"]}


def placeholders(text: str) -> set[str]:
    return {
        re.sub(r"_(ja|en)$", "", name) for _, name, _, _ in string.Formatter().parse(text) if name
    }


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_no_code_is_without_words(language: str) -> None:
    wanted = (codes_in_source() | names()) - SILENT
    assert wanted - set(CATALOGUES[language]) == set()


def test_both_languages_say_the_same_things_with_the_same_parameters() -> None:
    japanese, english = CATALOGUES["ja"], CATALOGUES["en"]
    assert set(japanese) == set(english)
    differing = [
        key for key in japanese if placeholders(japanese[key]) != placeholders(english[key])
    ]
    assert differing == []


def test_nothing_is_said_that_no_code_asks_for() -> None:
    used = codes_in_source() | names() | {"booking.next_start"}
    spare = {key for key in CATALOGUES["ja"] if not key.startswith("booking.field.")} - used
    assert spare == set()


def test_every_form_field_has_a_name() -> None:
    fields = set()
    for path in ROOM.rglob("*.py"):
        fields |= set(re.findall(r'field="([a-z_]+)"', path.read_text("utf-8")))
    assert {f"booking.field.{name}" for name in fields} <= set(CATALOGUES["ja"])


def test_the_four_public_words() -> None:
    words = [CATALOGUES["ja"][f"booking.public.{word}"] for word in PublicWord]
    assert words == ["申込み中", "確定", "利用済み", "取消し"]
