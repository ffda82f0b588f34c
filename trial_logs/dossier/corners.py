"""The cases at the ends of what is known: every corner of the intervals, and the kinks between.

The yearly total is monotone in each number until the machine's capacity meets the volume (or the
volume with the extra parts); its extremes over the box of intervals therefore lie at the box's
corners or where one of its edges crosses such a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product

from trial_logs.dossier.case import SECONDS, Case, with_setup
from trial_logs.dossier.economics import Before, InvestmentSheet, Tried

Span = tuple[float, float]
DIVISORS = ("cycle_s", "yield_share", "yield_before", "uptime")
ESSENTIAL = frozenset({"cycle_s", "yield_share"})


def spans_of(
    sheet: InvestmentSheet, before: Before, tried: Tried
) -> tuple[Mapping[str, Span] | None, list[str]]:
    """The ends of every number by its name in a `Case`, and which numbers have no interval.

    None where the trial's cycle time or yield has an open end: then nobody knows the ends.
    """
    measured = {
        "cycle_before_s": before.cycle_s,
        "yield_before": before.scrap_share,
        "cycle_s": tried.cycle_s,
        "yield_share": tried.yield_share,
        "energy_kwh": tried.energy_kwh_per_part,
        "setup_s": tried.setup_s if with_setup(sheet, tried) else None,
        "uptime": tried.uptime,
    }
    spans: dict[str, Span] = {}
    fixed = []
    for name, interval in measured.items():
        if interval is None or interval.estimate is None:
            continue
        low, high = interval.low, interval.high
        if low is None and high is not None:
            low = 0.0  # none of them is negative; a divisor then has no end, see below
        if low is None or high is None:
            fixed.append(name)
        else:
            spans[name] = (1 - high, 1 - low) if name == "yield_before" else (low, high)
    unknown = ESSENTIAL & set(fixed) or any(spans.get(name, (1, 1))[0] <= 0 for name in DIVISORS)
    return (None if unknown else spans), fixed


def around(case: Case, sheet: InvestmentSheet, spans: Mapping[str, Span]) -> Iterator[Case]:
    """Every case in which the yearly total can be smallest or largest."""
    for chosen in product(*spans.values()):
        corner = replace(case, **dict(zip(spans, chosen, strict=True)))
        yield corner
        yield from _kinks(corner, sheet, spans)


def _kinks(corner: Case, sheet: InvestmentSheet, spans: Mapping[str, Span]) -> Iterable[Case]:
    """Where the edges from a corner meet the volume, alone and with the extra parts."""
    available_s = sheet.days_per_year * sheet.hours_per_day * SECONDS
    extra = sheet.extra.parts_per_year if sheet.extra else 0
    setup_s = corner.setup_s / corner.lot_size
    for parts in {corner.volume, corner.volume + extra}:
        each_s = available_s / parts
        machine_s = each_s - setup_s
        if machine_s == 0:
            continue
        meets = {
            "cycle_s": machine_s * corner.yield_share * corner.uptime,
            "yield_share": corner.cycle_s / (machine_s * corner.uptime),
            "uptime": corner.cycle_s / (machine_s * corner.yield_share),
            "setup_s": (each_s - corner.cycle_s / (corner.yield_share * corner.uptime))
            * corner.lot_size,
        }
        for name, value in meets.items():
            low, high = spans.get(name, (1.0, 0.0))
            if low < value < high:
                yield replace(corner, **{name: value})
