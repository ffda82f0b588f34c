"""Machines and conditions side by side under one protocol: unlike ones are flagged, never averaged.

The order is the given one. A difference is only made between columns that are alike for its
criterion; there is no rank and no winner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from trial_logs.dossier.economics import (
    Cell,
    CellDifference,
    Column,
    ComparisonRow,
    ComparisonTable,
    Unlike,
)
from trial_logs.inference.between_runs import ONE_RUN, Counts, share_of_runs
from trial_logs.inference.difference import (
    difference_of_shares,
    known_of_runs,
    mean_difference,
)
from trial_logs.inference.interval import LEVEL, Interval, bare, joint_level
from trial_logs.inference.of_trial import ConditionInput
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
NO_RUNS = ConditionInput("", ())


@dataclass(frozen=True, slots=True)
class Entry:
    """One machine or condition: its circumstances by aspect, its numbers and its runs' tallies."""

    id: str
    name: str
    simulated: bool
    circumstances: Mapping[str, str]
    numbers: Mapping[str, Interval]
    tallies: ConditionInput = NO_RUNS


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
    rows = [_row(each, columns, heads, free, LEVEL) for each in seen]
    each_level = joint_level(sum(bool(d.value.method) for row in rows for d in row.differences))
    wider = [_row(each, columns, heads, free, each_level) for each in seen]
    joined = (
        replace(row, differences=tuple(map(_jointly, row.differences, wide.differences)))
        for row, wide in zip(rows, wider, strict=True)
    )
    return ComparisonTable(heads, tuple(joined))


def _jointly(each: CellDifference, wide: CellDifference) -> CellDifference:
    return replace(each, joint=wide.value)


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
    criterion: str,
    entries: list[Entry],
    heads: tuple[Column, ...],
    free: frozenset[str],
    level: float,
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
        and (found := _difference(criterion, left.tallies, right.tallies, level)) is not None
    )
    return ComparisonRow(criterion, CRITERIA[criterion], cells, differences)


def _touching(differing: tuple[Unlike, ...], criterion: str) -> tuple[Unlike, ...]:
    return tuple(one for one in differing if criterion in ONLY.get(one.what, CRITERIA))


def _difference(
    criterion: str, left: ConditionInput, right: ConditionInput, level: float
) -> Interval | None:
    """right − left where there is a method for it (Welch, Newcombe), else nothing.

    A side of several runs goes in with the spread from run to run.
    """
    if criterion == "cycle_s":
        before, after = (known_of_runs(one.cycles, level) for one in (left, right))
        if before is None or after is None or None in (before.error, after.error):
            return None
        found = mean_difference(before, after, level).difference
        one_run = found.method and None in (before.runs, after.runs)
        return found.noted(ONE_RUN) if one_run else found
    counted: Mapping[str, tuple[Counts, Counts]] = {
        "yield_share": (left.good, right.good),
        "scrap_share": (left.scrap, right.scrap),
    }
    if criterion in counted and left.judged and right.judged:
        sides = counted[criterion]
        first, second = (share_of_runs(each, level) for each in sides)
        found = difference_of_shares(first, second).difference
        one_run = any(len([n for _, n in each if n]) == 1 for each in sides)
        return found.noted(ONE_RUN) if one_run else found
    return None
