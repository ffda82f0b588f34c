"""Every reason is given at once, each with its field, and time problems show the way out."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import booking
from booking import rules
from booking.errors import BadInput, Problem
from booking.facts import Facts
from booking.model import (
    BookingPolicy,
    BookingRequest,
    Equipment,
    NewParty,
    Outage,
    Override,
    Party,
    Person,
    Qualification,
)
from booking.rules import next_start, operator_problems, propose, still_good, waive
from booking.slots import Occupied
from booking.spans import Span
from tests.booking.samples import CALENDAR, NOW, PRINTER, VISITOR, minutes, tokyo, wish

STRINGS = Path(booking.__file__).parent / "strings"
TEXTS = [tomllib.loads((STRINGS / name).read_text("utf-8")) for name in ("ja.toml", "en.toml")]

SAKURA = Party("sakura", "サクラ精密")
HANA = Person("hana", "sakura", "佐倉 花")
CERTIFICATE = Qualification("q", "hana", "fdm_printer", date(2025, 4, 1), date(2028, 3, 31))


def facts(**known: object) -> Facts:
    base = Facts(NOW, CALENDAR, PRINTER, SAKURA, HANA, (CERTIFICATE,))
    return replace(base, **known)  # type: ignore[arg-type]


def codes(problems: list[Problem]) -> list[str]:
    for problem in problems:
        for texts in TEXTS:
            assert texts[problem.code].format(**problem.params)
    return [problem.code.removeprefix("booking.") for problem in problems]


def held(start: str, end: str) -> Occupied:
    return Occupied(busy=(Span(tokyo(start), tokyo(end)),))


def broken(start: str, end: str | None) -> Occupied:
    until = None if end is None else tokyo(end)
    return Occupied(outages=(Outage("o", "fdm-1", tokyo(start), until, "ノズル交換"),))


def test_a_good_request_has_no_problem() -> None:
    assert propose(wish(operator_id="hana"), facts()) == []


WRONG: list[tuple[str, BookingRequest, dict[str, object], str]] = [
    ("end_before_start", wish(end="2026-11-20 13:00"), {}, "end"),
    ("in_past", wish("2026-11-20 08:30"), {}, "start"),
    ("too_soon", wish("2026-11-20 09:30"), {}, "start"),
    ("beyond_horizon", wish("2027-03-01 10:00", "2027-03-01 12:00"), {}, "start"),
    ("too_short", wish(end="2026-11-20 13:10"), {}, "end"),
    ("too_long", wish("2026-11-24 09:00", "2026-11-24 17:30"), {}, "end"),
    ("off_step", wish("2026-11-20 13:10"), {}, "start"),
    ("off_step", wish(end="2026-11-20 15:10"), {}, "end"),
    ("outside_hours", wish("2026-11-20 16:00", "2026-11-20 17:30"), {}, "start"),
    ("outside_hours", wish("2026-11-21 10:00", "2026-11-21 11:00"), {}, "start"),
    ("holiday", wish("2026-11-23 10:00", "2026-11-23 11:00"), {}, "start"),
    ("closed", wish("2026-12-29 10:00", "2026-12-29 11:00"), {}, "start"),
    (
        "outage",
        wish(),
        {"occupied": broken("2026-11-20 15:10", "2026-11-20 16:00")},
        "start",
    ),
    ("outage", wish(), {"occupied": broken("2026-11-19 10:00", None)}, "start"),
    ("overlap", wish(), {"occupied": held("2026-11-20 12:00", "2026-11-20 13:00")}, "start"),
    ("unqualified", wish(operator_id="hana"), {"qualifications": ()}, "operator"),
    ("unknown_operator", wish(operator_id="who"), {"operator": None}, "operator"),
    (
        "unknown_operator",
        wish(operator_id="hana"),
        {"operator": replace(HANA, active=False)},
        "operator",
    ),
    (
        "operator_of_other_party",
        wish(operator_id="hana"),
        {"operator": replace(HANA, party_id="other")},
        "operator",
    ),
    ("unknown_equipment", wish(equipment="nothing"), {"equipment": None}, "equipment"),
    ("equipment_retired", wish(), {"equipment": replace(PRINTER, retired=True)}, "equipment"),
    ("unknown_party", wish(party="who"), {"party": None}, "party"),
    ("party_inactive", wish(), {"party": replace(SAKURA, active=False)}, "party"),
    ("party_missing", wish(party=None), {"party": None}, "party"),
    ("party_missing", wish(new_party=VISITOR), {}, "party"),
    ("head_count_too_small", wish(head_count=0), {}, "head_count"),
    ("head_count_too_big", wish(head_count=7), {}, "head_count"),
    ("text_too_long", wish(purpose="あ" * 2001), {}, "purpose"),
    ("unknown_language", wish(language="fr"), {}, "language"),
    ("bad_key", wish(key="short"), {}, "idempotency_key"),
]


@pytest.mark.parametrize(("code", "request_", "known", "field"), WRONG)
def test_one_thing_wrong_gives_its_code_at_its_field(
    code: str, request_: BookingRequest, known: dict[str, object], field: str
) -> None:
    problems = propose(request_, facts(**known))
    assert (code, field) in zip(codes(problems), (p.field for p in problems), strict=True)
    assert set(codes(problems)) <= {code, "outside_hours", "off_step"}


def visiting(**changes: str) -> BookingRequest:
    return wish(party=None, new_party=replace(VISITOR, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({}, None, ""),
        ({"kana": "", "email": ""}, None, ""),
        ({"phone": ""}, None, ""),
        ({"phone": "+81 (0)3-1234-5678"}, None, ""),
        ({"company": "  "}, "missing", "company"),
        ({"contact_name": ""}, "missing", "contact_name"),
        ({"phone": "", "email": ""}, "contact_missing", "phone"),
        ({"phone": "1234"}, "bad_phone", "phone"),
        ({"phone": "電話なし"}, "bad_phone", "phone"),
        ({"phone": "0" * 9 + " " * 40 + "1"}, "bad_phone", "phone"),
        ({"email": "takasaki"}, "bad_email", "email"),
        ({"email": "@example.jp"}, "bad_email", "email"),
        ({"email": "a@example"}, "bad_email", "email"),
        ({"email": "a@.jp"}, "bad_email", "email"),
        ({"email": "a b@example.jp"}, "bad_email", "email"),
        ({"email": "a" * 250 + "@example.jp"}, "bad_email", "email"),
        ({"company": "社" * 201}, "text_too_long", "company"),
    ],
)
def test_a_first_visitor_must_be_reachable(
    changes: dict[str, str], code: str | None, field: str
) -> None:
    problems = propose(visiting(**changes), facts(party=None, operator=None))
    assert codes(problems) == ([code] if code else [])
    assert [problem.field for problem in problems] == ([field] if code else [])


def test_a_time_without_a_zone_is_a_problem_like_any_other() -> None:
    naive = wish(head_count=0)
    naive = replace(naive, start=naive.start.replace(tzinfo=None), party_id="who")
    assert codes(propose(naive, facts(party=None))) == ["naive_time", "unknown_party"]
    assert codes(propose(naive, facts(party=None, equipment=None)))[0] == "unknown_equipment"


def test_all_problems_come_at_once() -> None:
    request = wish("2026-11-22 08:10", "2026-11-22 19:00", head_count=99, language="xx")
    found = codes(
        propose(request, facts(party=None, occupied=held("2026-11-22 00:00", "2026-11-23 00:00")))
    )
    assert found == [
        "unknown_party",
        "unknown_language",
        "too_long",
        "head_count_too_big",
        "off_step",
        "outside_hours",
        "overlap",
    ]


def test_a_buffer_of_the_neighbour_is_respected_to_the_minute() -> None:
    near, clear = (
        held("2026-11-20 11:00", "2026-11-20 12:46"),
        held("2026-11-20 11:00", "2026-11-20 12:45"),
    )
    assert codes(propose(wish(), facts(occupied=near))) == ["overlap"]
    assert codes(propose(wish(), facts(occupied=clear))) == []


def test_the_next_start_skips_what_is_held_the_weekend_and_the_holiday() -> None:
    rest_of_friday = held("2026-11-20 12:00", "2026-11-20 17:00")
    (problem,) = propose(wish(), facts(occupied=rest_of_friday))
    assert problem.next_start == tokyo("2026-11-24 09:00")


@pytest.mark.parametrize("days", [0, 1, 7, 30])
def test_the_next_start_is_the_same_however_near_it_is_looked_for_first(
    days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "NEAR", timedelta(days=days))
    for until, start in (("11-20 17:00", "11-24 09:00"), ("12-04 12:00", "12-04 12:30")):
        (problem,) = propose(wish(), facts(occupied=held("2026-11-20 12:00", f"2026-{until}")))
        assert problem.next_start == tokyo(f"2026-{start}")


def test_a_length_that_is_never_allowed_has_no_next_start() -> None:
    (problem,) = propose(wish(end="2026-11-20 13:20"), facts())[:1]
    assert problem.next_start is None


def test_no_next_start_beyond_the_horizon() -> None:
    forever = Occupied(outages=(Outage("o", "fdm-1", NOW, None, ""),))
    assert {problem.next_start for problem in propose(wish(), facts(occupied=forever))} == {None}


@pytest.mark.parametrize(
    ("request_", "known", "code", "overridable"),
    [
        (wish("2026-11-20 08:30"), {}, "in_past", True),
        (wish("2026-11-19 10:00", "2026-11-19 11:00"), {}, "in_past", False),
        (wish("2026-11-23 10:00", "2026-11-23 11:00"), {}, "holiday", True),
        (wish(), {"occupied": held("2026-11-20 12:00", "2026-11-20 14:00")}, "overlap", False),
        (wish(), {"occupied": broken("2026-11-20 12:00", None)}, "outage", False),
        (wish(), {"party": replace(SAKURA, active=False)}, "party_inactive", False),
        (wish("2060-01-04 10:00", "2060-01-04 11:00"), {}, "beyond_horizon", False),
        (wish(end="2027-01-20 15:00"), {}, "too_long", False),
    ],
)
def test_what_staff_may_overrule(
    request_: BookingRequest, known: dict[str, object], code: str, overridable: bool
) -> None:
    problems = propose(request_, facts(**known))
    assert [p.overridable for p in problems if p.code == f"booking.{code}"] == [overridable]


def test_an_override_needs_a_reason_and_waives_only_what_it_may() -> None:
    problems = [Problem("booking.too_soon", overridable=True), Problem("booking.overlap")]
    assert waive(problems, None) == problems
    assert waive(problems, Override("急ぎ")) == problems[1:]
    with pytest.raises(BadInput) as caught:
        waive(problems, Override("  "))
    assert caught.value.code == "booking.reason_missing"


def test_a_missing_qualification_is_waived_only_with_an_instructor() -> None:
    problems = propose(wish(operator_id="hana"), facts(qualifications=()))
    assert codes(waive(problems, Override("急ぎ"))) == ["unqualified"]
    assert waive(problems, Override("急ぎ", instructor="指導員 山田")) == []


@pytest.mark.parametrize(
    ("certificate", "good"),
    [
        (CERTIFICATE, True),
        (replace(CERTIFICATE, expires_on=None), True),
        (replace(CERTIFICATE, issued_on=date(2026, 11, 20), expires_on=date(2026, 11, 20)), True),
        (replace(CERTIFICATE, expires_on=date(2026, 11, 19)), False),
        (replace(CERTIFICATE, issued_on=date(2026, 11, 21)), False),
        (replace(CERTIFICATE, qualification_class="robot_teaching"), False),
    ],
)
def test_a_certificate_counts_on_its_days_and_for_its_class(
    certificate: Qualification, good: bool
) -> None:
    problems = propose(wish(operator_id="hana"), facts(qualifications=(certificate,)))
    assert codes(problems) == ([] if good else ["unqualified"])


def test_at_the_machine_somebody_qualified_or_an_instructor_must_be_there() -> None:
    day = date(2026, 11, 20)
    assert codes(operator_problems(PRINTER, None, "", (), day)) == ["operator_missing"]
    assert codes(operator_problems(PRINTER, HANA, "", (), day)) == ["unqualified"]
    assert operator_problems(PRINTER, HANA, "", (CERTIFICATE,), day) == []
    assert operator_problems(PRINTER, None, "山田", (), day) == []
    free_for_all = replace(PRINTER, policy=BookingPolicy())
    assert operator_problems(free_for_all, None, "", (), day) == []


def test_before_confirming_only_what_may_have_changed_is_asked() -> None:
    asked_late = wish("2026-11-20 09:10", "2026-11-20 09:20")
    assert still_good(asked_late, facts()) == []
    assert codes(still_good(wish("2026-11-19 10:00", "2026-11-19 11:00"), facts())) == ["in_past"]
    assert codes(
        still_good(
            wish(),
            facts(
                party=replace(SAKURA, active=False),
                equipment=replace(PRINTER, retired=True),
                occupied=broken("2026-11-20 12:00", None),
            ),
        )
    ) == ["party_inactive", "equipment_retired", "outage"]


anytime = st.datetimes(timezones=st.just(UTC))
soon = st.integers(-200, 30_000).map(lambda count: NOW + minutes(count))
steps = st.integers(-3, 300).map(lambda count: NOW + minutes(30 * count))
busy = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 60)).map(
        lambda pair: Span(NOW + minutes(15 * pair[0]), NOW + minutes(15 * (pair[0] + pair[1])))
    ),
    max_size=8,
).map(lambda spans: Occupied(busy=tuple(spans)))


@settings(deadline=None)
@given(anytime, anytime, st.integers(-5, 2000), st.text(max_size=20))
def test_any_instants_give_problems_and_never_an_exception(
    start: datetime, end: datetime, heads: int, purpose: str
) -> None:
    request = replace(wish(head_count=heads, purpose=purpose), start=start, end=end)
    problems = propose(request, facts())
    assert isinstance(codes(problems), list)
    if end <= start:
        assert "end_before_start" in codes(problems)


@settings(deadline=None)
@given(soon, st.integers(1, 700), busy)
def test_overlap_is_reported_exactly_when_held_time_is_touched(
    start: datetime, length: int, occupied: Occupied
) -> None:
    request = replace(wish(), start=start, end=start + minutes(length))
    mine = PRINTER.policy.busy(request.slot)
    touched = any(one.start < mine.end and mine.start < one.end for one in occupied.busy)
    assert ("overlap" in codes(propose(request, facts(occupied=occupied)))) == touched


@settings(deadline=None, max_examples=60)
@given(steps, st.sampled_from([30, 60, 120, 240, 480]), busy)
def test_the_next_start_works_and_none_before_it_does(
    start: datetime, length: int, occupied: Occupied
) -> None:
    request = replace(wish(), start=start, end=start + minutes(length))
    known = facts(occupied=occupied)
    found = next_start(request, known, PRINTER)
    assert found is not None
    moved: Callable[[datetime], list[str]] = lambda at: codes(  # noqa: E731
        propose(replace(request, start=at, end=at + minutes(length)), known)
    )
    assert moved(found) == []
    earlier = start
    while earlier < min(found, start + timedelta(days=2)):
        assert moved(earlier) != []
        earlier += minutes(30)


@settings(deadline=None)
@given(steps, busy)
def test_a_request_without_problems_is_its_own_next_start(
    start: datetime, occupied: Occupied
) -> None:
    request = replace(wish(), start=start, end=start + minutes(60))
    known = facts(occupied=occupied)
    if not propose(request, known):
        assert next_start(request, known, PRINTER) == start


def test_policy_values_that_make_no_sense_are_named() -> None:
    for key, value in {
        "step_minutes": 50,
        "min_minutes": 0,
        "max_minutes": 20,
        "horizon_days": 0,
        "notice_minutes": -1,
        "setup_minutes": 2000,
        "teardown_minutes": -1,
        "max_head_count": 0,
    }.items():
        with pytest.raises(BadInput) as caught:
            BookingPolicy(**{key: value})  # type: ignore[arg-type]
        assert caught.value.params["key"] == key


def test_equipment_and_party_need_no_more_than_their_names() -> None:
    plain = Equipment("bench", PRINTER.name, "bench")
    assert plain.policy == BookingPolicy()
    assert NewParty("会社", "名前").phone == ""


@pytest.mark.parametrize(
    "request_",
    [
        wish("2026-11-20 10:00", "2026-11-20 10:30"),  # exactly the notice, the shortest length
        wish("2026-11-24 09:00", "2026-11-24 17:00"),  # the longest length, the whole day
        wish("2027-02-18 09:00", "2027-02-18 10:00"),  # the last start of the horizon
        wish(head_count=6),
    ],
)
def test_a_limit_itself_is_still_allowed(request_: BookingRequest) -> None:
    assert codes(propose(request_, facts())) == []
