"""The shipped G-code is what its README says: ordinary Marlin codes, no trace of a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "gcode"
FILES = sorted(FOLDER.glob("*.gcode"))


def commands(path: Path) -> list[str]:
    """The file's lines without comments and blanks."""
    stripped = (line.partition(";")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in stripped if line]


def documented() -> set[str]:
    """The codes named in the README's table."""
    rows = re.findall(r"^\| ([GM]\d[^|]*)\|", (FOLDER / "README.md").read_text("utf-8"), re.M)
    return set(re.findall(r"[GM]\d+", " ".join(rows)))


def test_both_conditions_are_shipped() -> None:
    assert [path.name for path in FILES] == ["jig_clip_020.gcode", "jig_clip_028.gcode"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_codes_are_exactly_the_documented_ones(path: Path) -> None:
    assert {line.split()[0] for line in commands(path)} == documented()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_heats_before_it_moves_and_ends_cold(path: Path) -> None:
    lines = commands(path)
    assert lines.index("M109 S210") < next(i for i, line in enumerate(lines) if " X" in line)
    assert lines[-4:] == ["M104 S0", "M140 S0", "M107", "M84"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_size_and_length_stay_streamable(path: Path) -> None:
    assert path.stat().st_size < 300_000
    assert 2_000 <= len(commands(path)) <= 8_000
    assert max(map(len, commands(path))) < 90


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_carries_no_date(path: Path) -> None:
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", path.read_text("utf-8"))
