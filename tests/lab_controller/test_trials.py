"""Trials and runs: lab.db and the evidence move together, whatever comes in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from equipment_drivers.errors import Faulted
from equipment_drivers.model import CycleFinished, Operation
from lab_controller.database import StorageFailed, connect
from lab_controller.facts import RunChanged
from lab_controller.services import trials as trials_module
from lab_controller.services.trials import NotArmed, PartUnderWay
from tests.lab_controller.bench import BY, Bench, Site
from trial_logs import evidence, record, store
from trial_logs.errors import EquipmentBusy, NotPossibleNow, TrialError, Unknown
from trial_logs.model import RunState, Verdict
from trial_logs.proof import verify


async def running(bench: Bench) -> str:
    run = await bench.run(await bench.armed())
    await bench.lab.trials.start(run, by=BY)
    return run


def cycle(bench: Bench, verdict: str = "unknown", seconds: float = 3.0) -> None:
    bench.lab.bus.tell(CycleFinished("printer", bench.clock.now(), seconds, verdict))


async def heads(bench: Bench, run: str) -> list[store.RecordedHead]:
    return await bench.lab.db.read(lambda db: store.recorded_heads(db, run))


async def proved(bench: Bench, run: str) -> None:
    """The evidence agrees with every head that lab.db took."""
    taken = [one.head for one in await heads(bench, run)]
    assert taken
    assert bench.lab.trials.read_evidence(run, lambda db: verify(db, taken), ["none"]) == []


def counts(found) -> dict[str, int]:
    return {verdict.value: n for verdict, n in found.by_verdict.items() if n}


async def test_a_run_needs_equipment_that_is_armed(bench: Bench) -> None:
    run = await bench.run(await bench.checked_in())
    with pytest.raises(NotArmed):
        await bench.lab.trials.start(run, by=BY)
    assert (await bench.lab.trials.run(run)).run.state is RunState.PLANNED
    assert not bench.lab.recorder.path(run).exists()


async def test_a_run_from_start_to_end(bench: Bench) -> None:
    run = await running(bench)
    trials = bench.lab.trials
    cycle(bench, "good")
    bench.driver("usb").measure("printer", "heat", 200.0)
    bench.clock.go(5)
    assert (await trials.pause(run, by=BY, cause="材料切れ")).run.state is RunState.PAUSED
    bench.clock.go(5)
    await trials.resume(run, by=BY)
    bench.clock.go(5)
    ended = await trials.finish(run, by=BY)
    assert (ended.run.state, counts(ended)) == (RunState.FINISHED, {"good": 1})
    moves = trials.read_evidence(run, record.moves, [])
    assert [one.state for one in moves] == ["running", "paused", "running", "finished"]
    await proved(bench, run)
    (head,) = await heads(bench, run)
    assert head.numbers == await trials.numbers(run)
    states = [one.state for one in bench.heard if isinstance(one, RunChanged) and one.run == run]
    assert states == ["planned", "running", "paused", "running", "finished"]


async def test_both_ends_of_a_run_have_the_meters_read(bench: Bench) -> None:
    hub, usb = bench.driver("hub"), bench.driver("usb")
    read_back = usb.calls.count("resync")
    run = await running(bench)
    assert usb.calls.count("resync") == read_back + 1
    await bench.lab.trials.finish(run, by=BY)
    assert usb.calls.count("resync") == read_back + 2
    assert hub.calls.count("resync") >= 1


async def test_a_meter_that_does_not_answer_keeps_no_run(bench: Bench) -> None:
    run = await bench.run(await bench.armed())
    bench.driver("usb").resync_faults = [Faulted(device="printer")] * 2
    await bench.lab.trials.start(run, by=BY)
    ended = await bench.lab.trials.finish(run, by=BY)
    assert ended.run.state is RunState.FINISHED


async def test_one_live_run_per_equipment(bench: Bench) -> None:
    booking = await bench.armed()
    first, second = await bench.run(booking), await bench.run(booking)
    await bench.lab.trials.start(first, by=BY)
    with pytest.raises(EquipmentBusy):
        await bench.lab.trials.start(second, by=BY)
    assert (await bench.lab.trials.run(second)).run.state is RunState.PLANNED
    assert not bench.lab.recorder.path(second).exists()


async def test_what_does_not_follow_is_refused(bench: Bench) -> None:
    run = await bench.run(await bench.armed())
    trials = bench.lab.trials
    for move in (trials.finish, trials.resume):
        with pytest.raises(NotPossibleNow):
            await move(run, by=BY)
    with pytest.raises(NotPossibleNow):
        await trials.count(run, Verdict.GOOD, by=BY)
    with pytest.raises(Unknown):
        await trials.start("nobody", by=BY)
    await trials.start(run, by=BY)
    with pytest.raises(NotPossibleNow):
        await trials.start(run, by=BY)
    await trials.abort(run, by=BY, cause="やり直し")
    with pytest.raises(NotPossibleNow):
        await trials.finish(run, by=BY)
    await proved(bench, run)


async def test_the_oldest_waiting_part_is_judged_first(bench: Bench) -> None:
    run = await running(bench)
    for seconds in (1.0, 2.0, 3.0):
        cycle(bench, seconds=seconds)
    trials = bench.lab.trials
    assert counts(await trials.count(run, Verdict.SCRAP, by=BY, cause="反り")) == {
        "scrap": 1,
        "unjudged": 2,
    }
    await trials.count(run, Verdict.GOOD, by=BY)
    await trials.count(run, Verdict.GOOD, by=BY)
    found = await trials.count(run, Verdict.REWORK, by=BY)  # one more than the machine saw
    assert counts(found) == {"scrap": 1, "good": 2, "rework": 1}
    parts = trials.read_evidence(run, record.parts, [])
    assert [(one.verdict, one.event.source, one.event.cycle_time_s) for one in parts] == [
        ("scrap", "device", 1.0),
        ("good", "device", 2.0),
        ("good", "device", 3.0),
        ("rework", "operator", None),
    ]
    assert parts[0].corrected.why == "反り"


async def test_a_part_still_being_made_is_not_counted_in_advance(bench: Bench) -> None:
    run = await running(bench)
    driver = bench.driver("usb")
    driver.report(driver.devices[0], Operation.BUSY)
    with pytest.raises(PartUnderWay):
        await bench.lab.trials.count(run, Verdict.GOOD, by=BY)
    cycle(bench, seconds=1.0)
    assert counts(await bench.lab.trials.count(run, Verdict.GOOD, by=BY)) == {"good": 1}


async def test_two_who_judge_at_once_judge_two_parts(bench: Bench) -> None:
    run = await running(bench)
    cycle(bench)
    cycle(bench)
    count = bench.lab.trials.count
    await asyncio.gather(*(count(run, Verdict.GOOD, by=BY) for _ in range(2)))
    assert counts(await bench.lab.trials.run(run)) == {"good": 2}


async def test_words_after_the_end_are_taken_with_a_new_head(bench: Bench) -> None:
    run = await running(bench)
    cycle(bench)
    await bench.lab.trials.finish(run, by=BY)
    before = await heads(bench, run)
    await bench.lab.trials.count(run, Verdict.GOOD, by=BY)
    await bench.lab.trials.measure(run, "幅", 25.02, "mm", by=BY, gauge="ノギス 1")
    await bench.lab.trials.note(run, "後から測定", by=BY)
    after = await heads(bench, run)
    assert after[: len(before)] == before
    assert len(after) == len(before) + 3
    await proved(bench, run)


async def test_counting_while_the_run_ends_leaves_a_proved_record(bench: Bench) -> None:
    run = await running(bench)
    for _ in range(4):
        cycle(bench)
    trials = bench.lab.trials
    await asyncio.gather(
        *(trials.count(run, Verdict.GOOD, by=BY) for _ in range(2)),
        trials.finish(run, by=BY),
        *(trials.count(run, Verdict.SCRAP, by=BY) for _ in range(2)),
    )
    assert sum(counts(await trials.run(run)).values()) == 4
    await proved(bench, run)


async def test_two_who_end_a_run_end_it_once(bench: Bench) -> None:
    run = await running(bench)
    trials = bench.lab.trials
    outcomes = await asyncio.gather(
        trials.finish(run, by=BY), trials.end_on("bench", "disarmed"), return_exceptions=True
    )
    assert not isinstance(outcomes[1], BaseException)
    assert (await trials.run(run)).run.state in (RunState.FINISHED, RunState.ABORTED)
    await proved(bench, run)


async def test_a_stop_in_the_middle_of_a_start_ends_the_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await bench.armed()
    run = await bench.run(booking)
    real = bench.lab.trials._prime

    async def stopped_meanwhile(*args) -> None:
        await real(*args)
        await bench.lab.arming.after_stop(frozenset({"printer"}), "pressed")

    monkeypatch.setattr(bench.lab.trials, "_prime", stopped_meanwhile)
    found = await bench.lab.trials.start(run, by=BY)
    assert (found.run.state, found.run.cause) == (RunState.ABORTED, "lab.not_armed")
    await proved(bench, run)


async def test_a_plan_amended_in_the_middle_of_a_start_is_the_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await bench.run(await bench.armed())
    trials = bench.lab.trials
    trial = await trials.trial((await trials.run(run)).run.trial_id)
    real, longer = trials._prime, replace(trial.draft, question="長く続けられるか")

    async def amended_meanwhile(*args) -> None:
        await real(*args)
        await trials.amend(trial.id, longer, by=BY, why="長く", after_runs=False)

    monkeypatch.setattr(trials, "_prime", amended_meanwhile)
    await trials.start(run, by=BY)
    first, second = (await trials.trial(trial.id)).versions
    header = trials.read_evidence(run, record.read_header, None)
    assert header.plan_sha256 == second.sha256 != first.sha256
    with pytest.raises(NotPossibleNow):  # from here on the run is live
        await trials.amend(trial.id, trial.draft, by=BY, why="戻す", after_runs=True)


async def test_a_start_without_room_for_its_record_is_taken_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await bench.armed()
    run = await bench.run(booking)

    def full(*_: object) -> None:
        raise StorageFailed(file="run.db", cause="full")

    with monkeypatch.context() as patch:
        patch.setattr(evidence, "open_run", full)
        with pytest.raises(StorageFailed):
            await bench.lab.trials.start(run, by=BY)
    found = (await bench.lab.trials.run(run)).run
    assert (found.state, found.cause) == (RunState.ABORTED, "lab.storage_failed")
    again = await bench.run(booking)
    assert (await bench.lab.trials.start(again, by=BY)).run.state is RunState.RUNNING


async def test_numbers_of_a_live_run_are_up_to_the_moment(bench: Bench) -> None:
    run = await running(bench)
    cycle(bench, "good", 4.0)
    assert "4.0" in await bench.lab.trials.numbers(run)
    assert await bench.lab.trials.numbers(await _planned(bench)) == "{}"
    with pytest.raises(TrialError):
        await bench.lab.trials.numbers("nobody")


async def _planned(bench: Bench) -> str:
    trial = (await bench.lab.trials.trials())[0].id
    return (await bench.lab.trials.plan_run(trial, "標準", "佐倉 花")).run.id


async def test_a_run_left_live_is_interrupted_with_all_it_recorded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        async with site.open() as bench:
            run = await running(bench)
            cycle(bench, "good")
            await bench.lab.recorder.flush()
            patch.setattr(trials_module.store, "live_runs", lambda db: [])  # it dies, ends nothing
    async with site.open() as bench:
        found = await bench.lab.trials.run(run)
        assert (found.run.state, found.run.cause) == (
            RunState.INTERRUPTED,
            "lab.controller_restarted",
        )
        assert counts(found) == {"good": 1}
        last = bench.lab.trials.read_evidence(run, record.moves, [])[-1]
        assert (last.state, last.cause) == (RunState.INTERRUPTED, "lab.controller_restarted")
        gaps = bench.lab.trials.read_evidence(run, record.gap_edges, [])
        assert (gaps[-1].device, gaps[-1].opened) == ("*", True)
        await proved(bench, run)
        once = await heads(bench, run)
        await bench.lab.trials.interrupt_left_open()
        assert await heads(bench, run) == once


async def test_an_end_that_was_not_written_is_written_at_the_next_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.open() as bench:
        run = await running(bench)
        bench.clock.go(10)

        def full(*_: object, **__: object) -> None:
            raise StorageFailed(file="run.db", cause="full")

        with monkeypatch.context() as patch:
            patch.setattr(evidence, "append_segment", full)
            with pytest.raises(StorageFailed):
                await bench.lab.trials.finish(run, by=BY)
        ended = (await bench.lab.trials.run(run)).run.ended
        bench.clock.go(3600)
    async with site.open() as bench:
        last = bench.lab.trials.read_evidence(run, record.moves, [])[-1]
        assert (last.state, last.at) == (RunState.FINISHED, ended)
        await proved(bench, run)


async def test_a_damaged_record_does_not_keep_the_lab_closed(site: Site) -> None:
    async with site.open() as bench:
        run = await running(bench)
        await bench.lab.trials.finish(run, by=BY)
        path = bench.lab.recorder.path(run)
    path.write_bytes(b"not a database" * 100)
    db = connect(site.folder / "data" / "lab.db")
    with db.atomic():
        db.execute("DELETE FROM trial_run_head")
    db.close()
    async with site.open() as bench:
        assert (await bench.lab.trials.trials())[0].draft.title == "治具"


async def test_a_fresh_lab_has_no_trials_and_counts_their_days(bench: Bench) -> None:
    assert await bench.lab.trials.trials() == []
    booking = await bench.checked_in()
    assert await bench.trial(booking) == "T20261120-01"
    bench.clock.go(14 * 3600)  # past midnight in Tokyo, still the 20th in UTC
    assert await bench.trial(booking) == "T20261121-01"
    assert [one.id for one in await bench.lab.trials.trials(booking.id)] == [
        "T20261121-01",
        "T20261120-01",
    ]
