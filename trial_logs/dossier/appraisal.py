"""The whole economics of one condition: effect, payback, present value, return, sensitivity."""

from __future__ import annotations

from itertools import accumulate

from trial_logs.dossier import finance
from trial_logs.dossier.case import missing, planned
from trial_logs.dossier.economics import (
    AnnualEffect,
    Before,
    Economics,
    InvestmentSheet,
    Npv,
    NpvYear,
    Payback,
    Sensitivity,
    Spread,
    Tried,
    Yen,
)
from trial_logs.dossier.effect import annual_effect
from trial_logs.dossier.money import outlay, whole
from trial_logs.dossier.sensitivity import flows, sensitivity, today

SIMPLE, DISCOUNTED = "payback.simple", "payback.discounted"


def appraise(sheet: InvestmentSheet, before: Before, tried: Tried) -> Economics:
    """Everything the money pages print. Where a number is missing, so is what hangs on it."""
    effect = annual_effect(sheet, before, tried)
    lacking = missing(sheet, before, tried)
    return Economics(
        sheet=sheet,
        before=before,
        condition=tried.condition,
        outlay_yen=outlay(sheet),
        effect=effect,
        payback=simple(effect.total, outlay(sheet), sheet.life_years),
        discounted_payback=discounted(effect, sheet),
        npv=present_value(effect, sheet),
        irr=_returns(effect, sheet),
        sensitivity=Sensitivity((), (), ())
        if lacking
        else sensitivity(planned(sheet, before, tried), sheet),
        simulated=tried.simulated,
    )


def simple(effect: Yen, paid: int, life_years: int) -> Payback:
    """Outlay / yearly effect; the best end of the effect is the shortest payback."""

    def years(yearly: int | None) -> float | None:
        return None if yearly is None else finance.simple_payback(paid, yearly)

    estimate = years(effect.estimate)
    code = effect.code if effect.estimate is None else finance.NEVER if estimate is None else ""
    if estimate is not None and estimate > life_years:
        code = finance.BEYOND_LIFE
    return Payback(Spread(estimate, years(effect.high), years(effect.low), code), SIMPLE)


def discounted(effect: AnnualEffect, sheet: InvestmentSheet) -> Payback:
    """Years until the discounted effects have returned the outlay; the residual value is not
    waited for."""
    rate = sheet.discount_percent / 100

    def years(yearly: int | None) -> float | None:
        if yearly is None:
            return None
        return finance.payback([-outlay(sheet), *[yearly] * sheet.life_years], rate)

    total = effect.total
    estimate, code = years(total.estimate), ""
    if total.estimate is None:
        code = total.code
    elif estimate is None:
        code = finance.BEYOND_LIFE if total.estimate > 0 else finance.NEVER
    return Payback(Spread(estimate, years(total.high), years(total.low), code), DISCOUNTED)


def present_value(effect: AnnualEffect, sheet: InvestmentSheet) -> Npv:
    """Net present value year by year. Each year is rounded, the sum is of the rounded years."""
    total = effect.total

    def row(yearly: int | None) -> list[int] | None:
        return None if yearly is None else [whole(one) for one in flows(sheet, yearly)]

    ends = [row(end) for end in (total.estimate, total.low, total.high)]
    worth = [flow and today(sheet, flow) for flow in ends]
    sums = [column and list(accumulate(column)) for column in worth]

    def at(columns: list[list[int] | None], year: int) -> Yen:
        estimate, low, high = (None if one is None else one[year] for one in columns)
        return Yen(estimate, low, high, total.code)

    years = tuple(
        NpvYear(year, at(ends, year), at(worth, year), at(sums, year))
        for year in range(sheet.life_years + 1)
    )
    return Npv(sheet.discount_percent, years, years[-1].cumulative)


def _returns(effect: AnnualEffect, sheet: InvestmentSheet) -> Spread:
    """The internal rate of return at the estimate and the ends of the effect, as a share."""

    def rate(yearly: int | None) -> tuple[float | None, str]:
        return (None, effect.total.code) if yearly is None else finance.irr(flows(sheet, yearly))

    estimate, code = rate(effect.total.estimate)
    return Spread(estimate, rate(effect.total.low)[0], rate(effect.total.high)[0], code)
