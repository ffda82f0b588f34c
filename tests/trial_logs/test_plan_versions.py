"""Amending a plan: the versions before stay, runs know theirs, and reports tell it loudly."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlite_utils import Database

from tests.trial_logs.day import DRAFT, NOW, lab_with_trial, planned_run, recorded_run, whole_day
from tests.trial_logs.dossiers import dossier
from tests.trial_logs.test_dossier_document import words_in
from tests.trial_logs.test_protocol_tables import FULL
from trial_logs import record, store, texts
from trial_logs.chapters.plan_changes import plan_alarm, plan_changes
from trial_logs.dossier.verdict import doubts
from trial_logs.errors import Invalid, NotPossibleNow
from trial_logs.model import Condition, TrialDraft
from trial_logs.plan_versions import (
    amendment_problems,
    as_of,
    changed_keys,
    draft_of,
    plan_json,
    version_of,
)
from trial_logs.protocol import SampleSize
from trial_logs.sheet import report_sheet

TRIAL = "T20261120-01"
WORDS = texts.load("ja")
MORE = replace(DRAFT, protocol=replace(DRAFT.protocol, sample=SampleSize(60, 4)))
LATER = NOW + timedelta(minutes=60)


def amend(
    lab: Database, draft: TrialDraft, after_runs: bool = False, why: str = "足りない"
) -> None:
    store.amend_plan(lab, TRIAL, draft, LATER, by="職員 中村", why=why, after_runs=after_runs)


def test_a_plan_as_text_comes_back_as_it_was() -> None:
    assert draft_of(plan_json(FULL)) == FULL
    changed = replace(FULL, title="別", conditions=(*FULL.conditions[:1], Condition("新")))
    keys = changed_keys(plan_json(FULL), plan_json(changed))
    assert keys == ("title", "conditions[速い・平行]", "conditions[新]")
    turned = replace(FULL, conditions=FULL.conditions[::-1])
    assert changed_keys(plan_json(FULL), plan_json(turned)) == ("conditions",)


def test_before_the_first_run_a_plan_is_amended_and_the_first_one_kept() -> None:
    lab = lab_with_trial()
    planned = planned_run(lab)
    amend(lab, MORE)
    trial = store.get_trial(lab, TRIAL)
    first, second = trial.versions
    assert trial.draft == MORE
    assert (draft_of(first.plan), first.by, second.by, second.why) == (
        DRAFT, "", "職員 中村", "足りない",
    )  # fmt: skip
    assert store.run_header(trial, planned).plan_sha256 == second.sha256
    assert as_of(trial, NOW).draft == DRAFT
    assert as_of(trial, LATER) == trial
    with pytest.raises(NotPossibleNow) as same:
        amend(lab, MORE)
    assert same.value.code == "trial.plan_unchanged"
    for change in ("UPDATE trial_plan_version SET why = ''", "DELETE FROM trial_plan_version"):
        with pytest.raises(sqlite3.IntegrityError):
            lab.execute(change)


def test_after_a_run_a_plan_is_amended_only_on_purpose() -> None:
    lab = lab_with_trial()
    recorded_run(lab, 1, NOW)
    with pytest.raises(NotPossibleNow) as no:
        amend(lab, MORE)
    assert (no.value.code, no.value.params["runs"]) == ("trial.plan_has_runs", "1")
    assert len(store.get_trial(lab, TRIAL).versions) == 1
    amend(lab, MORE, after_runs=True)
    assert store.get_trial(lab, TRIAL).draft == MORE
    run = planned_run(lab)
    store.start_run(lab, run.id, LATER)
    with pytest.raises(NotPossibleNow) as live:
        amend(lab, DRAFT, after_runs=True)
    assert live.value.code == "trial.amend_while_live"


def test_what_runs_were_made_under_stays() -> None:
    lab = lab_with_trial()
    recorded_run(lab, 1, NOW)
    used = store.list_runs(lab, TRIAL)[0].condition
    other = tuple(
        replace(each, settings={"速度": "別"}) if each.name == used else each
        for each in DRAFT.conditions
    )
    moved = replace(DRAFT, conditions=other, equipment_id="cobot-9")
    with pytest.raises(Invalid) as no:
        amend(lab, moved, after_runs=True, why=" ")
    assert [each.code for each in no.value.problems] == [
        "trial.amend_other_booking", "trial.amendment_unsigned", "trial.condition_in_use",
    ]  # fmt: skip
    lotted = replace(planned_run(lab), lot="L1")
    (gone,) = amendment_problems(store.get_trial(lab, TRIAL), DRAFT, [lotted], by="a", why="b")
    assert gone.code == "trial.lot_in_use"


def test_a_condition_is_changed_before_its_run_and_one_without_runs_is_dropped() -> None:
    lab = lab_with_trial()
    planned = planned_run(lab)
    changed = replace(DRAFT.conditions[0], settings={"速度": "別"})
    assert len(DRAFT.conditions) > 1
    amend(lab, replace(DRAFT, conditions=(changed,)))
    trial = store.get_trial(lab, TRIAL)
    assert trial.draft.conditions == (changed,)
    assert store.run_header(trial, planned).condition == changed


def test_a_plan_of_an_earlier_release_gets_its_first_version_when_it_is_amended() -> None:
    lab = lab_with_trial()
    lab.execute("DROP TRIGGER trial_plan_version_is_kept")
    lab.execute("DELETE FROM trial_plan_version")
    old = store.get_trial(lab, TRIAL)
    assert (old.versions, old.plan_sha256, as_of(old, NOW)) == ((), "", old)
    amend(lab, MORE)
    assert [draft_of(each.plan) for each in store.get_trial(lab, TRIAL).versions] == [DRAFT, MORE]


def test_every_report_says_when_a_plan_was_changed_after_a_run() -> None:
    lab, evidences, before = whole_day(2)
    assert record.read_header(evidences[0]).plan_sha256 == before.versions[0].sha256
    assert plan_changes(before) == ()
    amend(lab, MORE, after_runs=True)
    after = replace(before, versions=store.get_trial(lab, TRIAL).versions)
    (change,) = plan_changes(after)
    assert change.changed == ("protocol.sample.parts_per_run", "protocol.sample.runs_per_condition")
    assert change.sample_changed_after_runs
    alarm = plan_alarm(after, WORDS)
    assert WORDS["report.plan_sample_changed"] in alarm
    printed = words_in(report_sheet(after, WORDS))
    assert alarm in printed
    assert "職員 中村" in printed
    assert "protocol.sample.parts_per_run" in printed
    assert WORDS["report.plan_changes"] not in words_in(report_sheet(before, WORDS))
    assert alarm in list(doubts(dossier(after), WORDS))[:2]
    early = replace(
        after,
        versions=(before.versions[0], replace(after.versions[1], made=NOW - timedelta(days=1))),
    )
    assert plan_alarm(early, WORDS) == ""
    assert WORDS["report.plan_changed_early"] in words_in(report_sheet(early, WORDS))


def test_a_run_is_of_the_version_in_its_record_else_of_its_time() -> None:
    lab = lab_with_trial()
    amend(lab, MORE)
    versions = store.get_trial(lab, TRIAL).versions
    assert version_of(versions, versions[0].sha256, LATER) == 1
    assert [version_of(versions, "", at) for at in (NOW, LATER)] == [1, 2]
    assert version_of(versions, "not one of these", LATER) == 0
    assert version_of((), "", NOW) == 1
