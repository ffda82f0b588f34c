"""Grant packs are dated and sourced; what a scheme pays is shown step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trial_logs.purchases import sheet
from trial_logs.dossier.economics import CostKind, InvestmentSheet, SubsidyVariant, Yen
from trial_logs.dossier.grant_pack import Ceiling, Pack, Scheme, Status, parse, shipped
from trial_logs.dossier.money import outlay
from trial_logs.dossier.subsidy import BELOW_FLOOR, NO_COST, NO_PURPOSE, OTHER_PURPOSE, variants
from trial_logs.errors import Invalid

EFFECT = Yen(1_000_000, 800_000, 1_200_000)
TODAY = date(2026, 11, 21)
PACKS = {pack.id: pack for pack in shipped()}
WARD = PACKS["ward_dx_2026"]
GENERAL = PACKS["national_labour_saving_2025"]

# The rules as the issue of the ward's scheme gives them: rate, ceiling, purposes, conditions.
GOLDEN_WARD = [
    ("stage1", Fraction(3, 4), 500_000, {"visualise", "paperless"}, 0),
    ("stage2", Fraction(2, 3), 5_000_000, {"iot", "mrp", "cad_cam"}, 1),
    ("stage3", Fraction(1, 2), 10_000_000, {"data_service"}, 0),
]


def costing(yen: int, **changes: object) -> InvestmentSheet:
    """A sheet with one line of that cost."""
    return sheet(line=[{"kind": "machine", "name": "m", "yen": yen}], **changes)


def applied(of: InvestmentSheet, scheme: Scheme, *, on: date = TODAY) -> SubsidyVariant:
    """The scheme alone, in a pack valid today."""
    return variants(of, [replace(WARD, schemes=(scheme,))], on=on, effect=EFFECT)[0]


def test_the_ward_pack_says_what_the_policy_note_says() -> None:
    found = [
        (one.id, one.rate, one.ceilings[0].yen, {*one.purposes}, len(one.conditions))
        for one in WARD.schemes
    ]
    assert found == GOLDEN_WARD
    assert WARD.status is Status.EXAMPLE
    assert WARD.source.title == "町工場のデジタル化・DX推進支援"
    assert "行政情報ポータル" in WARD.source.publisher
    assert "専門家" in WARD.schemes[1].conditions[0]["ja"]
    assert not WARD.period_stated


def test_national_packs_are_of_2025_and_second_hand() -> None:
    national = [pack for pack in PACKS.values() if pack is not WARD]
    assert {pack.fiscal_year for pack in national} == {2025}
    assert {pack.status for pack in national} == {Status.SECONDARY}
    rates = {one.id: (one.rate, one.small_rate) for pack in national for one in pack.schemes}
    half, two_thirds = Fraction(1, 2), Fraction(2, 3)
    assert rates == {
        "general": (half, two_thirds),
        "catalogue": (half, None),
        "monozukuri": (half, two_thirds),
    }
    assert [scheme.growth_percent for scheme in GENERAL.schemes] == [4.0, 3.0]


def test_a_ceiling_is_hit_and_shown_with_the_payback_after_it() -> None:
    of = costing(9_000_000, purposes=["iot"])
    one, two, three = variants(of, [WARD], on=TODAY, effect=EFFECT)
    assert (one.refused, three.refused) == (OTHER_PURPOSE, OTHER_PURPOSE)
    assert [(step.code, step.yen) for step in two.steps] == [
        ("eligible", 9_000_000),
        ("rate", 6_000_000),
        ("ceiling", 5_000_000),
        ("own", 4_000_000),
    ]
    assert (two.subsidy_yen, two.own_yen) == (5_000_000, 4_000_000)
    assert two.payback is not None
    assert two.payback.years.estimate == 4.0
    assert (two.status, two.source["title"]) == ("example", "町工場のデジタル化・DX推進支援")
    assert "period_not_stated" in two.marks
    assert two.conditions == WARD.schemes[1].conditions


def test_nothing_is_worked_out_for_a_sheet_without_purpose() -> None:
    found = variants(costing(9_000_000, purposes=[]), [WARD], on=TODAY, effect=EFFECT, force=True)
    assert [(one.refused, one.subsidy_yen, one.steps) for one in found] == [(NO_PURPOSE, 0, ())] * 3
    anything = applied(costing(9_000_000, purposes=[]), Scheme("x", {}, Fraction(1, 2)))
    assert (anything.refused, anything.own_yen) == (NO_PURPOSE, 9_000_000)


def test_the_part_above_the_threshold_gets_the_lower_rate() -> None:
    of = costing(60_000_000, firm={"workers": 60, "small_enterprise": False})
    found = variants(of, [GENERAL], on=date(2025, 9, 1), effect=EFFECT)[0]
    # 30,000,000 at a half gives the first 15,000,000, the other 30,000,000 a third
    assert found.subsidy_yen == 25_000_000
    small = costing(60_000_000, firm={"workers": 60, "small_enterprise": True})
    found = variants(small, [GENERAL], on=date(2025, 9, 1), effect=EFFECT)[0]
    # 22,500,000 at two thirds gives 15,000,000, the other 37,500,000 a third
    assert found.subsidy_yen == 27_500_000


def test_the_ceiling_of_an_unknown_size_is_the_lowest_and_said() -> None:
    found = variants(costing(60_000_000), [GENERAL], on=date(2025, 9, 1), effect=EFFECT)[0]
    assert found.subsidy_yen == 7_500_000
    assert {"workers_unknown", "size_unknown"} <= set(found.marks)
    assert [check.code for check in found.checks] == ["growth_unknown"]


@pytest.mark.parametrize(
    ("workers", "ceiling"),
    [(5, 7_500_000), (6, 15_000_000), (20, 15_000_000), (100, 50_000_000), (101, 80_000_000)],
)
def test_the_ceiling_is_that_of_the_firms_size_the_bound_included(
    workers: int, ceiling: int
) -> None:
    large = costing(900_000_000, firm={"workers": workers})
    found = variants(large, [GENERAL], on=date(2025, 9, 1), effect=EFFECT)[0]
    assert found.subsidy_yen == ceiling


@pytest.mark.parametrize(
    ("on", "refused"),
    [
        (date(2026, 3, 31), "pack.not_yet"),
        (date(2026, 4, 1), ""),
        (date(2027, 3, 31), ""),
        (date(2027, 4, 1), "pack.expired"),
    ],
)
def test_a_pack_counts_on_its_days_only(on: date, refused: str) -> None:
    of = costing(900_000, purposes=["visualise"])
    stage = variants(of, [WARD], on=on, effect=EFFECT)[0]
    assert stage.refused == refused
    assert (stage.subsidy_yen > 0) == (not refused)
    forced = variants(of, [WARD], on=on, effect=EFFECT, force=True)[0]
    assert forced.subsidy_yen == 500_000
    assert refused.removeprefix("pack.") in {*forced.marks, ""}


def test_only_eligible_kinds_count_and_too_little_is_nothing() -> None:
    scheme = Scheme("x", {}, Fraction(1, 2), kinds=(CostKind.TRAINING,))
    assert applied(costing(1_000_000), scheme).refused == NO_COST
    floor = Scheme("x", {}, Fraction(1, 2), floor_yen=500_001)
    short = applied(costing(1_000_000), floor)
    assert (short.refused, short.own_yen) == (BELOW_FLOOR, 1_000_000)
    just = applied(costing(1_000_000), replace(floor, floor_yen=500_000))
    assert (just.refused, just.subsidy_yen) == ("", 500_000)


def test_tax_is_taken_out_of_the_eligible_cost() -> None:
    scheme = Scheme("x", {}, Fraction(1, 2))
    assert applied(costing(1_100_000, tax="included"), scheme).eligible_yen == 1_000_000


schemes = st.builds(
    Scheme,
    id=st.just("x"),
    name=st.just({}),
    rate=st.fractions(Fraction(1, 10), 1, max_denominator=10),
    above_yen=st.none() | st.integers(1, 10**8),
    above_rate=st.fractions(Fraction(1, 10), 1, max_denominator=10),
    ceilings=st.sampled_from([(), (Ceiling(3_000_000),)]),
    round_yen=st.sampled_from([1, 1000, 10_000]),
    floor_yen=st.sampled_from([0, 100_000]),
)


@given(schemes, st.integers(1, 10**9), st.integers(0, 10**8))
def test_a_subsidy_keeps_within_rate_and_ceiling_and_grows_with_cost(
    scheme: Scheme, cost: int, more: int
) -> None:
    found, larger = (applied(costing(yen), scheme) for yen in (cost, cost + more))
    assert 0 <= found.subsidy_yen <= cost * scheme.rate
    assert all(found.subsidy_yen <= ceiling.yen for ceiling in scheme.ceilings)
    assert found.subsidy_yen % scheme.round_yen == 0
    assert found.subsidy_yen + found.own_yen == outlay(costing(cost))
    assert larger.subsidy_yen >= found.subsidy_yen


def test_a_pack_without_source_is_refused_with_everything_else_wrong_in_it() -> None:
    text = """
