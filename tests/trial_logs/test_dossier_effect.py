"""The yearly effect by hand, its ends, its honesty where numbers are missing; sensitivity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trial_logs.purchases import SHEET, before, measured, sheet, told, tried
from trial_logs.dossier import effect, indices, sensitivity
from trial_logs.dossier.appraisal import appraise
from trial_logs.dossier.economics import AnnualEffect, GrowthPlan, Payback, ValueAdded, Yen
from trial_logs.dossier.finance import BEYOND_LIFE, NEVER
from trial_logs.dossier.money import whole
from trial_logs.inference.interval import Interval

YEAR = ValueAdded(5_000_000, 30_000_000, 3_000_000, 8, 15_000)


def codes(of: AnnualEffect) -> set[str]:
    """The assumptions an effect rests on."""
    return {each.code for each in of.assumptions}


def test_every_part_of_the_effect_by_hand() -> None:
    found = effect.annual_effect(sheet(), before(), tried())
    # 60,000 good parts: before 60,000 / 0.95 x 90 s = 1,578.947 h, after on the machine
    # 60,000 / 0.98 x 80 s x 20 % = 272.109 h; 1,306.838 h x 2,500 yen
    # scrap 60,000 x (1/0.95 - 1/0.98) = 1,933.4 parts x 300 yen; energy 61,224.5 x 0.01 kWh x 30
    assert {part.name: part.yen.estimate for part in found.parts} == {
        "labour": 3_267_096,
        "scrap": 580_021,
        "output": 0,
        "energy": -18_367,
        "maintenance": -100_000,
        "consumables": 0,
        "licence": 0,
    }
    assert found.total.estimate == 3_267_096 + 580_021 - 18_367 - 100_000
    assert found.hours_saved.estimate == pytest.approx(1306.838, abs=0.001)
    assert {"attendance_planned", "uptime_full", "setup_left_out", "no_depreciation"} <= codes(
        found
    )


def test_both_ends_are_carried_and_every_column_adds_up() -> None:
    found = effect.annual_effect(sheet(), before(), tried())
    for end in ("estimate", "low", "high"):
        parts = [getattr(part.yen, end) for part in found.parts]
        assert sum(parts) == getattr(found.total, end)
    # worst: 82 s, 90 % good, 0.012 kWh
    worst = 60_000 * (90 / 0.95 - 82 * 0.2 / 0.90) / 3600 * 2500
    assert found.parts[0].yen.low == whole(worst)
    result = appraise(sheet(), before(), tried())
    assert result.npv.value.low is not None
    assert result.npv.value.high is not None
    assert result.npv.value.low < (result.npv.value.estimate or 0) < result.npv.value.high
    years = result.payback.years
    assert (years.low or 0) < (years.estimate or 0) < (years.high or 0)


def test_little_scrap_before_is_the_unfavourable_end() -> None:
    """The fewer parts were lost before, the less time and money the machine saves."""
    scrap = measured(0.05, 0.02, 0.10)
    found = effect.annual_effect(sheet(), before(scrap_share=scrap), tried())
    hours = found.hours_before
    assert hours.low == pytest.approx(60_000 / 0.98 * 90 / 3600)
    assert hours.high == pytest.approx(60_000 / 0.90 * 90 / 3600)


def test_the_worst_may_lie_where_the_machine_just_makes_the_volume() -> None:
    """Six in ten good: each part costs more than by hand, and a slower machine makes fewer."""
    hand, good = before(cycle_s=told(10.0)), measured(0.6, 0.6, 0.6)
    plan = sheet(
        present={"volume_per_year": 40_000, "scrap_yen_per_part": 300},
        plan={"life_years": 7, "discount_percent": 3.0, "attendance_percent": 30.0},
    )
    found = effect.annual_effect(
        plan, hand, tried(cycle_s=measured(150, 60, 240), yield_share=good)
    )
    just = 240 * 8 * 3600 / 40_000 * 0.6
    turn = tried(cycle_s=measured(just, just, just), yield_share=good)
    assert found.total.low == effect.annual_effect(plan, hand, turn).total.low


def test_discounted_payback_must_fall_within_the_life() -> None:
    def paid(years: int) -> Payback:
        plan = sheet(plan={**SHEET["plan"], "life_years": years})
        return appraise(plan, before(), tried()).discounted_payback

    # 3,728,750 a year: today 3,620,146 after one and 7,134,870 after two, against 5,000,000
    assert (paid(1).years.estimate, paid(1).years.code) == (None, BEYOND_LIFE)
    assert paid(2).years.estimate == pytest.approx(1 + 1_379_854 / 3_514_705, abs=1e-4)


def test_what_is_left_at_the_end_comes_at_the_end() -> None:
    plain, rest = (
        appraise(sheet(plan={**SHEET["plan"], "residual_yen": yen}), before(), tried())
        for yen in (0, 700_000)
    )
    gained = (rest.npv.value.estimate or 0) - (plain.npv.value.estimate or 0)
    assert gained == pytest.approx(700_000 / 1.03**7, abs=1)
    assert rest.payback == plain.payback
    assert rest.discounted_payback == plain.discounted_payback


@pytest.mark.parametrize(
    ("yen", "rounded"), [(0.5, 1), (-0.5, -1), (2.5, 3), (1.49, 1), (-1.51, -2), (0.0, 0)]
)
def test_half_a_yen_is_rounded_away_from_zero(yen: float, rounded: int) -> None:
    assert whole(yen) == rounded


def test_an_open_end_stays_open_and_is_said() -> None:
    single = tried(cycle_s=replace(measured(80, None, None), code="number.too_few"))
    result = appraise(sheet(), before(), single)
    assert result.effect.total.estimate is not None
    assert (result.effect.total.low, result.effect.total.high) == (None, None)
    assert result.effect.total.code == effect.OPEN
    assert result.npv.value.low is None
    assert "no_interval" in codes(result.effect)


def test_a_time_without_lower_end_leaves_no_end_after_and_counts_from_nothing_before() -> None:
    after = effect.annual_effect(sheet(), before(), tried(cycle_s=measured(80.0, None, 200.0)))
    assert (after.total.low, after.total.high, after.total.code) == (None, None, effect.OPEN)
    unsure, none = (before(cycle_s=measured(90.0, low, 200.0)) for low in (None, 0.0))
    found = effect.annual_effect(sheet(), unsure, tried())
    assert found == effect.annual_effect(sheet(), none, tried())
    assert found.hours_before.low == 0


def test_what_nobody_told_leaves_no_number_and_says_what_is_needed() -> None:
    unknown = before(cycle_s=None, people=None, volume_per_year=None)
    result = appraise(sheet(present={}), unknown, tried())
    assert result.effect.total == Yen(None, None, None, effect.MISSING)
    needs = {each.params["name"] for each in result.effect.assumptions}
    assert needs == {"effect.needs.volume", "effect.needs.cycle_before", "effect.needs.people"}
    assert result.payback.years.code == effect.MISSING
    assert result.irr.estimate is None
    assert result.sensitivity.rows == ()


@pytest.mark.parametrize(
    ("old", "new", "needed"),
    [
        ({"scrap_share": told(1.0)}, {}, "good_before"),
        ({"cycle_s": told(0.0)}, {}, "cycle_before"),
        ({"volume_per_year": 0}, {}, "volume"),
        ({}, {"uptime": told(0.0)}, "uptime"),
        ({}, {"yield_share": told(0.0)}, "yield"),
    ],
)
def test_a_number_of_nothing_leaves_no_number_and_never_fails(
    old: dict[str, Any], new: dict[str, Any], needed: str
) -> None:
    result = appraise(sheet(present={}), before(**old), tried(**new))
    assert result.effect.total.code == effect.MISSING
    assert [each.params["name"] for each in result.effect.assumptions] == [f"effect.needs.{needed}"]


def test_the_price_of_electricity_is_freed_from_tax_too() -> None:
    taxed = effect.annual_effect(sheet(tax="included"), before(), tried())
    plain = {part.name: part.yen.estimate for part in taxed.parts}
    assert plain["energy"] == whole(-60_000 / 0.98 * 0.01 * 30 / 1.1)
    assert plain["maintenance"] == -90_909


def test_more_than_the_machine_can_make_is_not_counted() -> None:
    large = sheet(present={"volume_per_year": 10**6}, extra=EXTRA)
    found = effect.annual_effect(large, before(), tried())
    assert found.capacity_parts.estimate == pytest.approx(240 * 8 * 3600 / (80 / 0.98))
    assert found.volume_on_machine.estimate == found.capacity_parts.estimate
    assert {"capacity_short", "extra_capped"} <= codes(found)
    assert found.parts[2].yen.estimate == 0  # no time left for extra parts


def test_extra_output_counts_only_as_far_as_there_is_time() -> None:
    found = effect.annual_effect(sheet(extra=EXTRA), before(), tried())
    spare = 240 * 8 * 3600 / (80 / 0.98) - 60_000
    assert found.parts[2].yen.estimate == whole(spare * 100)


EXTRA = {"parts_per_year": 50_000, "margin_yen_per_part": 100}


def test_setup_counts_where_it_is_known_before_and_after() -> None:
    present = {"volume_per_year": 60_000, "lot_size": 100, "setup_minutes": 30}
    with_setup = tried(setup_s=measured(600, 500, 700))
    found = effect.annual_effect(sheet(present=present), before(), with_setup)
    assert "setup_left_out" not in codes(found)
    plain = effect.annual_effect(sheet(), before(), tried())
    gained = (found.hours_saved.estimate or 0) - (plain.hours_saved.estimate or 0)
    assert gained == pytest.approx(600 * (30 - 10) / 60)  # 600 lots, 20 minutes less each


def test_simulated_numbers_stay_marked() -> None:
    result = appraise(sheet(), before(), tried(simulated=True))
    assert result.simulated
    assert result.effect.simulated


def test_a_machine_that_costs_more_than_it_saves_never_pays_back() -> None:
    slow = tried(cycle_s=measured(900, 890, 910))
    result = appraise(sheet(plan={**PLAN, "attendance_percent": 100.0}), before(), slow)
    assert (result.payback.years.estimate, result.payback.years.code) == (None, NEVER)
    assert result.irr.code == "irr.none"
    turns = {each.factor: each.code for each in result.sensitivity.break_even}
    assert turns["wage"] == sensitivity.NOT_REACHED
    dear = sheet(line=[{"kind": "machine", "name": "m", "yen": 10**8}])
    late = appraise(dear, before(), tried())
    assert late.payback.years.code == BEYOND_LIFE
    assert late.payback.years.estimate == 10**8 / (late.effect.total.estimate or 0)
    assert (late.discounted_payback.years.estimate, late.discounted_payback.years.code) == (
        None,
        BEYOND_LIFE,
    )


PLAN = {"life_years": 7, "discount_percent": 3.0}


def test_sensitivity_agrees_with_the_plan_and_turns_at_the_break_even() -> None:
    plan = sheet(plan={**PLAN, "attendance_percent": 20.0, "uptime_percent": 85.0})
    result = appraise(plan, before(), tried())
    rows = {(row.factor, row.change): row for row in result.sensitivity.rows}
    assert len(rows) == 3 * 7
    for factor in ("volume", "wage", "uptime"):
        assert rows[factor, 0.0].effect_yen == result.effect.total.estimate
        assert rows[factor, 0.0].npv_yen == result.npv.value.estimate
        assert rows[factor, -0.3].npv_yen <= rows[factor, 0.3].npv_yen
    assert rows["uptime", 0.3].value == 1.0
    assert rows["uptime", 0.3].code == sensitivity.CAPPED
    assert result.sensitivity.order == ("wage", "volume", "uptime")
    turn = result.sensitivity.break_even[1]
    cheap = {"days_per_year": 240, "hours_per_day": 8.0, "wage_yen_per_h": round(turn.value or 0)}
    at_turn = appraise(replace(plan, wage_yen_per_h=cheap["wage_yen_per_h"]), before(), tried())
    assert abs(at_turn.npv.value.estimate or 0) < 10_000  # half a yen of wage is 4,000 yen here


class Box(NamedTuple):
    """A measured number: where it starts, how wide it is, and where in it the truth lies (0..1)."""

    low: float
    width: float
    truth: float

    def seen(self) -> Interval:
        return measured(self.low + self.width / 2, self.low, self.low + self.width)

    def true(self) -> Interval:
        return told(self.low + self.width * self.truth)


def boxes(lowest: float, highest: float, widest: float) -> st.SearchStrategy[Box]:
    return st.builds(Box, st.floats(lowest, highest), st.floats(0, widest), st.floats(0, 1))


@given(
    cycle=boxes(10, 400, 60),
    good=boxes(0.3, 0.9, 0.1),
    uptime=boxes(0.4, 0.8, 0.2),
    volume=st.integers(1000, 200_000),
    people=st.floats(0, 100),
    scrap=st.sampled_from([0, 300, 5000]),
    extra=st.sampled_from([0, 20_000]),
)
def test_whatever_lies_within_the_trials_intervals_lies_within_the_ends(
    cycle: Box, good: Box, uptime: Box, volume: int, people: float, scrap: int, extra: int
) -> None:
    of = sheet(
        present={"volume_per_year": volume, "scrap_yen_per_part": scrap},
        plan={**PLAN, "attendance_percent": people},
        extra={"parts_per_year": extra, "margin_yen_per_part": 100},
    )
    numbers = {"cycle_s": cycle, "yield_share": good, "uptime": uptime}
    seen = tried(**{name: box.seen() for name, box in numbers.items()})
    true = tried(**{name: box.true() for name, box in numbers.items()})
    ends = effect.annual_effect(of, before(), seen).total
    found = effect.annual_effect(of, before(), true).total.estimate or 0
    assert (ends.low or 0) - 8 <= found <= (ends.high or 0) + 8  # seven parts, each rounded


def test_labour_saving_index() -> None:
    found = indices.labour_saving(effect.annual_effect(sheet(), before(), tried()))
    assert found.index.estimate == pytest.approx((1578.947 - 272.109) / 1578.947, abs=1e-6)
    assert (found.index.low or 0) < (found.index.estimate or 0) < (found.index.high or 0)
    nothing = effect.annual_effect(sheet(), before(people=None), tried())
    assert indices.labour_saving(nothing).index.code == effect.MISSING


def test_productivity_grows_by_compound() -> None:
    planned = replace(YEAR, operating_profit_yen=whole(38_000_000 * 1.04**3) - 33_000_000)
    found = indices.productivity(GrowthPlan(YEAR, planned, 3))
    assert found.now_yen == 4_750_000
    assert found.growth_percent == pytest.approx(4.0, abs=1e-5)
    assert found.reaches(3.9)
    assert not found.reaches(4.1)
    per_hour = indices.productivity(GrowthPlan(YEAR, planned, 3), "hour")
    assert per_hour.now_yen == 2533
    no_hours = GrowthPlan(replace(YEAR, hours=None), planned, 3)
    assert indices.productivity(no_hours, "hour").code == indices.NO_DIVISOR
    loss = GrowthPlan(replace(YEAR, operating_profit_yen=-40_000_000), planned, 3)
    assert indices.productivity(loss).reaches(3.0) is None


def test_the_grant_offices_payback_leaves_running_costs_out() -> None:
    more = sheet(extra={"parts_per_year": 1_000, "margin_yen_per_part": 100})
    gained = indices.grant_payback(effect.annual_effect(more, before(), tried()), more).years
    assert gained.estimate == pytest.approx(5_000_000 / (3_267_096 + 100_000))
    found = effect.annual_effect(sheet(), before(), tried())
    years = indices.grant_payback(found, sheet()).years
    assert years.estimate == pytest.approx(5_000_000 / 3_267_096)
    assert (years.low or 0) < (years.estimate or 0) < (years.high or 0)
