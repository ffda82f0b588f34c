"""The formulas behind every number of a run: pure functions, each naming its definition.

A number that cannot be had, or not honestly, is a `Figure` without value and with a code.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trial_logs.model import Quality, Verdict
from trial_logs.spans import Span, overlap, subtract, total

NO_DATA = "number.no_data"
TOO_FEW = "number.too_few"
COUNTER_RESET = "number.counter_reset"
COUNTER_DIP = "number.counter_dip"

MIN_FOR_SPREAD = 2
MIN_FOR_P95 = 20
DIP = 0.9
"""A meter that falls, but not below this share of its last value, was re-read, not restarted."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or None; `code` says why it is missing or what to know about it."""

    value: float | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class CycleStats:
    """Cycle times in seconds over all parts made that have one."""

    n: int
    mean: Figure
    median: Figure
    p95: Figure
    minimum: Figure
    maximum: Figure
    sd: Figure


@dataclass(frozen=True, slots=True)
class Counts:
    """Parts made by verdict; taken-back ones are in none of these."""

    produced: int
    good: int
    scrap: int
    rework: int
    unjudged: int


@dataclass(frozen=True, slots=True)
class BandTime:
    """Seconds in, below and above a band while running, and those nobody knows about."""

    in_s: float
    below_s: float
    above_s: float
    unknown_s: float

    @property
    def in_share(self) -> Figure:
        """Time in band ÷ known time."""
        return ratio(self.in_s, self.in_s + self.below_s + self.above_s)


@dataclass(frozen=True, slots=True)
class AgainstLimit:
    """Values of one characteristic against nominal ± tolerance, ends included."""

    n: int
    within: int
    mean: Figure
    minimum: Figure
    maximum: Figure


def cycle_stats(seconds: Sequence[float]) -> CycleStats:
    """n, arithmetic mean, median, p95, smallest, largest, sample standard deviation (n−1).

    p95 needs 20 values: with fewer, the 95th percentile lies above the second largest of them.
    """
    n = len(seconds)
    ordered = sorted(seconds)
    return CycleStats(
        n,
        mean=_figure(n, 1, lambda: math.fsum(ordered) / n),
        median=_figure(n, 1, lambda: quantile(ordered, 0.5)),
        p95=_figure(n, MIN_FOR_P95, lambda: quantile(ordered, 0.95)),
        minimum=_figure(n, 1, lambda: ordered[0]),
        maximum=_figure(n, 1, lambda: ordered[-1]),
        sd=_figure(n, MIN_FOR_SPREAD, lambda: statistics.stdev(ordered)),
    )


def quantile(ordered: Sequence[float], p: float) -> float:
    """Linear interpolation at position (n−1)·p between sorted values.

    Definition 7 of Hyndman & Fan (1996), the one of PERCENTILE.INC in spreadsheets.
    """
    position = (len(ordered) - 1) * p
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def count_parts(verdicts: Iterable[Verdict]) -> Counts:
    """How many parts were made, and how many of each verdict."""
    by = Counter(verdicts)
    kinds = (Verdict.GOOD, Verdict.SCRAP, Verdict.REWORK, Verdict.UNJUDGED)
    good, scrap, rework, unjudged = (by[kind] for kind in kinds)
    return Counts(good + scrap + rework + unjudged, good, scrap, rework, unjudged)


def yield_share(counts: Counts) -> Figure:
    """Good ÷ judged parts. A part to rework is not good at first pass."""
    return ratio(counts.good, counts.good + counts.scrap + counts.rework)


def scrap_share(counts: Counts) -> Figure:
    """Scrap ÷ judged parts."""
    return ratio(counts.scrap, counts.good + counts.scrap + counts.rework)


def ratio(part: float, whole: float) -> Figure:
    """part ÷ whole; NO_DATA when there is no whole."""
    return Figure(part / whole) if whole > 0 else Figure(None, NO_DATA)


def counter_difference(values: Iterable[float]) -> Figure:
    """What a cumulative counter grew by over its readings in order of time, which may be many.

    A fall below 90 % of the last value is a restart from zero: what it shows then is counted on,
    and flagged, since what was lost before the restart is not known. A smaller fall is the meter
    re-reading itself: taken as it is, and flagged.
    """
    seen: set[str] = set()

    def steps() -> Iterator[float]:
        for before, after in pairwise(values):
            code = COUNTER_RESET if after < before * DIP else COUNTER_DIP if after < before else ""
            seen.add(code)
            yield after if code == COUNTER_RESET else after - before

    grown = math.fsum(steps())
    if not seen:
        return Figure(None, NO_DATA)
    return Figure(grown, next((code for code in (COUNTER_RESET, COUNTER_DIP) if code in seen), ""))


def per_part(amount: Figure, counts: Counts) -> Figure:
    """Amount ÷ parts made, good or not; the amount's flag stays on it."""
    if amount.value is None:
        return amount
    share = ratio(amount.value, counts.produced)
    return Figure(share.value, share.code or amount.code)


def time_in_band(
    samples: Iterable[tuple[int, float | None, Quality]],
    low: float | None,
    high: float | None,
    running: Sequence[Span],
    gaps: Sequence[Span],
    hold_us: int,
) -> BandTime:
    """Time-weighted seconds of (µs, value, quality) samples inside [low, high] while running.

    Each value stands until the next sample, `hold_us` at most (sample and hold). A BAD or missing
    value stands for nothing, pauses do not count, a gap in the record is unknown.
    """
    known = subtract(running, gaps)
    spent = {-1: 0, 0: 0, 1: 0}
    last: tuple[int, float | None, Quality] | None = None
    for sample in samples:
        _hold(spent, last, sample[0], known, low, high, hold_us)
        last = sample
    _hold(spent, last, max((end for _, end in known), default=0), known, low, high, hold_us)
    below, inside, above = (spent[side] / 1e6 for side in (-1, 0, 1))
    unknown = (total(running) - sum(spent.values())) / 1e6
    return BandTime(inside, below, above, unknown)


def _hold(
    spent: dict[int, int],
    sample: tuple[int, float | None, Quality] | None,
    until: int,
    known: Sequence[Span],
    low: float | None,
    high: float | None,
    hold_us: int,
) -> None:
    if sample is None:
        return
    at, value, quality = sample
    if value is None or quality is Quality.BAD:
        return
    side = -1 if low is not None and value < low else 1 if high is not None and value > high else 0
    spent[side] += overlap(known, at, min(until, at + hold_us))


def is_within(value: float, lower: float | None, upper: float | None) -> bool:
    """Whether the value lies between the sides, ends included; None leaves a side open."""
    return (lower is None or value >= lower) and (upper is None or value <= upper)


def against_limit(
    values: Sequence[float], lower: float | None, upper: float | None
) -> AgainstLimit:
    """How many values lie within the limit, with their mean and range."""
    n = len(values)
    return AgainstLimit(
        n,
        within=sum(is_within(value, lower, upper) for value in values),
        mean=_figure(n, 1, lambda: math.fsum(values) / n),
        minimum=_figure(n, 1, lambda: min(values)),
        maximum=_figure(n, 1, lambda: max(values)),
    )


def _figure(n: int, needed: int, compute: Callable[[], float]) -> Figure:
    if n == 0:
        return Figure(None, NO_DATA)
    return Figure(compute()) if n >= needed else Figure(None, TOO_FEW)
