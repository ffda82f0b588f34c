"""Whether values may be taken as normally distributed: two tests with their p-values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Normality:
    """Shapiro-Wilk and Anderson-Darling; None where the sample is too small or too large."""

    n: int
    shapiro_w: float | None
    shapiro_p: float | None
    anderson_a2: float | None
    """A², mean and deviation estimated from the sample, before any correction for its size."""
    anderson_p: float | None
    normal: bool | None
    """False when rejected at 5 %; True when not; None when it could not be tested."""
    code: str = ""
