"""One thing the doctor looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Health(StrEnum):
    """GOOD: nothing to do. LOOK: worth knowing, the lab runs. BAD: something will not work."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is what was looked at (`disk`, or a connection's id); the text says what to do."""

    about: str
    health: Health
    code: str
    params: Mapping[str, str] = field(default_factory=dict)


def good(about: str, code: str, **params: object) -> Finding:
    """All is well."""
    return Finding(about, Health.GOOD, code, texts(params))


def look(about: str, code: str, **params: object) -> Finding:
    """Not well, and the lab runs."""
    return Finding(about, Health.LOOK, code, texts(params))


def bad(about: str, code: str, **params: object) -> Finding:
    """Something will not work."""
    return Finding(about, Health.BAD, code, texts(params))


def texts(params: Mapping[str, object]) -> dict[str, str]:
    """Parameters as the texts they are shown as."""
    return {key: str(value) for key, value in params.items()}
