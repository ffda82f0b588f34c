"""Which characters a set of fonts can show, and what to print where none can."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

GETA = "〓"
"""Printers' mark for a missing type."""
UNPRINTED = "alt"


class Glyphs:
    """The characters some fonts can show; `missing` grows with every text that was cleaned."""

    def __init__(self, known: Iterable[int]) -> None:
        self._known = {ord("\n"), *known}
        self.missing: set[str] = set()

    def clean(self, value: Any) -> Any:
        """The same JSON-able value with every character shown as itself or as `〓(U+20BB7)`.

        Characters without ink (controls, joiners, marks of direction) are left out, and so are
        variation selectors, which only choose a form of the character before them. A picture's
        text is read aloud, never drawn, and stays as it is.
        """
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {k: each if k == UNPRINTED else self.clean(each) for k, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(each) for each in value]
        return value

    def _text(self, text: str) -> str:
        if all(ord(mark) in self._known for mark in text):
            return text
        return "".join(self._shown(mark) for mark in text.replace("\r\n", "\n"))

    def _shown(self, mark: str) -> str:
        if ord(mark) in self._known:
            return mark
        if mark == "\t" or unicodedata.category(mark) == "Zs":
            return " "
        if unicodedata.category(mark) in ("Cc", "Cf"):
            return ""
        self.missing.add(mark)
        return "" if _is_selector(mark) else f"{GETA}({code_points(mark)})"


def _is_selector(mark: str) -> bool:
    return "\ufe00" <= mark <= "\ufe0f" or "\U000e0100" <= mark <= "\U000e01ef"


def code_points(marks: Iterable[str]) -> str:
    """Characters by their number, for fonts that cannot show them: `U+20BB7`."""
    return ", ".join(f"U+{ord(mark):04X}" for mark in sorted(marks))
