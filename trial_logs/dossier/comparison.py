"""Machines and conditions side by side under one protocol: unlike ones are flagged, never averaged.

The order is the given one. A difference is only made between columns that are alike for its
criterion; there is no rank and no winner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from trial_logs.dossier.economics import (
    Cell,
    CellDifference,
    Column,
    ComparisonRow,
    ComparisonTable,
    Unlike,
)
from trial_logs.inference.difference import known, mean_difference, share_difference
from trial_logs.inference.interval import Interval, bare
from trial_logs.metrics import NO_DATA

CRITERIA: Mapping[str, str] = {
    "cycle_s": "s",
    "throughput_per_h": "1/h",
    "yield_share": "1",
    "scrap_share": "1",
    "energy_kwh_per_part": "kW.h",
    "setup_s": "s",
    "uptime": "1",
}
"""What is compared, in the order of the rows, with its unit code."""

ONLY: Mapping[str, frozenset[str]] = {"limits": frozenset({"yield_share", "scrap_share"})}
"""Aspects that touch some criteria only; every other touches all."""

NOTHING = "unlike.none"
LEAST_VALUES = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One machine or condition: its circumstances by aspect, its numbers and their raw counts.

    `cycle_s`, `good`, `scrap`, `judged` are of its comparable runs together.
    """

    id: str
    name: str
    simulated: bool
    circumstances: Mapping[str, str]
    numbers: Mapping[str, Interval]
    cycle_s: Sequence[float] = ()
    good: int = 0
    scrap: int = 0
    judged: int = 0


def compare(entries: Iterable[Entry], *, varied: Iterable[str] = ()) -> ComparisonTable:
    """All entries side by side. `varied` names the factors under trial: they may differ."""
    columns = list(entries)
    free = frozenset(f"factors.{name}" for name in varied)
    if not columns:
        return ComparisonTable((), ())
    first = columns[0]
    heads = tuple(
        Column(one.id, one.name, one.simulated, unlike(one, first, free)) for one in columns
    )
    seen = [each for each in CRITERIA if any(each in one.numbers for one in columns)]
    return ComparisonTable(heads, tuple(_row(each, columns, heads, free) for each in seen))


def unlike(here: Entry, there: Entry, free: frozenset[str] = frozenset()) -> tuple[Unlike, ...]:
    """Every aspect in which two entries differ, apart from the factors under trial."""
    aspects = dict.fromkeys((*there.circumstances, *here.circumstances))
    found = []
    if here.simulated != there.simulated:
        words = [f"unlike.simulated.{'yes' if one.simulated else 'no'}" for one in (here, there)]
        found.append(Unlike("simulated", *words))
    for aspect in aspects:
        mine, other = (one.circumstances.get(aspect, "") for one in (here, there))
        if mine != other and aspect not in free:
            name, _, factor = aspect.partition(".")
            shown = [f"{factor} {text}".strip() if text else NOTHING for text in (mine, other)]
            found.append(Unlike(name, *shown))
    return tuple(found)


def _row(
    criterion: str, entries: list[Entry], heads: tuple[Column, ...], free: frozenset[str]
) -> ComparisonRow:
    missing = bare(None, 0, NO_DATA)
    cells = tuple(
        Cell(one.numbers.get(criterion, missing), _touching(head.unlike, criterion))
        for one, head in zip(entries, heads, strict=True)
    )
    differences = tuple(
        CellDifference(left.id, right.id, found)
        for left, right in combinations(entries, 2)
        if not _touching(unlike(right, left, free), criterion)
        and (found := _difference(criterion, left, right)) is not None
    )
    return ComparisonRow(criterion, CRITERIA[criterion], cells, differences)


def _touching(differing: tuple[Unlike, ...], criterion: str) -> tuple[Unlike, ...]:
    return tuple(one for one in differing if criterion in ONLY.get(one.what, CRITERIA))


def _difference(criterion: str, left: Entry, right: Entry) -> Interval | None:
    """right − left where there is a method for it (Welch, Newcombe), else nothing."""
    if criterion == "cycle_s" and min(len(left.cycle_s), len(right.cycle_s)) >= LEAST_VALUES:
        return mean_difference(known(left.cycle_s), known(right.cycle_s)).difference
    counted = {"yield_share": (left.good, right.good), "scrap_share": (left.scrap, right.scrap)}
    if criterion in counted and left.judged and right.judged:
        a, b = counted[criterion]
        return share_difference((a, left.judged), (b, right.judged)).difference
    return None
