"""What people type is read generously, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lab_controller.wire_trials import FactorShape, PlanShape, ProtocolShape
from tui.entries import BadField, decision_of, measurement_of, number, request_of, trial_of

REQUEST = {
    "equipment": "fdm",
    "day": "2026-11-20",
    "start": "10:00",
    "end": "12:00",
    "party": "",
    "company": "新会社",
    "contact": "山田",
    "phone": "03",
    "purpose": "",
    "head_count": "4",
    "operator": "",
    "override_reason": "",
}
TRIAL = {"title": "x", "question": "", "part": "", "material": "", "baseline": ""}
TRIAL |= {"runs": "1", "parts": "", "order": ""}
PLAN = PlanShape(title="x")


@pytest.mark.parametrize(("typed", "read"), [("5.04", 5.04), ("5,04", 5.04), ("５．０４", 5.04)])
def test_numbers_as_people_type_them(typed: str, read: float) -> None:
    assert number("value", typed) == read


@pytest.mark.parametrize("typed", ["", "5mm", "nan", "inf", "five"])
def test_what_is_no_number_is_said(typed: str) -> None:
    with pytest.raises(BadField) as caught:
        number("value", typed)
    assert (caught.value.field, caught.value.text_key) == ("value", "bad.number")


def test_a_request_is_in_the_labs_zone() -> None:
    wanted = request_of(REQUEST, ZoneInfo("Asia/Tokyo"), "k" * 8)
    assert wanted.start == datetime(2026, 11, 20, 1, tzinfo=UTC)
    assert (wanted.party, wanted.operator, wanted.head_count) == (None, None, 4)


@pytest.mark.parametrize(
    ("field", "typed", "key"),
    [
        ("day", "tomorrow", "bad.day"),
        ("day", "", "bad.day"),
        ("start", "10h", "bad.time"),
        ("end", "25:00", "bad.time"),
        ("head_count", "4.5", "bad.whole_number"),
    ],
)
def test_what_cannot_be_read_names_its_field(field: str, typed: str, key: str) -> None:
    with pytest.raises(BadField) as caught:
        request_of(REQUEST | {field: typed}, ZoneInfo("Asia/Tokyo"), "k" * 8)
    assert (caught.value.field, caught.value.text_key) == (field, key)


def test_full_width_figures_are_as_good_as_others() -> None:
    typed = REQUEST | {"day": "２０２６-１１-２０", "start": "１０：００", "head_count": "４"}
    wanted = request_of(typed, ZoneInfo("Asia/Tokyo"), "k" * 8)
    assert wanted.start == datetime(2026, 11, 20, 1, tzinfo=UTC)
    assert wanted.head_count == 4


def test_lists_are_parted_by_any_comma() -> None:
    given = TRIAL | {"conditions": "a, b、c，d,", "limits": "穴 5 0.1 mm、幅 10 0.2 mm"}
    wanted = trial_of(given, "b1", PLAN)
    assert [one.name for one in wanted.conditions] == ["a", "b", "c", "d"]
    assert [one.characteristic for one in wanted.limits] == ["穴", "幅"]
    assert [one.nominal for one in wanted.limits] == [5.0, 10.0]


def test_typed_conditions_take_the_place_of_factors() -> None:
    factor = FactorShape(name="材料", levels=["PLA", "PETG"])
    plan = PlanShape(title="x", protocol=ProtocolShape(factors=[factor]), expand=True)
    typed = trial_of(TRIAL | {"conditions": "a", "limits": ""}, "b1", plan)
    assert (typed.expand, typed.protocol.factors) == (False, [])
    kept = trial_of(TRIAL | {"conditions": "", "limits": ""}, "b1", plan)
    assert (kept.expand, kept.protocol.factors) == (True, [factor])


@pytest.mark.parametrize("limits", ["穴", "穴 5 0.1", "穴 five 0.1 mm", "穴 5 0.1 mm x"])
def test_a_limit_has_four_parts(limits: str) -> None:
    with pytest.raises(BadField) as caught:
        trial_of(TRIAL | {"conditions": "a", "limits": limits}, "b1", PLAN)
    assert caught.value.text_key == "bad.limit"


def test_a_measurement_may_leave_the_part_open() -> None:
    given = {"characteristic": "穴", "value": "5", "unit": "mm", "part": "", "gauge": ""}
    assert measurement_of(given).part is None
    assert measurement_of(given | {"part": "3"}).part == 3


def test_empty_entries_are_not_decisions() -> None:
    decision = decision_of({"reason": "x", "operator": "", "override_reason": ""})
    assert (decision.operator, decision.override_reason, decision.head_count) == (None, None, None)