id = "x"
status = "guess"
fiscal_year = 2026
valid_from = 2026-04-01
valid_until = 2026-03-31
offer = true
[name]
ja = "名"
[issuer]
ja = "区"
en = "Ward"
[[scheme]]
id = "a"
rate = "4/3"
name = {ja = "あ", en = "a"}
"""
    with pytest.raises(Invalid) as refused:
        parse(text)
    found = {(problem.field, problem.code) for problem in refused.value.problems}
    assert found == {
        ("source", "pack.no_source"),
        ("status", "field.not_one_of"),
        ("valid_until", "pack.ends_before_start"),
        ("name.en", "field.missing"),
        ("scheme[1].rate", "field.not_share"),
        ("offer", "field.unknown"),
    }


def test_no_toml_is_told_with_its_line() -> None:
    with pytest.raises(Invalid) as refused:
        parse('id = "a"\nname = \n')
    assert [(one.code, one.params["line"]) for one in refused.value.problems] == [
        ("field.syntax", "2")
    ]


def test_every_shipped_pack_reads_and_is_named_as_its_file() -> None:
    folder = Path(__file__).parents[2] / "trial_logs" / "packs"
    assert {path.stem for path in folder.glob("*.toml")} == set(PACKS)
    assert all(isinstance(pack, Pack) for pack in PACKS.values())
