"""Where a key stands in a TOML file: tomllib keeps no positions, people need the line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

Key = tuple[str | int, ...]

NAME = r"""(?:[\w\-]+|"[^"]*"|'[^']*')"""
DOTTED = rf"{NAME}(?:\s*\.\s*{NAME})*"
HEADER = re.compile(rf"^\s*(?P<open>\[\[?)\s*(?P<names>{DOTTED})\s*\]\]?\s*(?:#.*)?$")
ASSIGNMENT = re.compile(rf"^\s*(?P<names>{DOTTED})\s*=")


def dotted(key: Key) -> str:
    """`("device", 1, "power")` as people write it: `device[2].power`."""
    text = ""
    for part in key:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def key_of(text: str) -> Key:
    """`device[2].power` back as `("device", 1, "power")`."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", text)
    return tuple(int(row) - 1 if row else name for row, name in parts)


def line_of(key: Key, lines: list[str]) -> int | None:
    """The line a key stands on, or else the line of the innermost table around it."""
    found, length = None, 0
    for number, written in _keys(lines):
        shared = written[: len(key)]
        if len(shared) > length and key[: len(shared)] == shared:
            found, length = number, len(shared)
    return found


def _keys(lines: list[str]) -> Iterator[tuple[int, Key]]:
    """Every table and every key of the file as it is written, with its line."""
    rows: Counter[tuple[str, ...]] = Counter()
    table: Key = ()
    for number, line in enumerate(lines, start=1):
        header = HEADER.match(line)
        if header is not None:
            names = _names(header)
            if header["open"] == "[[":
                rows[names] += 1
                for inner in [one for one in rows if one != names and one[: len(names)] == names]:
                    del rows[inner]
            table = _counted(names, rows)
            yield number, table
        elif assignment := ASSIGNMENT.match(line):
            yield number, (*table, *_names(assignment))


def _names(found: re.Match[str]) -> tuple[str, ...]:
    return tuple(name.strip("\"'") for name in re.findall(NAME, found["names"]))


def _counted(names: tuple[str, ...], rows: Counter[tuple[str, ...]]) -> Key:
    """The names with the row's index after each that is an array of tables."""
    key: Key = ()
    for depth, name in enumerate(names, start=1):
        count = rows.get(names[:depth], 0)
        key += (name, count - 1) if count else (name,)
    return key
