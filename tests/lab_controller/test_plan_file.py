"""Templates are sound plans; a plan file reads back as the plan it was written from."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.model import Booking
from lab_controller.api.trial_shapes import draft_of, plan
from lab_controller.cli.sharing import KINDS
from lab_controller.wire_trials import PlanShape, StopRuleShape, TrialRequest
from tests.trial_logs.test_protocol_tables import FULL
from trial_logs import texts
from trial_logs.attachments import AttachmentKind
from trial_logs.errors import Unknown
from trial_logs.model import Confidentiality
from trial_logs.plan_file import plan_text
from trial_logs.plan_rules import draft_problems
from trial_logs.plan_templates import NAMES, template
from trial_logs.protocol import StopKind

WORDS = {"ja": texts.load("ja"), "en": texts.load("en")}
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)


def booking() -> Booking:
    """Whose booking it is does not matter here."""
    found = Booking.__new__(Booking)
    for name, value in {"id": "b", "party_id": "p", "equipment_id": "e"}.items():
        object.__setattr__(found, name, value)
    return found


def without_nothing(value: Any) -> Any:
    """A plan as TOML can say it: keys without a value left out."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items() if each is not None}
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_template_is_a_sound_plan_with_all_it_should_hold(name: str, language: str) -> None:
    found = template(name, language)
    wanted = TrialRequest(booking="b", **found.plan)
    draft = draft_of(wanted, booking())
    assert list(draft_problems(draft)) == []
    protocol = draft.protocol
    assert protocol.template == name
    assert draft.question
    assert draft.limits
    assert all(limit.gauge for limit in draft.limits)
    assert len(found.bring) >= 3
    assert len(found.baseline_questions) >= 4
    assert StopKind.MINUTES in [rule.kind for rule in protocol.stop_rules]
    assert protocol.stop_causes[-1].code == "other"
    written = plan_text(
        found.plan, WORDS[language], bring=found.bring, questions=found.baseline_questions
    )
    assert PlanShape.model_validate(tomllib.loads(written)) == PlanShape(**found.plan)
    assert all(line in written for line in (*found.bring, *found.baseline_questions))


def test_templates_say_the_same_in_both_languages() -> None:
    for name in NAMES:
        ja, en = (template(name, language) for language in ("ja", "en"))
        assert len(ja.bring) == len(en.bring)
        causes = [
            [cause["code"] for cause in each.plan["protocol"]["stop_causes"]] for each in (ja, en)
        ]
        assert causes[0] == causes[1]
        assert ja.title != en.title
    with pytest.raises(Unknown, match=r"trial\.unknown_template"):
        template("../model", "ja")


def test_a_stored_plan_comes_out_as_a_file_and_goes_in_again() -> None:
    shown = plan(FULL)
    written = plan_text(shown.model_dump(mode="json"), WORDS["ja"])
    again = draft_of(TrialRequest(booking="b", **tomllib.loads(written)), booking())
    assert asdict(again) | {"booking_id": "", "party_id": "", "equipment_id": ""} == asdict(
        FULL
    ) | {"booking_id": "", "party_id": "", "equipment_id": ""}


@settings(max_examples=60, deadline=None)
@given(
    title=TEXTS, name=TEXTS, settings_=st.dictionaries(TEXTS, TEXTS, max_size=3), lines=TEXTS,
    nominal=st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
def test_any_text_survives_the_file(
    title: str, name: str, settings_: dict[str, str], lines: str, nominal: float
) -> None:
    shape = PlanShape.model_validate(
        {
            "title": title,
            "conditions": [{"name": name, "settings": settings_, "bands": []}],
            "limits": [{"characteristic": name, "unit": "mm", "nominal": nominal}],
            "protocol": {"baseline": {"source": lines, "cycle_times_s": [nominal]}},
        }
    )
    table = shape.model_dump(mode="json")
    written = plan_text(table, WORDS["en"], bring=[lines], questions=[title])
    assert PlanShape.model_validate(tomllib.loads(written)) == shape


def test_what_is_not_given_stands_there_as_a_comment() -> None:
    written = plan_text({"title": "題"}, WORDS["ja"])
    assert tomllib.loads(written)["title"] == "題"
    assert "# planned_cycle_s = 4.5  # 目標のサイクル時間（秒）" in written
    assert "# [[protocol.lots]]" in written


def test_taking_the_comment_signs_away_leaves_a_file_that_is_read() -> None:
    written = plan_text({"title": "題"}, WORDS["ja"])
    bare = re.sub(r"(?m)^# (?=\[\[|\w+ = )", "", written)
    shape = TrialRequest.model_validate(tomllib.loads(bare))
    assert shape.protocol.baseline.cycle_times_s == [12.1, 11.8, 12.6]
    assert shape.protocol.stop_rules[0].kind == "minutes"
    assert (shape.protocol.sample.parts_per_run, shape.expand) == (30, True)
    assert len(shape.conditions) == len(shape.limits) == len(shape.protocol.lots) == 1


def test_the_wire_knows_every_kind_and_no_other() -> None:
    kinds = get_args(StopRuleShape.model_fields["kind"].annotation)
    assert set(kinds) == {kind.value for kind in StopKind}
    levels = get_args(PlanShape.model_fields["confidentiality"].annotation)
    assert set(levels) == {level.value for level in Confidentiality}
    assert set(KINDS) == {kind.value for kind in AttachmentKind}
