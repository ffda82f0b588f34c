"""This room's words in Japanese and English."""

from __future__ import annotations

import tomllib
from importlib.resources import files


def load(language: str) -> dict[str, str]:
    """Every word of a language (`ja`, `en`) by its key."""
    text = (files("trial_logs") / "strings" / f"{language}.toml").read_text(encoding="utf-8")
    return {key: str(value) for key, value in tomllib.loads(text).items()}
