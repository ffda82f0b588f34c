"""Office work in the place of parts: minutes become hours and money, and say their source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database

from tests.trial_logs import purchases
from tests.trial_logs.dossiers import dossier, real
from tests.trial_logs.test_dossier_document import words_in
from trial_logs import texts
from trial_logs.content import MeasurementRow, ReportContent
from trial_logs.dossier.first_page import first_page
from trial_logs.dossier.indices import labour_saving
from trial_logs.dossier.investment import canonical, of_json
from trial_logs.dossier.money_pages import money_pages
from trial_logs.dossier.task import seconds_after, worked
from trial_logs.dossier.verdict import Step, answer, doubts, next_step
from trial_logs.errors import Invalid

Day = tuple[Database, list[Database], ReportContent]
JA, EN = texts.load("ja"), texts.load("en")
TIME = "一件の処理時間"
TASK: dict[str, Any] = {
    "name": "見積書の作成",
    "times_per_year": 2400,
    "minutes_before": [12.0, 13.0, 11.0, 12.0],
    "measured": TIME,
}
RUNNING = {"licence_yen": 120000}


def timed(day: ReportContent, unit: str, *values: float, runs: int = 1) -> ReportContent:
    """A real day of one condition without cycle times, each run of which measured these times."""
    rows = tuple(MeasurementRow(0, TIME, value, unit, "", "", None) for value in values)
    found = (replace(run, parts=(), measurements=rows) for run in real(day).runs[:1] * runs)
    return replace(real(day), runs=tuple(found))


def test_measured_minutes_become_hours_money_and_indices(recorded: Day) -> None:
    parts_only = {"parts_per_year": 100, "margin_yen_per_part": 900}  # nothing to do with it
    sheet = purchases.sheet(task=TASK, running=RUNNING, purposes=["paperless"], extra=parts_only)
    content = dossier(timed(recorded[2], "s", 240.0, 270.0, 210.0, 240.0), sheet=sheet)
    money = content.money
    assert money is not None
    hours_before, hours_after = 2400 * 12 / 60, 2400 * 4 / 60
    assert money.effect.hours_before.estimate == pytest.approx(hours_before)
    assert money.effect.hours_after.estimate == pytest.approx(hours_after)
    parts = {part.name: part.yen.estimate for part in money.effect.parts if part.yen.estimate}
    assert parts == {"labour": (480 - 160) * 2500, "licence": -120000}
    assert money.payback.years.estimate == pytest.approx(5_000_000 / 680_000)
    assert labour_saving(money.effect).index.estimate == pytest.approx(320 / 480)
    low, high = money.effect.total.low, money.effect.total.high
    assert low is not None
    assert high is not None
    # Student's t with 3 degrees of freedom: 12 +- 3.1824 * 0.8165 / 2, 4 +- 3.1824 * 0.4082 / 2
    ends = 2400 / 60 * 2500 * 3.182446 * (0.816497 + 0.408248) / 2
    assert (low, high) == pytest.approx((680_000 - ends, 680_000 + ends), abs=2)
    assert {each.factor for each in money.sensitivity.break_even} == {"volume", "wage"}
    assert next_step(content).step is Step.CLOSE  # seven years of use, 7.4 to pay back
    for words in (JA, EN):
        told = words_in([*first_page(content, words), *money_pages(content, words)])
        for said in ("12.0", "4.0", "−8.0", "2,400", "見積書の作成", words["assumption.task_only"]):
            assert said in told
        assert words["dossier.task.measured"].format(name=TIME) in told
        assert words["dossier.fact.capacity"] not in told
        assert words["assumption.energy_before_none"] not in told
        assert "{" not in answer(content, words)


def test_pieces_of_several_runs_count_as_runs_do(recorded: Day) -> None:
    sheet = purchases.sheet(task=TASK)
    one, two = (timed(recorded[2], "s", 240.0, 260.0, runs=n) for n in (1, 2))
    told = JA["dossier.doubt.one_run"].format(enough=4)
    assert [told in list(doubts(dossier(each, sheet=sheet), JA)) for each in (one, two)] == [
        True, False,
    ]  # fmt: skip
    later = replace(two.runs[1], measurements=tuple(
        replace(row, value=(row.value or 0) + 100) for row in two.runs[1].measurements
    ))  # fmt: skip
    content = dossier(two, sheet=sheet)
    assert content.finding is not None
    crewed = replace(content.before, people=3.0)  # at the machine, not at the desk
    assert worked(sheet, crewed, content.finding)[1].people == 1.0
    task = sheet.task
    assert task is not None
    found = seconds_after(task, (two.runs[0], later))
    assert (found.estimate, found.n, found.low) == (300.0, 4, None)  # 300 ± 12.7·50
    assert found.high == pytest.approx(300 + 12.7062 * 50, abs=0.01)


def test_entered_minutes_say_that_nobody_measured_them_here(recorded: Day) -> None:
    task = {**TASK, "minutes_before": 12, "minutes_after": [4.0]}
    sheet = purchases.sheet(task=task, running=RUNNING)
    content = dossier(timed(recorded[2], "mm", 4.0), sheet=sheet)
    assert content.money is not None
    assert content.money.effect.total.estimate == 680_000
    assert content.money.effect.total.low is None
    assert JA["dossier.task.doubt"].format(name=TASK["name"]) in list(doubts(content, JA))
    assert JA["dossier.task.entered"] in words_in(list(money_pages(content, JA)))
    recorded_alike = dossier(timed(recorded[2], "min", 4.0), sheet=purchases.sheet(task={
        **task, "measured": TIME,
    }))  # fmt: skip
    assert JA["dossier.task.measured"].format(name=TIME) in words_in(
        list(money_pages(recorded_alike, JA))
    )
    bare = {**task, "minutes_after": []}
    unmeasured = dossier(timed(recorded[2], "mm", 4.0), sheet=purchases.sheet(task=bare))
    assert next_step(unmeasured).step is Step.SHEET
    assert JA["effect.needs.cycle"] in words_in(list(money_pages(unmeasured, JA)))


def test_the_sheet_keeps_a_task_and_tells_what_it_lacks() -> None:
    sheet = purchases.sheet(task={**TASK, "minutes_after": 4})
    assert of_json(canonical(sheet)) == sheet
    with pytest.raises(Invalid) as wrong:
        purchases.sheet(task={"name": "x", "times_per_year": 1, "minutes_before": ["y", True]})
    assert {(each.field, each.code) for each in wrong.value.problems} == {
        ("task.minutes_before", "field.not_number"),
        ("task.minutes_before", "field.missing"),
        ("task.measured", "sheet.no_time_after"),
    }
