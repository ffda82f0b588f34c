"""Machine capability against a tolerance: Cm and Cmk with intervals and normality check."""

from __future__ import annotations

from dataclasses import dataclass

from trial_logs.inference.interval import Interval
from trial_logs.inference.normality import Normality


@dataclass(frozen=True, slots=True)
class Capability:
    """Indices of one characteristic from one run (one machine, one go: Cm/Cmk, not Cp/Cpk)."""

    n: int
    mean: float | None
    sd: float | None
    lower: float | None
    upper: float | None
    """The specification limits; None for a side without one."""
    normality: Normality
    cm: Interval
    """Spread against tolerance, two-sided limits only; exact by chi-square."""
    cmk: Interval
    """The worse side; two-sided interval after Bissell (1990), approximate."""
    cmk_bound: Interval
    """Cmk with the one-sided lower bound by the non-central t: exact for a one-sided limit,
    at least `level` for a two-sided one."""
    percentile_cm: Interval
    percentile_cmk: Interval
    """The same from percentiles (ISO 22514-2), for values that are not normal; no interval."""
    codes: tuple[str, ...] = ()
    """What to print beside the indices: few parts, not normal, no spread."""
