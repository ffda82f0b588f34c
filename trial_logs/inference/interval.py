"""An estimate with its interval: the shape of every uncertain number in this package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

LEVEL = 0.95
"""The level printed everywhere unless somebody asks for another."""


def joint_level(several: int, level: float = LEVEL) -> float:
    """The level each of so many intervals needs for all of them to hold together at `level`.

    1 − (1 − level) ÷ m, after Bonferroni: Dunn (1961), JASA 56:52; NIST/SEMATECH e-Handbook,
    7.4.7.3. It holds whatever the intervals have to do with each other.
    """
    return 1 - (1 - level) / max(1, several)


NO_SPREAD = "number.no_spread"
"""All values are the same: the gauge shows no difference, so nothing is known of the spread."""
NO_METHOD = "number.no_method"
"""The number stands, but no interval can honestly be put around it."""

NO_LOWER = "number.no_lower"
"""The sample is too small to bound from below what cannot be negative."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with [low, high] at `level`; an open side or a value not to be had is None.

    `method` is the code of the interval's method, its text is printed beside the number; it is
    empty where there is no interval. `code` says why something is missing or what to know;
    `needed` is how many more parts would close the interval or reach the width wanted, None
    where that is not known.
    """

    estimate: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    method: str
    code: str = ""
    needed: int | None = None

    @property
    def half_width(self) -> float | None:
        """Half of high − low; None when a side is open."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside; an open side excludes nothing."""
        below = self.low is not None and value < self.low
        return below or (self.high is not None and value > self.high)

    def noted(self, code: str, needed: int | None = None) -> Self:
        """The same interval with a code, and how many more parts are needed."""
        return replace(self, code=code, needed=needed)

    def never_negative(self, needed: int | None = None) -> Self:
        """For a time or an energy: a lower end at or below 0 says nothing, it is open (NO_LOWER).

        The upper end stays. `needed` is how many more parts would bring the lower end above 0.
        """
        if self.low is None or self.low > 0:
            return self
        return replace(self, low=None, code=NO_LOWER, needed=needed)


def bare(
    estimate: float | None,
    n: int,
    code: str,
    *,
    level: float = LEVEL,
    needed: int | None = None,
) -> Interval:
    """A number without interval, or no number; `code` says why."""
    return Interval(estimate, None, None, level, n, "", code, needed)
