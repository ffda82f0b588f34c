"""Before and after, one condition against another: differences and ratios with intervals."""

from __future__ import annotations

from dataclasses import dataclass

from trial_logs.inference.interval import Interval

BASELINE_UNCERTAIN = "number.baseline_uncertain"
"""The baseline is one number: how sure it is is not known, the interval is the trial's alone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one side: mean, with spread and count where somebody measured them."""

    mean: float
    sd: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """After against before, for a mean (in its unit) or a share (0…1)."""

    before: Interval
    after: Interval
    difference: Interval
    """after − before."""
    ratio: Interval
    """after ÷ before; 0.8 is a fifth less."""

    @property
    def decided(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.difference.excludes(0.0)
