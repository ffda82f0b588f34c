"""What one year with the machine changes: labour, scrap, extra output, energy, upkeep.

The formulas stand in `case`, the ends in `corners`.
"""

from __future__ import annotations

from collections.abc import Iterable

from trial_logs.dossier.case import (
    PARTS,
    Case,
    Year,
    missing,
    planned,
    value_of,
    with_setup,
    year,
)
from trial_logs.dossier.corners import around, spans_of
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
from trial_logs.dossier.money import add, ends, whole

MISSING = "effect.missing"
OPEN = "effect.end_open"


def annual_effect(sheet: InvestmentSheet, before: Before, tried: Tried) -> AnnualEffect:
    """The yearly effect with every part, its ends, and what it takes for granted.

    The low (high) column is the case within the intervals with the smallest (largest) total, so
    that each column adds up.
    """
    lacking = missing(sheet, before, tried)
    if lacking:
        return _nothing(lacking, tried)
    case = planned(sheet, before, tried)
    best = year(case, sheet)
    spans, fixed = spans_of(sheet, before, tried)
    years = None if spans is None else [best, *(year(c, sheet) for c in around(case, sheet, spans))]
    worst = min(years, key=lambda one: one.total_yen) if years else None
    finest = max(years, key=lambda one: one.total_yen) if years else None
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
    measured = value_of(tried.uptime) is not None
    said = {
        "uptime_planned": not measured and sheet.uptime_percent is not None,
        "uptime_full": not measured and sheet.uptime_percent is None,
        "attendance_planned": tried.attendance is None and sheet.attendance_percent is not None,
        "attendance_full": tried.attendance is None and sheet.attendance_percent is None,
        "setup_left_out": sheet.task is None and not with_setup(sheet, tried),
        "scrap_before_unknown": value_of(before.scrap_share) is None,
        "scrap_cost_unknown": sheet.scrap_yen_per_part is None,
        "energy_unknown": value_of(tried.energy_kwh_per_part) is None,
        "capacity_short": best.on_machine < case.volume,
        "extra_capped": sheet.extra is not None
        and best.capacity - best.on_machine < sheet.extra.parts_per_year,
        "tax_taken_out": sheet.tax == "included",
        "energy_before_none": sheet.task is None,
        "task_only": sheet.task is not None,
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
