"""Every mistake of a plan at once, the order of its runs, what is left, and when to stop."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs.day import DRAFT, NOW
from trial_logs import evidence, store
from trial_logs.errors import Invalid
from trial_logs.model import (
    Batch,
    Condition,
    DeviceStateSeen,
    Limit,
    PartEvent,
    PartSource,
    Run,
    RunState,
    Verdict,
)
from trial_logs.plan_rules import draft_problems
from trial_logs.protocol import (
    Baseline,
    Factor,
    Lot,
    Protocol,
    SampleSize,
    StopCause,
    StopKind,
    StopRule,
)
from trial_logs.run_order import Made, Planned, expand, plan_left, run_order
from trial_logs.run_times import stops_of
from trial_logs.stamps import to_us
from trial_logs.stop_rules import MEASURE, Standing, met, standing
from trial_logs.units import likely_unit

SPEED, HAND = Factor("速度", ("50", "80"), "%"), Factor("ハンド", ("吸着", "平行"))
PLAN = replace(
    DRAFT,
    conditions=expand((SPEED, HAND)),
    protocol=Protocol(factors=(SPEED, HAND), sample=SampleSize(10, 2)),
)

MISTAKES = (
    (Protocol(factors=(Factor("", ("1",)),)), "protocol.factors[1].name", "trial.field_missing"),
    (Protocol(factors=(Factor("速度", ()),)), "protocol.factors[1].levels", "trial.no_level"),
    (
        Protocol(factors=(replace(SPEED, unit="倍"),)),
        "protocol.factors[1].unit",
        "trial.unknown_unit",
    ),
    (Protocol(factors=(SPEED, SPEED)), "protocol.factors[2].name", "trial.repeated_name"),
    (Protocol(factors=(HAND,)), "conditions[1].settings", "trial.level_missing"),
    (
        Protocol(factors=(Factor("積層ピッチ", ("0.1",), "mm"),)),
        "conditions[1].settings",
        "trial.unknown_level",
    ),
    (
        Protocol(sample=SampleSize(0)),
        "protocol.sample.parts_per_run",
        "trial.must_be_above_zero",
    ),
    (
        Protocol(sample=SampleSize(None, 0)),
        "protocol.sample.runs_per_condition",
        "trial.must_be_above_zero",
    ),
    (
        Protocol(sample=SampleSize(1, 9999)),
        "protocol.sample.runs_per_condition",
        "trial.plan_too_large",
    ),
    (
        Protocol(stop_rules=(StopRule(StopKind.MINUTES),)),
        "protocol.stop_rules[1].value",
        "trial.stop_value_missing",
    ),
    (
        Protocol(stop_rules=(StopRule(StopKind.SCRAP_SHARE, 20.0),)),
        "protocol.stop_rules[1].value",
        "trial.bad_stop_value",
    ),
    (
        Protocol(baseline=Baseline(cycle_time_s=-1.0)),
        "protocol.baseline.cycle_time_s",
        "trial.bad_number",
    ),
    (
        Protocol(baseline=Baseline(cycle_times_s=(2.0, float("nan")))),
        "protocol.baseline.cycle_times_s[2]",
        "trial.bad_number",
    ),
    (
        Protocol(baseline=Baseline(scrap=3, inspected=2)),
        "protocol.baseline.scrap",
        "trial.scrap_above_inspected",
    ),
    (
        Protocol(lots=(Lot("A", 5),), sample=SampleSize(30)),
        "protocol.lots[1].quantity",
        "trial.lot_too_small",
    ),
    (Protocol(lots=(Lot("A"), Lot("A"))), "protocol.lots[2].name", "trial.repeated_name"),
    (
        Protocol(stop_causes=(StopCause("つまり", "つまり"),)),
        "protocol.stop_causes[1].code",
        "trial.bad_cause_code",
    ),
    (Protocol(randomised=True), "protocol.seed", "trial.field_missing"),
    (Protocol(planned_cycle_s=0.0), "protocol.planned_cycle_s", "trial.must_be_above_zero"),
    (Protocol(microstop_s=-1.0), "protocol.microstop_s", "trial.bad_number"),
)


@pytest.mark.parametrize(("protocol", "key", "code"), MISTAKES)
def test_each_mistake_of_a_protocol_is_said_at_its_key(
    protocol: Protocol, key: str, code: str
) -> None:
    found = list(draft_problems(replace(DRAFT, protocol=protocol)))
    assert (key, code) in [(each.field, each.code) for each in found]


def test_a_sound_plan_has_no_problem_and_all_mistakes_come_at_once() -> None:
    assert list(draft_problems(PLAN)) == []
    bad = Protocol(
        baseline=Baseline(people=-1.0),
        sample=SampleSize(0, 0),
        stop_rules=(StopRule(StopKind.STOPS),),
        microstop_s=-1.0,
    )
    limits = (Limit("幅", 1.0, 0.1, "ミリ"), Limit("", None, None, "mm"))
    found = {each.field for each in draft_problems(replace(DRAFT, limits=limits, protocol=bad))}
    assert found == {
        "limits[1].unit", "limits[2].characteristic", "limits[2]", "protocol.baseline.people",
        "protocol.sample.parts_per_run", "protocol.sample.runs_per_condition",
        "protocol.stop_rules[1].value", "protocol.microstop_s",
    }  # fmt: skip


def test_the_unit_somebody_probably_meant() -> None:
    written = ("℃", "㎜", "µm", "kWh", "倍", "KG")
    assert [likely_unit(each) for each in written] == ["Cel", "mm", "um", "kW.h", "", "kg"]


def test_all_combinations_of_the_levels() -> None:
    made = expand((SPEED, HAND))
    assert [each.name for each in made] == ["50% / 吸着", "50% / 平行", "80% / 吸着", "80% / 平行"]
    assert made[1].settings == {"速度": "50%", "ハンド": "平行"}
    with pytest.raises(Invalid, match=r"trial\.invalid"):
        expand((Factor("a", tuple(map(str, range(9)))),) * 2)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), lots=st.integers(0, 3), repeats=st.integers(1, 4))
def test_a_randomised_order_is_the_plan_blocked_by_lot(seed: int, lots: int, repeats: int) -> None:
    named = tuple(Lot(f"L{n}") for n in range(lots))
    plain = replace(PLAN.protocol, lots=named, sample=SampleSize(5, repeats), seed=seed)
    drawn = replace(PLAN, protocol=replace(plain, randomised=True))
    as_written, order = run_order(replace(PLAN, protocol=plain)), run_order(drawn)
    assert sorted(map(repr, order)) == sorted(map(repr, as_written))
    assert [each.lot for each in order] == [each.lot for each in as_written]
    assert order == run_order(drawn)


def test_a_seed_gives_the_same_order_for_ever() -> None:
    drawn = replace(PLAN, protocol=replace(PLAN.protocol, randomised=True, seed=7))
    numbers = [[c.name for c in PLAN.conditions].index(each.condition) for each in run_order(drawn)]
    assert numbers == ORDER_OF_SEED_7
    first = Counter(
        run_order(replace(drawn, protocol=replace(drawn.protocol, seed=seed)))[0].condition
        for seed in range(400)
    )
    assert min(first.values()) > 60  # of 400 drawn from 4; 60 lies more than 4 sigma below 100


ORDER_OF_SEED_7 = [2, 0, 0, 2, 1, 3, 3, 1]


def run_of(planned: Planned, state: RunState = RunState.FINISHED) -> Run:
    return Run("T-R1", "T", "e", 1, planned.condition, "", False, state, lot=planned.lot)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), randomised=st.booleans())
def test_following_the_plan_ends_it_and_nothing_else_does(
    data: st.DataObject, randomised: bool
) -> None:
    lots = (Lot("午前"), Lot("午後"))
    draft = replace(PLAN, protocol=replace(PLAN.protocol, lots=lots, randomised=randomised, seed=3))
    made: list[Made] = []
    for _ in range(100):
        left = plan_left(draft, made)
        if left.next_run is None:
            break
        assert not left.is_done
        state = data.draw(st.sampled_from([RunState.FINISHED] * 3 + [RunState.ABORTED]))
        made.append(Made(run_of(left.next_run, state), 10))
    assert plan_left(draft, made).is_done
    done = [each for each in made if each.run.state is RunState.FINISHED]
    assert [(m.run.lot, m.run.condition) for m in done] == [
        (p.lot, p.condition) for p in run_order(draft)
    ]


def test_what_is_missing_is_said_condition_by_condition() -> None:
    first = run_order(PLAN)[0]
    live = Made(run_of(first, RunState.RUNNING), 3)
    left = plan_left(PLAN, [Made(run_of(first), 7), live])
    row = left.conditions[0]
    assert (row.runs_planned, row.runs_done, row.runs_left, row.parts_missing) == (2, 1, 1, 13)
    assert left.next_run == Planned("", PLAN.conditions[1].name, 1)
    both = plan_left(PLAN, [Made(run_of(each), 9) for each in run_order(PLAN)])
    assert both.next_run is None
    assert not both.is_done
    assert both.conditions[0].parts_missing == 2


RULES = tuple(
    StopRule(kind, value)
    for kind, value in (
        (StopKind.SCRAP_COUNT, 3),
        (StopKind.SCRAP_SHARE, 0.2),
        (StopKind.MINUTES, 30),
        (StopKind.PARTS, 50),
        (StopKind.STOPS, 2),
        (StopKind.SAFETY_STOP, None),
    )
)


def test_every_kind_of_rule_is_met_at_its_value_and_not_before() -> None:
    assert set(MEASURE) == set(StopKind)
    assert met(RULES, Standing(49, 2, 1799.9, 1, 0)) == ()
    assert met(RULES, Standing(50, 10, 1800.0, 2, 1)) == RULES
    assert met(RULES, Standing(parts=9, scrap=2)) == ()  # a share of so few says nothing
    assert met(RULES, Standing(parts=10, scrap=2)) == (RULES[1],)


def test_how_a_run_stands_is_read_from_its_evidence(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    run = store.plan_run(lab, trial.id, DRAFT.conditions[0].name, operator="", simulated=True)
    file = Database(memory=True)
    evidence.open_run(file, store.run_header(trial, run), NOW)
    verdicts = (Verdict.GOOD, Verdict.SCRAP, Verdict.VOID, Verdict.SCRAP)
    seen = [
        DeviceStateSeen(NOW + timedelta(seconds=n), "d", "online", operation, safety)
        for n, (operation, safety) in enumerate(
            (("busy", "none"), ("fault", "none"), ("busy", "none"), ("busy", "protective_stop"))
        )
    ]
    batch = Batch(
        parts=[PartEvent(NOW, verdict, PartSource.DEVICE) for verdict in verdicts], states=seen
    )
    evidence.append_segment(file, batch, NOW)
    later = NOW + timedelta(minutes=5)
    found = standing(file, later, set(StopKind))
    assert found == Standing(parts=3, scrap=2, running_s=300.0, stops=2, safety_stops=1)
    assert found.stops == len(stops_of(file, to_us(later)))
    unasked = standing(file, later, {StopKind.MINUTES})
    assert (unasked.running_s, unasked.stops, unasked.safety_stops) == (300.0, 0, 0)


def test_one_safety_stop_stays_one_while_other_devices_speak(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    run = store.plan_run(lab, trial.id, DRAFT.conditions[0].name, operator="", simulated=True)
    file = Database(memory=True)
    evidence.open_run(file, store.run_header(trial, run), NOW)
    said = (("robot", "protective_stop"), ("camera", "normal"), ("robot", "protective_stop"))
    states = [DeviceStateSeen(NOW, device, "online", "idle", safety) for device, safety in said]
    evidence.append_segment(file, Batch(states=states), NOW)
    assert standing(file, NOW, {StopKind.SAFETY_STOP}).safety_stops == 1


def test_a_condition_may_give_its_level_with_or_without_the_unit() -> None:
    bare = Condition("遅い", {"速度": "50"})
    full = Condition("速い", {"速度": "80%"})
    draft = replace(PLAN, conditions=(bare, full), protocol=Protocol(factors=(SPEED,)))
    assert list(draft_problems(draft)) == []
