"""Reads a table that people wrote (TOML or JSON), noting every problem at once with its key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from trial_logs.errors import Problem

T = TypeVar("T")
N = TypeVar("N", int, float)
E = TypeVar("E", bound=StrEnum)

MOST_YEN = 10**12
FOREVER = date(9999, 12, 31)


class Fields:
    """One table and what was wrong in it. A faulty value is noted and read as a harmless one."""

    def __init__(self, content: object, place: str, problems: list[Problem]) -> None:
        self._content = content if isinstance(content, Mapping) else {}
        self._place, self._problems = place, problems
        self._known: set[str] = set()
        if not isinstance(content, Mapping):
            self._wrong("", "field.not_a_table")

    def has(self, name: str) -> bool:
        """Whether the key was written."""
        return name in self._content

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without default it must be there and not be empty."""
        found = self._take(name)
        if found is None:
            return self._default(name, default, "")
        if not isinstance(found, str) or (default is None and not found.strip()):
            self._wrong(name, "field.not_text")
            return ""
        return found.strip()

    def whole(
        self, name: str, default: int | None = None, least: int = 0, most: int = MOST_YEN
    ) -> int:
        """A whole number in a range; yen are never fractions."""
        found = self._take(name)
        if found is None:
            return self._default(name, default, least)
        if not isinstance(found, int) or isinstance(found, bool):
            self._wrong(name, "field.not_whole")
            return least
        return self._within(name, found, least, most)

    def number(
        self, name: str, default: float | None = None, least: float = 0.0, most: float = MOST_YEN
    ) -> float:
        """A number in a range, ends included."""
        found = self._take(name)
        if found is None:
            return self._default(name, default, least)
        if not isinstance(found, int | float) or isinstance(found, bool):
            self._wrong(name, "field.not_number")
            return least
        if not math.isfinite(found):
            self._wrong(name, "field.not_number")
            return least
        return self._within(name, float(found), least, most)

    def numbers(self, name: str, least: float, most: float) -> tuple[float, ...]:
        """A list of numbers in a range; one alone may stand without brackets."""
        found = self._take(name)
        given = found if isinstance(found, list) else [] if found is None else [found]
        real = [one for one in given if isinstance(one, int | float) and not isinstance(one, bool)]
        if len(real) < len(given) or not all(map(math.isfinite, real)):
            self._wrong(name, "field.not_number")
            return ()
        return tuple(self._within(name, float(one), least, most) for one in real)

    def yes(self, name: str) -> bool | None:
        """true, false, or not written."""
        found = self._take(name)
        if found is not None and not isinstance(found, bool):
            self._wrong(name, "field.not_yes_or_no")
            return None
        return found

    def share(self, name: str, default: Fraction | None = None) -> Fraction:
        """A share above 0 and up to 1, written `2/3`."""
        found = self._take(name)
        if found is None:
            return self._default(name, default, Fraction(1))
        try:
            value = Fraction(found) if isinstance(found, str) else Fraction(0)
        except (ValueError, ZeroDivisionError):
            value = Fraction(0)
        if not 0 < value <= 1:
            self._wrong(name, "field.not_share")
            return Fraction(1)
        return value

    def day(self, name: str) -> date:
        """A date, as TOML writes it."""
        found = self._take(name)
        if found is None:
            return self._default(name, None, FOREVER)
        if type(found) is not date:
            self._wrong(name, "field.not_a_day")
            return FOREVER
        return found

    def choice(self, name: str, kind: type[E], default: E | None = None) -> E:
        """One of an enumeration's words."""
        first = next(iter(kind))
        found = self._take(name)
        if found is None:
            return self._default(name, default, first)
        return self._one_of(name, found, kind) or first

    def choices(self, name: str, kind: type[E]) -> tuple[E, ...]:
        """Any number of an enumeration's words."""
        found = self._take(name)
        if found is None:
            return ()
        if not isinstance(found, list):
            self._wrong(name, "field.not_a_list")
            return ()
        read = [self._one_of(name, one, kind) for one in found]
        return tuple(one for one in read if one is not None)

    def table(self, name: str) -> Fields:
        """A table within; one not written reads as empty."""
        found = self._take(name)
        return Fields({} if found is None else found, self._key(name), self._problems)

    def rows(self, name: str) -> Sequence[Fields]:
        """An array of tables."""
        found = self._take(name)
        if found is not None and not isinstance(found, list):
            self._wrong(name, "field.not_a_list")
        rows = found if isinstance(found, list) else []
        return [
            Fields(row, f"{self._key(name)}[{number}]", self._problems)
            for number, row in enumerate(rows, start=1)
        ]

    def names(self, name: str) -> Mapping[str, str]:
        """A text in both languages."""
        both = self.table(name)
        if not self.has(name):
            self._wrong(name, "field.missing")
            return {"ja": "", "en": ""}
        texts = {language: both.text(language) for language in ("ja", "en")}
        both.done()
        return texts

    def wrong(self, name: str, code: str, **params: object) -> None:
        """Note a problem that only the reader of the whole can see."""
        self._wrong(name, code, **params)

    def done(self) -> None:
        """Note every key that nobody asked for."""
        for name in self._content:
            if name not in self._known:
                self._wrong(str(name), "field.unknown")

    def _take(self, name: str) -> object:
        self._known.add(name)
        return self._content.get(name)

    def _default(self, name: str, default: T | None, harmless: T) -> T:
        if default is not None:
            return default
        self._wrong(name, "field.missing")
        return harmless

    def _within(self, name: str, value: N, least: N, most: N) -> N:
        if least <= value <= most:
            return value
        self._wrong(name, "field.out_of_range", least=f"{least:,}", most=f"{most:,}")
        return least

    def _one_of(self, name: str, found: object, kind: type[E]) -> E | None:
        known = {each.value: each for each in kind}
        if isinstance(found, str) and found in known:
            return known[found]
        self._wrong(name, "field.not_one_of", value=found, known=", ".join(known))
        return None

    def _key(self, name: str) -> str:
        return f"{self._place}.{name}".strip(".")

    def _wrong(self, name: str, code: str, **params: object) -> None:
        key = self._key(name)
        shown = {word: str(value) for word, value in params.items()}
        self._problems.append(Problem(key, code, {"key": key, **shown}))
