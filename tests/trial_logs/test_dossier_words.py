"""Every code of the dossier's economics has words, and the sheet's template is one that reads."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trial_logs.dossier
from tests.trial_logs.purchases import SHEET, before, sheet, tried
from trial_logs import texts
from trial_logs.dossier import effect, investment, sensitivity, wording
from trial_logs.dossier.appraisal import appraise
from trial_logs.dossier.comparison import CRITERIA
from trial_logs.dossier.economics import CostKind, Purpose, Tax, Unlike
from trial_logs.dossier.grant_pack import Status
from trial_logs.errors import Invalid

JA, EN = texts.load("ja"), texts.load("en")
ROOM = Path(trial_logs.dossier.__file__).parent
CODE = re.compile(
    r'"((?:field|sheet|pack|effect|payback|irr|index|growth|subsidy|break_even)\.[a-z_.]+)"'
)


def test_every_code_in_the_source_has_words() -> None:
    names = "fields investment grant_pack effect finance appraisal indices subsidy sensitivity"
    source = "".join((ROOM / f"{name}.py").read_text(encoding="utf-8") for name in names.split())
    codes = set(CODE.findall(source)) | {"npv", "irr"}
    codes |= {f"effect.{part}{end}" for part in effect.PARTS for end in ("", ".formula")}
    codes |= {f"sensitivity.{factor}" for factor in sensitivity.FACTORS}
    codes |= {f"cost_kind.{kind}" for kind in CostKind} | {f"tax.{tax}" for tax in Tax}
    codes |= {f"purpose.{each}" for each in Purpose}
    codes |= {f"subsidy.status.{each}" for each in Status}
    codes |= {f"criterion.{each}" for each in CRITERIA}
    marks = re.search(r"said = \{(.*?)\n    \}", (ROOM / "subsidy.py").read_text("utf-8"), re.S)
    codes |= {f"subsidy.mark.{mark}" for mark in re.findall(r'"(\w+)":', marks[1] if marks else "")}
    said = re.search(r"said = \{(.*?)\n    \}", (ROOM / "effect.py").read_text("utf-8"), re.S)
    codes |= {f"assumption.{each}" for each in re.findall(r'"(\w+)":', said[1] if said else "")}
    assert {"pack.expired", "assumption.capacity_short", "subsidy.mark.expired"} <= codes
    assert sorted(codes - JA.keys()) == []
    assert sorted(codes - EN.keys()) == []


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_assumptions_read_as_sentences(words: dict[str, str]) -> None:
    lacking = appraise(sheet(), before(people=None), tried()).effect.assumptions
    for each in chain(lacking, appraise(sheet(), before(), tried()).effect.assumptions):
        assert "{" not in wording.assumption(each, words)
        assert "effect." not in wording.assumption(each, words)
    mixed = Unlike("simulated", "unlike.simulated.yes", "unlike.simulated.no")
    assert words["unlike.simulated.yes"] in wording.unlike(mixed, words)


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_the_template_lacks_only_title_and_costs(words: dict[str, str]) -> None:
    written = investment.template(words)
    with pytest.raises(Invalid) as refused:
        investment.parse(written)
    assert {problem.field for problem in refused.value.problems} == {"title", "line"}
    filled = written.replace('title = ""', 'title = "x"').replace("yen = 0", "yen = 5")
    assert investment.parse(filled).lines[0].kind is CostKind.MACHINE
    # with every commented line taken into use it still reads, but for the year of nobody
    awake = re.sub(r"(?m)^# (\[|\w+ = [\dt\[\"])", r"\1", filled)
    with pytest.raises(Invalid) as refused:
        investment.parse(awake)
    assert {problem.field for problem in refused.value.problems} == {
        f"growth.{year}.{key}" for year in ("now", "planned") for key in ("workers", "hours")
    }


def test_every_problem_of_a_sheet_is_told_at_once() -> None:
    wrong = {
        **SHEET,
        "tax": "vat",
        "work": {"days_per_year": 240.0, "hours_per_day": 25, "wage_yen_per_h": True},
        "line": [{"kind": "robot", "name": "", "yen": 1.5}],
        "colour": "red",
    }
    with pytest.raises(Invalid) as refused:
        investment.read(wrong)
    found = {(problem.field, problem.code) for problem in refused.value.problems}
    assert found == {
        ("tax", "field.not_one_of"),
        ("work.days_per_year", "field.not_whole"),
        ("work.hours_per_day", "field.out_of_range"),
        ("work.wage_yen_per_h", "field.not_whole"),
        ("line[1].kind", "field.not_one_of"),
        ("line[1].name", "field.not_text"),
        ("line[1].yen", "field.not_whole"),
        ("line", "sheet.no_cost"),
        ("colour", "field.unknown"),
    }
    with pytest.raises(Invalid):
        investment.read([])


@given(
    st.dictionaries(st.sampled_from(sorted(SHEET)), st.none() | st.integers() | st.text()),
)
def test_whatever_is_written_is_read_or_refused_in_words(changes: dict[str, object]) -> None:
    try:
        read = investment.read({**SHEET, **changes})
    except Invalid as refused:
        for problem in refused.problems:
            for words in (JA, EN):  # a parameter that is missing raises
                assert problem.field in words[problem.code].format_map(problem.params)
    else:
        assert investment.read(investment.table_of(read)) == read


def test_the_same_sheet_has_the_same_bytes() -> None:
    full = sheet(
        extra={"parts_per_year": 10, "margin_yen_per_part": 5},
        firm={"workers": 8, "small_enterprise": True},
        growth={
            "years": 3,
            "now": dict.fromkeys(YEAR, 1),
            "planned": {**dict.fromkeys(YEAR, 2), "hours": 9},
        },
    )
    text = investment.canonical(full)
    assert investment.canonical(investment.of_json(text)) == text
    assert investment.of_json(text) == full
    assert '"wage_yen_per_h":2500' in text


YEAR = ("operating_profit_yen", "personnel_yen", "depreciation_yen", "workers")
