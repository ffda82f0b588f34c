"""The stopper stays small: its imports and its texts."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

from lab_controller.stopper.errors import StopFault
from lab_controller.stopper.texts import LANGUAGES, say

ROOM = Path(str(files("lab_controller.stopper")))
FROM_VERDICTS = re.compile(r'(?:failed\(|Outcome\.\w+, )"([a-z_]+)"')


def loaded(*modules: str) -> set[str]:
    """Top-level modules outside the standard library after importing these, in a fresh process."""
    listing = (
        f"import {', '.join(('sys', *modules))};"
        "print(*{name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", listing], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_it_starts_with_the_standard_library_only() -> None:
    room = loaded("lab_controller.stopper.__main__", "lab_controller.stopper.press")
    assert room - loaded() == {"lab_controller"}


def texts(language: str) -> dict[str, str]:
    source = ROOM / "strings" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def test_every_code_has_a_sentence_with_the_same_parameters_in_both_languages() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in ROOM.rglob("*.py"))
    codes = set(re.findall(r'"(stop\.[a-z_]+)"', source)) - {"stop.latch"}
    codes |= {f"stop.detail.{detail}" for detail in FROM_VERDICTS.findall(source)}
    ja, en = texts("ja"), texts("en")
    assert set(ja) == set(en)
    assert codes <= set(ja)
    names = re.compile(r"\{(\w+)\}")
    assert {k: set(names.findall(v)) for k, v in ja.items()} == {
        k: set(names.findall(v)) for k, v in en.items()
    }


def test_the_room_speaks_for_itself() -> None:
    class Odd(StopFault):
        code = "stop.unknown_op"

    for language in LANGUAGES:
        assert say(language, Odd(op="dance")).startswith("stop.unknown_op: ")
        assert "dance" in say(language, Odd(op="dance"))
