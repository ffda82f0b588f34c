"""This room's words in Japanese and English."""

from __future__ import annotations

import tomllib
from importlib.resources import files

CATALOGUES = ("trial_logs", "trial_logs.dossier")


def load(language: str) -> dict[str, str]:
    """Every word of a language (`ja`, `en`) by its key."""
    words: dict[str, str] = {}
    for room in CATALOGUES:
        text = (files(room) / "strings" / f"{language}.toml").read_text(encoding="utf-8")
        words |= {key: str(value) for key, value in tomllib.loads(text).items()}
    return words
