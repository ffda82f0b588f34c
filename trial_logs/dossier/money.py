"""Whole yen: how amounts are rounded and freed from tax, and how a number carries its ends.

One rounding rule: half up (away from zero) to the yen, except tax, which is taken out rounding
down, and a subsidy, whose scheme says how.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from trial_logs.dossier.economics import InvestmentSheet, Spread, Tax, Yen


def whole(yen: float | Fraction) -> int:
    """The nearest whole yen, half away from zero."""
    rounded = math.floor(abs(Fraction(yen)) + Fraction(1, 2))
    return rounded if yen >= 0 else -rounded


def without_tax(yen: int, sheet: InvestmentSheet) -> int:
    """The amount without consumption tax (税抜), rounded down as invoices do."""
    if sheet.tax is Tax.EXCLUDED:
        return yen
    return yen * 100 // (100 + sheet.tax_percent)


def untaxed(price: float, sheet: InvestmentSheet) -> float:
    """A unit price without consumption tax; not rounded, since it is no amount yet."""
    return price if sheet.tax is Tax.EXCLUDED else price * 100 / (100 + sheet.tax_percent)


def outlay(sheet: InvestmentSheet) -> int:
    """What is paid in the beginning, without tax."""
    return sum(without_tax(line.yen, sheet) for line in sheet.lines)


def add(amounts: Iterable[Yen]) -> Yen:
    """The sum, end by end; a missing end makes that end of the sum missing."""
    found = list(amounts)
    code = next((one.code for one in found if one.code), "")

    def total(values: list[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    return Yen(
        total([one.estimate for one in found]),
        total([one.low for one in found]),
        total([one.high for one in found]),
        code,
    )


def ends(estimate: float, around: Iterable[float] | None, code: str = "") -> Spread:
    """A number between the smallest and largest of what surrounds it; None: ends unknown."""
    if around is None:
        return Spread(estimate, None, None, code)
    values = [estimate, *around]
    return Spread(estimate, min(values), max(values), code)
