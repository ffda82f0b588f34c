"""A trial's protocol at work: the plan that is left, lots, rehearsal and stop rules."""

from __future__ import annotations

from dataclasses import replace

from lab_controller.facts import RunChanged
from tests.lab_controller.bench import BY, Bench
from tests.trial_logs.test_protocol_tables import PROTOCOL
from trial_logs import record
from trial_logs.model import Condition, TrialDraft, Verdict
from trial_logs.protocol import Protocol, SampleSize, StopKind, StopRule
from trial_logs.run_order import expand

FEW_SCRAP = Protocol(stop_rules=(StopRule(StopKind.SCRAP_COUNT, 2), StopRule(StopKind.PARTS, 50)))


async def draft_on(bench: Bench, protocol: Protocol) -> TrialDraft:
    """A trial for equipment that is armed."""
    booking = await bench.armed()
    conditions = expand(protocol.factors) or (Condition("標準"),)
    return TrialDraft(
        booking.id, "sakura", booking.equipment_id, "治具", conditions=conditions, protocol=protocol
    )


async def notes(bench: Bench, run: str) -> list[tuple[str, str]]:
    """(who, what) of the notes in a run's record."""
    await bench.lab.recorder.flush()
    return [(note.by, note.text) for note in bench.lab.trials.read_evidence(run, record.notes, [])]


async def test_a_stop_rule_that_is_met_is_shown_and_noted_once(bench: Bench) -> None:
    trials = bench.lab.trials
    trial = await trials.create(await draft_on(bench, FEW_SCRAP))
    run = (await trials.plan_run(trial.id, "標準", "佐倉 花")).run.id
    await trials.start(run, by=BY)
    await trials.count(run, Verdict.SCRAP, by=BY)
    await bench.lab.stop_notes.tick()
    assert await notes(bench, run) == []
    found = await trials.count(run, Verdict.SCRAP, by=BY)
    assert [rule.kind for rule in found.met] == [StopKind.SCRAP_COUNT]
    await bench.lab.stop_notes.tick()
    told = bench.heard.count(RunChanged(trial.id, run, "running"))
    for _ in range(2):
        await bench.lab.stop_notes.tick()
    # what is noted is not said again every few seconds
    assert bench.heard.count(RunChanged(trial.id, run, "running")) == told
    (note,) = await notes(bench, run)
    assert note == ("controller", "中止の決まりに達しました：不良が 2 個以上")
    assert (await trials.run(run)).run.state == "running"  # stopping is the operator's decision


async def test_the_record_of_a_run_knows_its_lot_and_its_times(bench: Bench) -> None:
    trials = bench.lab.trials
    trial = await trials.create(await draft_on(bench, replace(PROTOCOL, sample=SampleSize(5, 1))))
    condition = trial.draft.conditions[0].name
    run = (await trials.plan_run(trial.id, condition, "", "午後の材料")).run.id
    await trials.start(run, by=BY)
    header = trials.read_evidence(run, record.read_header, None)
    assert header is not None
    assert (header.lot, header.rehearsal) == ("午後の材料", False)
    assert (header.planned_cycle_s, header.microstop_s) == (4.5, 120.0)
