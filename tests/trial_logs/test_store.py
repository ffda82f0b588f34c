"""Trials, plans and the life of a run."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs.day import DRAFT, NOW, lab_with_trial, planned_run
from trial_logs import migrations, store
from trial_logs.errors import AlreadyExists, EquipmentBusy, Invalid, NotPossibleNow, Unknown
from trial_logs.model import (
    RUN_TABLE,
    Band,
    Condition,
    Limit,
    RunAction,
    RunState,
    TrialDraft,
)

MINUTE = timedelta(minutes=1)


def test_a_trial_comes_back_as_it_was_stored(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    assert trial.draft == DRAFT
    assert trial.created == NOW - timedelta(days=3)


def test_the_same_draft_again_is_the_same_trial(lab: Database) -> None:
    again = store.create_trial(lab, "T20261120-01", DRAFT, NOW)
    assert again.created == NOW - timedelta(days=3)
    with pytest.raises(AlreadyExists, match=r"trial\.exists"):
        store.create_trial(lab, "T20261120-01", replace(DRAFT, title="別の試用"), NOW)


def test_every_mistake_of_a_draft_is_said_at_once(lab: Database) -> None:
    bad = TrialDraft(
        booking_id="",
        party_id="p",
        equipment_id="e",
        title=" ",
        limits=(Limit("幅", 1, -1, "mm"), Limit("幅", 1, 1, "mm")),
        conditions=(Condition("a", bands=(Band("d", "s", 5, 1),)), Condition("a")),
    )
    with pytest.raises(Invalid) as refused:
        store.create_trial(lab, "T2", bad, NOW)
    codes = [problem.code for problem in refused.value.problems]
    assert sorted(codes) == [
        "trial.bad_band",
        "trial.bad_limit",
        "trial.field_missing",
        "trial.field_missing",
        "trial.repeated_name",
        "trial.repeated_name",
    ]
    assert [trial.id for trial in store.list_trials(lab)] == ["T20261120-01"]


def test_a_plan_needs_a_condition(lab: Database) -> None:
    with pytest.raises(Invalid) as refused:
        store.create_trial(lab, "T2", replace(DRAFT, conditions=()), NOW)
    assert [problem.code for problem in refused.value.problems] == ["trial.no_condition"]


def test_trial_numbers_count_up_within_a_day(lab: Database) -> None:
    assert store.next_trial_id(lab, date(2026, 11, 20)) == "T20261120-02"
    assert store.next_trial_id(lab, date(2026, 11, 21)) == "T20261121-01"


def test_trials_are_listed_by_booking_and_party(lab: Database) -> None:
    store.create_trial(lab, "T2", replace(DRAFT, booking_id="b-2", party_id="other"), NOW)
    assert [t.id for t in store.list_trials(lab)] == ["T2", "T20261120-01"]
    assert [t.id for t in store.list_trials(lab, booking_id="b-2")] == ["T2"]
    assert [t.id for t in store.list_trials(lab, party_id="sakura")] == ["T20261120-01"]


def test_unknown_ids_are_said_by_kind(lab: Database) -> None:
    for call, code in (
        (lambda: store.get_trial(lab, "x"), "trial.unknown"),
        (lambda: store.get_run(lab, "x"), "trial.unknown_run"),
        (
            lambda: store.plan_run(lab, "T20261120-01", "x", operator="", simulated=False),
            "trial.unknown_condition",
        ),
    ):
        with pytest.raises(Unknown) as refused:
            call()
        assert refused.value.code == code


def test_a_run_keeps_the_times_it_ran_and_paused(lab: Database) -> None:
    run = planned_run(lab)
    store.start_run(lab, run.id, NOW)
    store.pause_run(lab, run.id, NOW + MINUTE, "材料の交換")
    assert store.get_run(lab, run.id).cause == "材料の交換"
    store.resume_run(lab, run.id, NOW + 2 * MINUTE)
    done = store.finish_run(lab, run.id, NOW + 5 * MINUTE)
    assert (done.state, done.started, done.ended) == (RunState.FINISHED, NOW, NOW + 5 * MINUTE)
    assert [(s.state, s.since, s.until) for s in done.spans] == [
        (RunState.RUNNING, NOW, NOW + MINUTE),
        (RunState.PAUSED, NOW + MINUTE, NOW + 2 * MINUTE),
        (RunState.RUNNING, NOW + 2 * MINUTE, NOW + 5 * MINUTE),
    ]


MOVES = {
    RunAction.START: store.start_run,
    RunAction.PAUSE: store.pause_run,
    RunAction.RESUME: store.resume_run,
    RunAction.FINISH: store.finish_run,
    RunAction.ABORT: lambda db, run, now: store.abort_run(db, run, now, "操作者の判断"),
    RunAction.INTERRUPT: lambda db, run, now: store.interrupt_run(db, run, now, "lab.restart"),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(RunAction)), max_size=12))
def test_a_run_moves_as_its_table_says_and_else_stays(actions: list[RunAction]) -> None:
    lab = lab_with_trial()
    run, expected = planned_run(lab), RunState.PLANNED
    for step, action in enumerate(actions):
        following = RUN_TABLE.get((expected, action))
        if following is None:
            with pytest.raises(NotPossibleNow):
                MOVES[action](lab, run.id, NOW + step * MINUTE)
        else:
            MOVES[action](lab, run.id, NOW + step * MINUTE)
            expected = following
        found = store.get_run(lab, run.id)
        assert found.state is expected
        assert sum(span.until is None for span in found.spans) == int(expected.is_live)
        assert (found.ended is not None) == expected.is_over
    lab.close()


def test_what_cannot_be_done_now_is_said_with_its_code(lab: Database) -> None:
    run = planned_run(lab)
    with pytest.raises(NotPossibleNow, match=r"trial\.not_running"):
        store.finish_run(lab, run.id, NOW)
    store.start_run(lab, run.id, NOW)
    with pytest.raises(NotPossibleNow, match=r"trial\.not_paused"):
        store.resume_run(lab, run.id, NOW)
    with pytest.raises(NotPossibleNow, match=r"trial\.already_started"):
        store.start_run(lab, run.id, NOW)


def test_one_live_run_per_equipment(lab: Database) -> None:
    first, second = planned_run(lab), planned_run(lab)
    store.start_run(lab, first.id, NOW)
    with pytest.raises(EquipmentBusy) as refused:
        store.start_run(lab, second.id, NOW)
    assert refused.value.params["run"] == first.id
    assert store.get_run(lab, second.id).state is RunState.PLANNED
    assert store.get_run(lab, second.id).spans == ()
    store.finish_run(lab, first.id, NOW)
    assert store.start_run(lab, second.id, NOW).state is RunState.RUNNING


def test_a_clock_set_back_does_not_end_a_span_before_it_began(lab: Database) -> None:
    run = planned_run(lab)
    store.start_run(lab, run.id, NOW)
    done = store.finish_run(lab, run.id, NOW - MINUTE)
    assert done.ended == NOW
    assert done.spans[0].until == NOW


def test_after_a_restart_live_runs_are_interrupted_once(lab: Database) -> None:
    run = planned_run(lab)
    store.start_run(lab, run.id, NOW)
    (interrupted,) = store.interrupt_running(lab, NOW + MINUTE)
    assert (interrupted.state, interrupted.cause) == (RunState.INTERRUPTED, "lab.restart")
    assert store.interrupt_running(lab, NOW + MINUTE) == []
    assert [each.id for each in store.runs_without_head(lab)] == [run.id]


def test_heads_are_kept_and_only_of_runs_that_are_over(lab: Database) -> None:
    run = planned_run(lab)
    store.start_run(lab, run.id, NOW)
    with pytest.raises(NotPossibleNow, match=r"trial\.still_live"):
        store.close_run_evidence(lab, run.id, head="a", segments=1, numbers="{}", now=NOW)
    store.finish_run(lab, run.id, NOW)
    for segments, head in ((3, "a"), (4, "b")):
        store.close_run_evidence(lab, run.id, head=head, segments=segments, numbers="{}", now=NOW)
    assert [each.head for each in store.recorded_heads(lab, run.id)] == ["a", "b"]
    assert store.runs_without_head(lab) == []


def test_tables_are_strict_and_migrating_twice_changes_nothing(lab: Database) -> None:
    migrations.lab.apply(lab)
    tables = [name for name in lab.table_names() if name.startswith("trial_")]
    assert len(tables) >= 15
    assert all(lab.table(name).strict for name in tables)


def test_every_state_can_be_left_or_is_over() -> None:
    left = {state for state, _ in RUN_TABLE}
    assert {state for state in RunState if state.is_over} == set(RunState) - left
    assert all(state in RunState for state in itertools.chain(left, RUN_TABLE.values()))
