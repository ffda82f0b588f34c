"""The console's texts in one language: `strings/ja.toml` and `strings/en.toml` of this room."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files

LANGUAGES = ("ja", "en")


class Lenient(dict[str, object]):
    """A missing parameter shows its own name rather than hiding the whole sentence."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of one language."""
    source = files("tui") / "strings" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


class Texts:
    """Texts by key; what the lab adds later and we do not know yet is shown by its own name."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._texts = catalogue(self.language)

    def __call__(self, key: str, **params: object) -> str:
        return self._texts.get(key, key).format_map(Lenient(params))

    def has(self, key: str) -> bool:
        """Whether there is a text for this key."""
        return key in self._texts

    def word(self, kind: str, code: str) -> str:
        """The word for a code of a kind (`state`, `signal`, `verb` …), else the code itself."""
        return self._texts.get(f"{kind}.{code}", code)

    def day(self, at: datetime) -> str:
        """A day as people here write it, with its weekday."""
        return self("day", month=at.month, day=at.day, weekday=self(f"weekday.{at.weekday()}"))

    def span(self, start: datetime, end: datetime) -> str:
        """From when to when, on one day."""
        return f"{start:%H:%M}-{end:%H:%M}"

    def seconds(self, seconds: float) -> str:
        """A length of time in the one unit that says it best."""
        for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
            if seconds >= 2 * length:
                return self(f"age.{unit}", n=int(seconds // length))
        return self("age.seconds", n=int(seconds))
