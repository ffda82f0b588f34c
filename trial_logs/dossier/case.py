"""One thinkable year with the machine: what comes of it, part by part.

All rules compare the same number of good parts before and after. Sources: effect formulas of
grant applications, (before - after) x count x wage, extra output x margin, fall of the scrap rate
(3way-c.com 1634, a secondary source); machine hours needed = parts made x cycle time / 可動率.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trial_logs.dossier.economics import Before, InvestmentSheet, Tried
from trial_logs.dossier.money import untaxed, whole, without_tax

if TYPE_CHECKING:
    from trial_logs.inference.interval import Interval

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
    price = untaxed(running.energy_yen_per_kwh, sheet)
    energy = parts / case.yield_share * case.energy_kwh * price
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
    """What the effect cannot do without and nobody gave; keys under `effect.needs.`.

    Where nothing was good, or the machine never ran when it was wanted, there is no year to count.
    """
    given = {
        "volume": bool(volume_of(sheet, before)),
        "cycle_before": bool(value_of(before.cycle_s)),
        "people": before.people is not None,
        "good_before": value_of(before.scrap_share) != 1,
        "cycle": bool(tried.cycle_s.estimate),
        "yield": bool(tried.yield_share.estimate),
        "uptime": value_of(tried.uptime) != 0,
    }
    return tuple(name for name, is_given in given.items() if not is_given)


def volume_of(sheet: InvestmentSheet, before: Before) -> int | None:
    """Good parts a year: the sheet's, or else the baseline's."""
    return sheet.volume_per_year or before.volume_per_year


def planned(sheet: InvestmentSheet, before: Before, tried: Tried) -> Case:
    """The case of the best estimates. Call only where `missing` is empty."""
    setup = with_setup(sheet, tried)
    return Case(
        volume=float(volume_of(sheet, before) or 0),
        wage=float(sheet.wage_yen_per_h),
        cycle_before_s=_or(before.cycle_s, 0.0),
        people=before.people or 0.0,
        yield_before=1.0 - _or(before.scrap_share, 0.0),
        setup_before_s=(sheet.setup_before_min or 0.0) * 60 if setup else 0.0,
        cycle_s=tried.cycle_s.estimate or 0.0,
        yield_share=tried.yield_share.estimate or 0.0,
        energy_kwh=_or(tried.energy_kwh_per_part, 0.0),
        setup_s=_or(tried.setup_s, 0.0) if setup else 0.0,
        attendance=_first(tried.attendance, sheet.attendance_percent),
        uptime=_or(tried.uptime, _first(None, sheet.uptime_percent)),
        lot_size=float(sheet.lot_size or 1),
    )


def with_setup(sheet: InvestmentSheet, tried: Tried) -> bool:
    """Set-up counts only where it is known before and after, and how many parts share it."""
    after = value_of(tried.setup_s)
    return None not in (after, sheet.setup_before_min, sheet.lot_size)


def value_of(interval: Interval | None) -> float | None:
    return None if interval is None else interval.estimate


def _or(interval: Interval | None, otherwise: float) -> float:
    found = value_of(interval)
    return otherwise if found is None else found


def _first(measured: float | None, percent: float | None) -> float:
    """The measured share, else the planned one, else all of it."""
    if measured is not None:
        return measured
    return 1.0 if percent is None else percent / 100
