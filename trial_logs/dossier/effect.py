"""What one year with the machine changes: labour, scrap, extra output, energy, upkeep.

All rules compare the same number of good parts before and after. Sources: effect formulas of
grant applications, (before - after) x count x wage, extra output x margin, fall of the scrap rate
(3way-c.com 1634, a secondary source); machine hours needed = parts made x cycle time / 可動率.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from trial_logs.dossier.economics import (
    AnnualEffect,
    Assumption,
    Before,
    EffectPart,
    InvestmentSheet,
    Spread,
    Tried,
    Yen,
)
from trial_logs.dossier.money import add, ends, whole, without_tax

if TYPE_CHECKING:
    from trial_logs.inference.interval import Interval

MISSING = "effect.missing"
OPEN = "effect.end_open"
LABOUR, SCRAP, OUTPUT, ENERGY = "labour", "scrap", "output", "energy"
MAINTENANCE, CONSUMABLES, LICENCE = "maintenance", "consumables", "licence"
PARTS = (LABOUR, SCRAP, OUTPUT, ENERGY, MAINTENANCE, CONSUMABLES, LICENCE)
SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Case:
    """Plain numbers of one thinkable year: seconds, shares 0..1, parts, yen per hour.

    `*_yield` is good parts / parts made, `people` work at one part before, `attendance` is the
    share of machine time a person is bound after, `setup_*_s` per lot of `lot_size`.
    """

    volume: float
    wage: float
    cycle_before_s: float
    people: float
    yield_before: float
    setup_before_s: float
    cycle_s: float
    yield_share: float
    energy_kwh: float
    setup_s: float
    attendance: float
    uptime: float
    lot_size: float


@dataclass(frozen=True, slots=True)
class Year:
    """What comes of a case: yen by part, hours a year, parts on the machine, parts it could."""

    yen: Mapping[str, float]
    hours_before: float
    hours_after: float
    on_machine: float
    capacity: float

    @property
    def total(self) -> float:
        return sum(self.yen.values())

    @property
    def total_yen(self) -> int:
        """The sum of the rounded parts, as it is printed."""
        return sum(whole(part) for part in self.yen.values())


def year(case: Case, sheet: InvestmentSheet) -> Year:
    """One year of a case. What the machine has no time for stays with the present way."""
    machine_s = case.cycle_s / (case.yield_share * case.uptime)
    setup_s = case.setup_s / case.lot_size
    available_s = sheet.days_per_year * sheet.hours_per_day * SECONDS
    capacity = available_s / (machine_s + setup_s)
    parts = min(case.volume, capacity)
    before_s = case.cycle_before_s * case.people / case.yield_before
    hours_before = parts * (before_s + case.setup_before_s / case.lot_size) / SECONDS
    hours_after = parts * (machine_s * case.attendance + setup_s) / SECONDS
    scrapped = parts * (1 / case.yield_before - 1 / case.yield_share)
    extra = min(sheet.extra.parts_per_year, capacity - parts) if sheet.extra else 0.0
    running = sheet.running
    upkeep = {
        MAINTENANCE: running.maintenance_yen,
        CONSUMABLES: running.consumables_yen,
        LICENCE: running.licence_yen,
    }
    energy = parts / case.yield_share * case.energy_kwh * running.energy_yen_per_kwh
    return Year(
        {
            LABOUR: (hours_before - hours_after) * case.wage,
            SCRAP: scrapped * without_tax(sheet.scrap_yen_per_part or 0, sheet),
            OUTPUT: extra * (sheet.extra.margin_yen_per_part if sheet.extra else 0),
            ENERGY: -energy,
        }
        | {name: -float(without_tax(yen, sheet)) for name, yen in upkeep.items()},
        hours_before,
        hours_after,
        parts,
        capacity,
    )


def missing(sheet: InvestmentSheet, before: Before, tried: Tried) -> tuple[str, ...]:
    """What the effect cannot do without and nobody gave; keys under `effect.needs.`."""
    good = tried.yield_share.estimate
    needed = {
        "volume": volume_of(sheet, before),
        "cycle_before": _value(before.cycle_s),
        "people": before.people,
        "cycle": tried.cycle_s.estimate or None,
        "yield": good if good else None,
    }
    return tuple(name for name, value in needed.items() if value is None)


def volume_of(sheet: InvestmentSheet, before: Before) -> int | None:
    """Good parts a year: the sheet's, or else the baseline's."""
    return sheet.volume_per_year or before.volume_per_year


def planned(sheet: InvestmentSheet, before: Before, tried: Tried) -> Case:
    """The case of the best estimates. Call only where `missing` is empty."""
    with_setup = _with_setup(sheet, tried)
    return Case(
        volume=float(volume_of(sheet, before) or 0),
        wage=float(sheet.wage_yen_per_h),
        cycle_before_s=_or(before.cycle_s, 0.0),
        people=before.people or 0.0,
        yield_before=1.0 - _or(before.scrap_share, 0.0),
        setup_before_s=(sheet.setup_before_min or 0.0) * 60 if with_setup else 0.0,
        cycle_s=tried.cycle_s.estimate or 0.0,
        yield_share=tried.yield_share.estimate or 0.0,
        energy_kwh=_or(tried.energy_kwh_per_part, 0.0),
        setup_s=_or(tried.setup_s, 0.0) if with_setup else 0.0,
        attendance=_first(tried.attendance, sheet.attendance_percent),
        uptime=_or(tried.uptime, _first(None, sheet.uptime_percent)),
        lot_size=float(sheet.lot_size or 1),
    )


def corners(
    case: Case, sheet: InvestmentSheet, before: Before, tried: Tried
) -> tuple[list[Case] | None, list[str]]:
    """The case at every combination of interval ends, and which numbers have no interval.

    None where the trial's cycle time or yield has an open end: then nobody knows the ends.
    """
    measured = {
        "cycle_before_s": before.cycle_s,
        "yield_before": before.scrap_share,
        "cycle_s": tried.cycle_s,
        "yield_share": tried.yield_share,
        "energy_kwh": tried.energy_kwh_per_part,
        "setup_s": tried.setup_s if _with_setup(sheet, tried) else None,
        "uptime": tried.uptime,
    }
    spans: dict[str, tuple[float, float]] = {}
    fixed = []
    for name, interval in measured.items():
        if interval is None or interval.estimate is None:
            continue
        low, high = interval.low, interval.high
        if low is None or high is None:
            fixed.append(name)
        else:
            spans[name] = (1 - high, 1 - low) if name == "yield_before" else (low, high)
    divisors = ("cycle_s", "yield_share", "yield_before", "uptime")
    if {"cycle_s", "yield_share"} & set(fixed) or any(
        spans.get(name, (1.0,))[0] <= 0 for name in divisors
    ):
        return None, fixed
    return [
        replace(case, **dict(zip(spans, chosen, strict=True)))
        for chosen in product(*spans.values())
    ], fixed


def annual_effect(sheet: InvestmentSheet, before: Before, tried: Tried) -> AnnualEffect:
    """The yearly effect with every part, its ends, and what it takes for granted.

    The low (high) column is the corner of the trial's intervals with the smallest (largest)
    total, so that each column adds up.
    """
    lacking = missing(sheet, before, tried)
    if lacking:
        return _nothing(lacking, tried)
    case = planned(sheet, before, tried)
    best = year(case, sheet)
    around, fixed = corners(case, sheet, before, tried)
    years = None if around is None else [best, *(year(one, sheet) for one in around)]
    worst = min(years, key=lambda one: one.total) if years else None
    finest = max(years, key=lambda one: one.total) if years else None
    parts = tuple(
        EffectPart(
            name,
            Yen(
                whole(best.yen[name]),
                None if worst is None else whole(worst.yen[name]),
                None if finest is None else whole(finest.yen[name]),
                OPEN if years is None else "",
            ),
        )
        for name in PARTS
    )
    code = OPEN if years is None else ""

    def spread(name: str) -> Spread:
        values = None if years is None else [float(getattr(one, name)) for one in years]
        return ends(float(getattr(best, name)), values, code)

    saved = None if years is None else [one.hours_before - one.hours_after for one in years]
    return AnnualEffect(
        parts,
        add(part.yen for part in parts),
        spread("hours_before"),
        spread("hours_after"),
        ends(best.hours_before - best.hours_after, saved, code),
        spread("on_machine"),
        spread("capacity"),
        (
            *_assumptions(sheet, before, tried, best, case),
            *(Assumption("no_interval", {"name": f"effect.number.{name}"}) for name in fixed),
        ),
        tried.simulated,
    )


def _nothing(lacking: tuple[str, ...], tried: Tried) -> AnnualEffect:
    none = Spread(None, None, None, MISSING)
    needs = tuple(Assumption("missing", {"name": f"effect.needs.{name}"}) for name in lacking)
    return AnnualEffect(
        (), Yen(None, None, None, MISSING), none, none, none, none, none, needs, tried.simulated
    )


def _assumptions(
    sheet: InvestmentSheet, before: Before, tried: Tried, best: Year, case: Case
) -> Iterable[Assumption]:
    measured = _value(tried.uptime) is not None
    said = {
        "uptime_planned": not measured and sheet.uptime_percent is not None,
        "uptime_full": not measured and sheet.uptime_percent is None,
        "attendance_planned": tried.attendance is None and sheet.attendance_percent is not None,
        "attendance_full": tried.attendance is None and sheet.attendance_percent is None,
        "setup_left_out": not _with_setup(sheet, tried),
        "scrap_before_unknown": _value(before.scrap_share) is None,
        "scrap_cost_unknown": sheet.scrap_yen_per_part is None,
        "energy_unknown": _value(tried.energy_kwh_per_part) is None,
        "capacity_short": best.on_machine < case.volume,
        "extra_capped": sheet.extra is not None
        and best.capacity - best.on_machine < sheet.extra.parts_per_year,
        "tax_taken_out": sheet.tax == "included",
        "energy_before_none": True,
        "hours_used": True,
        "every_year_alike": True,
        "paid_at_once": True,
        "no_depreciation": True,
    }
    params = {
        "uptime": f"{case.uptime:.0%}",
        "attendance": f"{case.attendance:.0%}",
        "parts": f"{best.on_machine:.0f}",
        "volume": f"{case.volume:.0f}",
        "tax": str(sheet.tax_percent),
    }
    return (Assumption(code, params) for code, holds in said.items() if holds)


def _with_setup(sheet: InvestmentSheet, tried: Tried) -> bool:
    """Set-up counts only where it is known before and after, and how many parts share it."""
    after = _value(tried.setup_s)
    return None not in (after, sheet.setup_before_min, sheet.lot_size)


def _value(interval: Interval | None) -> float | None:
    return None if interval is None else interval.estimate


def _or(interval: Interval | None, otherwise: float) -> float:
    found = _value(interval)
    return otherwise if found is None else found


def _first(measured: float | None, percent: float | None) -> float:
    """The measured share, else the planned one, else all of it."""
    if measured is not None:
        return measured
    return 1.0 if percent is None else percent / 100
