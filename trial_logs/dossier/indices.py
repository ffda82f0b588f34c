"""What grant offices ask for: labour-saving index, labour productivity and its growth, payback.

Definitions as reported for the calls of 2025 by yumegi.com (2025-07), mono-support.com (20517),
ichidokiri.co.jp and houmu-fp.com: secondary sources (二次資料), to be checked against the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trial_logs.dossier.case import LABOUR, OUTPUT
from trial_logs.dossier.economics import (
    AnnualEffect,
    GrowthPlan,
    InvestmentSheet,
    LabourSaving,
    Payback,
    Productivity,
    Spread,
    ValueAdded,
    Yen,
)
from trial_logs.dossier.finance import NEVER, simple_payback
from trial_logs.dossier.money import add, outlay, whole

NO_HOURS = "index.no_hours"
NO_GROWTH = "growth.not_positive"
NO_DIVISOR = "growth.no_divisor"
GRANT = "payback.grant"

PER: Mapping[str, Callable[[ValueAdded], int | None]] = {
    "worker": lambda year: year.workers,
    "hour": lambda year: year.hours,
}
"""By what 付加価値額 is divided; a scheme says which."""


def labour_saving(effect: AnnualEffect) -> LabourSaving:
    """省力化指数 = (削減業務時間 - 導入後発生時間) / 削減業務時間.

    削減業務時間 is the yearly work the machine takes over, 導入後発生時間 the work it brings. The
    low end sets the least hours before against the most after. Source: see the module, 二次資料.
    """
    before, after = effect.hours_before, effect.hours_after

    def index(total: float | None, left: float | None) -> float | None:
        return None if not total or left is None else (total - left) / total

    estimate = index(before.estimate, after.estimate)
    code = "" if estimate is not None else before.code or NO_HOURS
    ends = index(before.low, after.high), index(before.high, after.low)
    return LabourSaving(before, after, Spread(estimate, *ends, code))


def productivity(plan: GrowthPlan, per: str = "worker") -> Productivity:
    """労働生産性 = 付加価値額 / 労働者数 (or 労働時間), and how much it grows a year.

    付加価値額 = 営業利益 + 人件費 + 減価償却費; growth (CAGR) = (planned / now)^(1 / years) - 1.
    Source: see the module, 二次資料.
    """
    now, planned = (_per(year, per) for year in (plan.now, plan.planned))
    if now is None or planned is None:
        return Productivity(per, None, None, plan.years, None, NO_DIVISOR)
    shown = whole(now), whole(planned)
    if now <= 0 or planned <= 0 or plan.years <= 0:
        return Productivity(per, *shown, plan.years, None, NO_GROWTH)
    growth = ((planned / now) ** (1 / plan.years) - 1) * 100
    return Productivity(per, *shown, plan.years, growth)


def grant_payback(effect: AnnualEffect, sheet: InvestmentSheet) -> Payback:
    """投資回収期間 = 投資額 / (削減工数 x 単価 + 増加した付加価値額).

    Running costs do not enter: the grant form's figure is not the cash payback and must not be
    read for it. Source: see the module, 二次資料.
    """
    gain = add([part.yen for part in effect.parts if part.name in (LABOUR, OUTPUT)])
    if not effect.parts:
        gain = Yen(None, None, None, effect.total.code)

    def years(yearly: int | None) -> float | None:
        return None if yearly is None else simple_payback(outlay(sheet), yearly)

    estimate = years(gain.estimate)
    code = gain.code if gain.estimate is None else NEVER if estimate is None else ""
    return Payback(Spread(estimate, years(gain.high), years(gain.low), code), GRANT)


def _per(year: ValueAdded, per: str) -> float | None:
    divisor = PER[per](year)
    return year.yen / divisor if divisor else None
