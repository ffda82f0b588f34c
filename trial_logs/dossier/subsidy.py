"""What each scheme of the grant packs would pay toward a sheet, every step of it shown.

Nothing here is an offer. Subsidies do not add up: each variant stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date
from fractions import Fraction

from trial_logs.dossier.appraisal import simple
from trial_logs.dossier.economics import (
    Assumption,
    InvestmentSheet,
    SubsidyStep,
    SubsidyVariant,
    Yen,
)
from trial_logs.dossier.grant_pack import Pack, Scheme
from trial_logs.dossier.indices import productivity
from trial_logs.dossier.money import outlay, without_tax

NO_COST = "subsidy.no_eligible_cost"
BELOW_FLOOR = "subsidy.below_floor"
OTHER_PURPOSE = "subsidy.other_purpose"
NO_PURPOSE = "subsidy.no_purpose"
REACHED = {None: "growth_unknown", True: "growth_reached", False: "growth_short"}


def variants(
    sheet: InvestmentSheet,
    packs: Iterable[Pack],
    *,
    on: date,
    effect: Yen,
    force: bool = False,
) -> tuple[SubsidyVariant, ...]:
    """One variant per scheme on a day, in the order of the packs.

    A pack outside its days is refused; with `force` it is worked out and marked so. `effect` is
    the yearly effect the payback is taken from. Nothing is worked out for a sheet that names no
    purpose: whether a scheme pays for it is then not known.
    """
    return tuple(
        _variant(sheet, pack, scheme, on, effect, force)
        for pack in packs
        for scheme in pack.schemes
    )


def _variant(
    sheet: InvestmentSheet, pack: Pack, scheme: Scheme, on: date, effect: Yen, force: bool
) -> SubsidyVariant:
    outside, paid = pack.refusal(on), outlay(sheet)
    empty = SubsidyVariant(
        pack=pack.id,
        scheme=scheme.id,
        name=scheme.name,
        issuer=pack.issuer,
        source=asdict(pack.source),
        fiscal_year=pack.fiscal_year,
        valid_from=pack.valid_from,
        valid_until=pack.valid_until,
        status=pack.status,
        steps=(),
        eligible_yen=0,
        subsidy_yen=0,
        own_yen=paid,
        payback=None,
        conditions=scheme.conditions,
        checks=tuple(_checks(sheet, scheme)),
        marks=tuple(_marks(sheet, pack, scheme, outside)),
    )
    if outside and not force:
        return replace(empty, refused=outside)
    if not sheet.purposes:
        return replace(empty, refused=NO_PURPOSE)
    if scheme.purposes and not set(sheet.purposes) & set(scheme.purposes):
        return replace(empty, refused=OTHER_PURPOSE)
    steps = tuple(_steps(sheet, scheme))
    eligible, subsidy = steps[0].yen, steps[-1].yen
    if eligible == 0 or subsidy < max(scheme.floor_yen, 1):
        reason = NO_COST if eligible == 0 else BELOW_FLOOR
        return replace(empty, steps=steps, eligible_yen=eligible, refused=reason)
    own = paid - subsidy
    rest = SubsidyStep("own", {"outlay": f"{paid:,}", "subsidy": f"{subsidy:,}"}, own)
    return replace(
        empty,
        steps=(*steps, rest),
        eligible_yen=eligible,
        subsidy_yen=subsidy,
        own_yen=own,
        payback=simple(effect, own, sheet.life_years),
    )


def _steps(sheet: InvestmentSheet, scheme: Scheme) -> Iterator[SubsidyStep]:
    """Eligible cost first, then what is left of it by rate, ceiling and rounding."""
    kinds = set(scheme.kinds)
    lines = [line for line in sheet.lines if not kinds or line.kind in kinds]
    eligible = sum(without_tax(line.yen, sheet) for line in lines)
    left_out = outlay(sheet) - eligible
    yield SubsidyStep("eligible", {"left_out": f"{left_out:,}"}, eligible)
    rate = _rate(sheet, scheme)
    amount = eligible * rate
    yield SubsidyStep("rate", {"rate": str(rate), "of": f"{eligible:,}"}, int(amount))
    above, above_rate = scheme.above_yen, scheme.above_rate
    if above is not None and above_rate is not None and amount > above:
        rest = eligible - above / rate
        amount = above + rest * min(above_rate, rate)
        params = {"rate": str(above_rate), "above": f"{above:,}", "of": f"{int(rest):,}"}
        yield SubsidyStep("above", params, int(amount))
    ceiling = _ceiling(sheet, scheme)
    if ceiling is not None and amount > ceiling:
        amount = Fraction(ceiling)
        yield SubsidyStep("ceiling", {"ceiling": f"{ceiling:,}"}, ceiling)
    rounded = int(amount) // scheme.round_yen * scheme.round_yen
    if rounded != amount:
        yield SubsidyStep("rounded", {"unit": f"{scheme.round_yen:,}"}, rounded)


def _rate(sheet: InvestmentSheet, scheme: Scheme) -> Fraction:
    small = sheet.small_enterprise and scheme.small_rate is not None
    return scheme.small_rate if small and scheme.small_rate else scheme.rate


def _ceiling(sheet: InvestmentSheet, scheme: Scheme) -> int | None:
    """The ceiling for the firm's size; for a firm that did not say, the lowest."""
    workers = sheet.workers or 0
    fitting = (one.yen for one in scheme.ceilings if workers <= (one.workers or workers))
    return next(fitting, None)


def _marks(sheet: InvestmentSheet, pack: Pack, scheme: Scheme, outside: str) -> Iterator[str]:
    """What must be said beside the sum, as keys under `subsidy.mark.`."""
    by_size = any(one.workers for one in scheme.ceilings)
    said = {
        "expired": outside == "pack.expired",
        "not_yet": outside == "pack.not_yet",
        "period_not_stated": not pack.period_stated,
        "ceiling_unknown": _ceiling(sheet, scheme) is None,
        "kinds_unknown": not scheme.kinds,
        "size_unknown": scheme.small_rate is not None and sheet.small_enterprise is None,
        "workers_unknown": by_size and sheet.workers is None,
    }
    return (mark for mark, holds in said.items() if holds)


def _checks(sheet: InvestmentSheet, scheme: Scheme) -> Iterator[Assumption]:
    """Whether the plan's growth reaches what the scheme asks, where it asks."""
    needed = scheme.growth_percent
    if needed is None:
        return
    growth = productivity(sheet.growth, scheme.growth_per) if sheet.growth else None
    percent = growth.growth_percent if growth else None
    shown = {"needed": f"{needed:.1f}", "growth": "" if percent is None else f"{percent:.1f}"}
    yield Assumption(REACHED[growth.reaches(needed) if growth else None], shown)
