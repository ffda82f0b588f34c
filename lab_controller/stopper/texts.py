"""The stopper's own sentences, for what it says before anybody else can speak for it."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from lab_controller.stopper.errors import StopFault

LANGUAGES = ("ja", "en")


def say(language: str, fault: StopFault) -> str:
    """The sentence for a fault, with its code in front."""
    source = files("lab_controller.stopper") / "strings" / f"{language}.toml"
    texts = tomllib.loads(source.read_text(encoding="utf-8"))
    return f"{fault.code}: " + str(texts.get(fault.code, "")).format_map(fault.params)
