"""The HTTP door to trials: from the plan to the numbers, and what is refused."""

from __future__ import annotations

import pytest

from lab_controller.client import LabClient, Refused
from lab_controller.wire_trials import (
    ConditionShape,
    LimitShape,
    MeasurementRequest,
    PartRequest,
    RunRequest,
    TrialRequest,
)
from tests.lab_controller.bench import BY, Bench


async def test_a_trial_from_its_plan_to_its_numbers(lab: LabClient, bench: Bench) -> None:
    booking = await bench.armed()
    trial = await lab.create_trial(
        TrialRequest(
            booking=booking.id,
            title="治具",
            limits=[LimitShape(characteristic="幅", nominal=25, tolerance=0.1, unit="mm")],
            conditions=[ConditionShape(name="標準", settings={"層": "0.2"})],
        )
    )
    assert await lab.trial(trial.id) == trial
    assert await lab.trials(booking.id) == [trial]
    assert (await lab.booking(booking.id)).trial == trial.id
    run = await lab.plan_run(trial.id, RunRequest(condition="標準", operator="佐倉 花"))
    assert (run.state, run.number) == ("planned", 1)
    assert (await lab.run_step(run.id, "start")).state == "running"
    assert (await lab.count_part(run.id, PartRequest(verdict="good"))).good == 1
    await lab.measure(run.id, MeasurementRequest(characteristic="幅", value=25.02, unit="mm"))
    await lab.note(run.id, "きれい")
    assert (await lab.run_step(run.id, "pause", "材料")).state == "paused"
    assert (await lab.run_step(run.id, "resume")).state == "running"
    ended = await lab.run_step(run.id, "finish")
    assert (ended.state, ended.good) == ("finished", 1)
    assert await lab.run_numbers(run.id)
    again = await lab.plan_run(trial.id, RunRequest(condition="標準"))
    await lab.run_step(again.id, "start")
    assert (await lab.run_step(again.id, "abort", "やり直し")).cause == "やり直し"
    assert [one.state for one in (await lab.trial(trial.id)).runs] == ["finished", "aborted"]


async def test_trials_refused(lab: LabClient, bench: Bench) -> None:
    async def code(call) -> tuple[int, str]:
        with pytest.raises(Refused) as refusal:
            await call
        return refusal.value.status, refusal.value.refusal.code

    assert await code(lab.trial("nobody")) == (404, "trial.unknown")
    assert await code(lab.run_numbers("nobody")) == (404, "trial.unknown_run")
    assert await code(lab.create_trial(TrialRequest(booking="nobody", title="x"))) == (
        404,
        "booking.unknown_booking",
    )
    booking = await bench.checked_in()
    with pytest.raises(Refused) as invalid:
        await lab.create_trial(TrialRequest(booking=booking.id, title=" "))
    assert (invalid.value.status, invalid.value.refusal.code) == (422, "trial.invalid")
    assert invalid.value.refusal.problems
    assert all(one.text and one.text != one.code for one in invalid.value.refusal.problems)
    run = await bench.run(booking)
    trial = (await lab.trials())[0].id
    assert await code(lab.plan_run(trial, RunRequest(condition="?"))) == (
        404,
        "trial.unknown_condition",
    )
    assert await code(lab.run_step(run, "start")) == (409, "lab.not_armed")
    assert await code(lab.run_step(run, "finish")) == (409, "trial.not_running")
    assert await code(lab.count_part(run, PartRequest(verdict="good"))) == (
        409,
        "trial.not_running",
    )
    assert await code(lab.run_step(run, "fly")) == (422, "lab.bad_request")
    assert await code(lab.make_report(trial)) == (409, "lab.no_record")
    assert await code(lab.report_file(trial, "report.pdf")) == (404, "lab.unknown_report_file")
    assert await code(lab.report_file(trial, "../lab.db")) != (200, "")
    await bench.lab.arming.arm(booking.id, by=BY)
    await lab.run_step(run, "start")
    nan = MeasurementRequest(characteristic="幅", value=1e400, unit="mm")
    assert nan.value == float("inf")
