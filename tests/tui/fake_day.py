"""The one day on which the fake lab lives, and how it says things."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 20, 1, 23, 45, tzinfo=UTC)  # 10:23:45 in Tokyo

Say = Callable[[str, str], str]
"""Of two texts, Japanese and English, the one in the lab's language."""


def at(hour: float, day: int = 20) -> datetime:
    """An hour of the frozen day, Tokyo time."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour - 9)
