"""How far the result hangs on volume, wage and uptime, and where it turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trial_logs.dossier.case import Case, year
from trial_logs.dossier.economics import BreakEven, InvestmentSheet, Sensitivity, SensitivityRow
from trial_logs.dossier.finance import NEVER, npv, present, root, simple_payback
from trial_logs.dossier.money import outlay, whole

CHANGES = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
FACTORS: Mapping[str, str] = {"volume": "parts/a", "wage": "JPY/h", "uptime": "1"}
"""The factors by the name they have in a `Case`, with the unit their values are shown in."""

CAPPED = "sensitivity.capped"
ALWAYS = "break_even.always"
NOT_REACHED = "break_even.never"
FAR = 100.0
"""Beyond a hundred times the planned value a break-even is no help to anybody."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned year and the sheet it is judged by."""

    case: Case
    sheet: InvestmentSheet

    def effect(self, factor: str, value: float) -> float:
        """The yearly effect with one factor at a value."""
        return year(replace(self.case, **{factor: value}), self.sheet).total

    def worth(self, effect: float) -> float:
        """Net present value of a yearly effect."""
        return npv(flows(self.sheet, effect), self.sheet.discount_percent / 100)


def flows(sheet: InvestmentSheet, effect: float) -> list[float]:
    """The outlay now, then the same effect every year of the useful life, residual at its end."""
    yearly = [effect] * sheet.life_years
    yearly[-1] += sheet.residual_yen
    return [-float(outlay(sheet)), *yearly]


def today(sheet: InvestmentSheet, paid: Sequence[float]) -> list[int]:
    """What each year's flow is worth today, each rounded to the yen."""
    rate = sheet.discount_percent / 100
    return [whole(present(flow, rate, at)) for at, flow in enumerate(paid)]


def sensitivity(case: Case, sheet: InvestmentSheet) -> Sensitivity:
    """Each factor alone by ±10, 20, 30 %; an uptime above the whole is capped there and said."""
    plan = Plan(case, sheet)
    # nothing but a person works at a task: there is no machine to stand still
    factors = [each for each in FACTORS if each != "uptime" or sheet.task is None]
    rows = [_row(plan, factor, change) for factor in factors for change in CHANGES]

    def swing(factor: str) -> int:
        found = [row.npv_yen or 0 for row in rows if row.factor == factor]
        return max(found) - min(found)

    order = sorted(factors, key=lambda factor: -swing(factor))  # ties stay in the order of FACTORS
    turns = tuple(_break_even(plan, factor) for factor in factors)
    return Sensitivity(tuple(rows), tuple(order), turns)


def _row(plan: Plan, factor: str, change: float) -> SensitivityRow:
    wanted = getattr(plan.case, factor) * (1 + change)
    value = min(wanted, 1.0) if factor == "uptime" else wanted
    found = year(replace(plan.case, **{factor: value}), plan.sheet).total_yen
    years = simple_payback(outlay(plan.sheet), found)
    code = CAPPED if value < wanted else NEVER if years is None else ""
    worth = sum(today(plan.sheet, flows(plan.sheet, found)))
    return SensitivityRow(factor, change, value, FACTORS[factor], found, worth, years, code)


def _break_even(plan: Plan, factor: str) -> BreakEven:
    """The value at which the net present value is zero, between nothing and what can be."""
    now = getattr(plan.case, factor)
    most = 1.0 if factor == "uptime" else now * FAR
    least = most / 1e6

    def worth(value: float) -> float:
        return plan.worth(plan.effect(factor, value))

    if (worth(least) > 0) == (worth(most) > 0):
        code = ALWAYS if worth(most) > 0 else NOT_REACHED
        return BreakEven(factor, None, FACTORS[factor], None, code)
    value = root(worth, least, most)
    return BreakEven(factor, value, FACTORS[factor], value / now - 1 if now else None)
