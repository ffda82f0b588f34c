"""How many more parts would decide: projections from what was seen so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Needed:
    """How many parts a question takes in all and how many more; None when no number would do.

    A projection: it takes what was seen so far (spread, share, effect) to stay as it is.
    """

    goal: str
    """needed.width, needed.scrap_limit, needed.zero_defects, needed.difference."""
    aim: float
    """The width as a share, the limit, the share to prove, or the difference seen."""
    total: int | None
    more: int | None
    code: str = ""
