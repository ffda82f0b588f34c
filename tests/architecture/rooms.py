"""Where the project's own files are, for the tests that read them as text."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("lab_controller", "equipment_drivers", "booking", "tui", "trial_logs", "hardware_sim")
RULE_ROOMS = ("booking", "trial_logs")


def modules(*rooms: str) -> list[Path]:
    """The Python files of the rooms (all six unless named)."""
    return [path for room in rooms or ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def dotted(path: Path) -> str:
    """The import name of a module file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    """The module, parsed."""
    return ast.parse(path.read_text("utf-8"), str(path))


def tracked() -> Iterator[Path]:
    """Every file that is, or is about to be, part of the project; what git ignores is not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    yield from (path for name in listed.split("\0") if name and (path := ROOT / name).is_file())
