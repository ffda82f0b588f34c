"""The times and indicators of a recorded run, and files that were made before there were any."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlite_utils import Database

from tests.trial_logs import day
from tests.trial_logs.day import NOW, SECOND
from trial_logs import context_record, evidence, migrations, store
from trial_logs.chain import TABLES
from trial_logs.context import Consumable, Mode, ModeSet, OrderEdge, Serial, StopExplained
from trial_logs.elements import Seen, Story, pieces
from trial_logs.errors import EvidenceClosed, Invalid
from trial_logs.metrics import NO_DATA, Figure
from trial_logs.model import (
    Batch,
    Correction,
    DeviceStateSeen,
    GapEdge,
    PartEvent,
    PartSource,
    RunMoved,
    RunState,
    Verdict,
)
from trial_logs.proof import verify
from trial_logs.run_times import NO_PLANNED_CYCLE, UNJUDGED, UNKNOWN_IDLE, UNKNOWN_TIME, kado
from trial_logs.summary import RunNumbers, numbers_json, summarise
from trial_logs.times import Element

CONTEXT = ("mode", "stop_cause", "consumable", "order_edge", "serial")


def later(seconds: float) -> timedelta:
    return seconds * SECOND


def an_hour(lab: Database, *, planned_cycle_s: float | None) -> Database:
    """600 s set-up, 2400 s work with a 120 s stop, then 600 s waiting; 20 parts, 18 good."""
    trial = store.get_trial(lab, "T20261120-01")
    header = replace(
        store.run_header(trial, day.planned_run(lab)),
        planned_cycle_s=planned_cycle_s,
        machines=("printer-1",),
    )
    db = Database(memory=True)
    evidence.open_run(db, header, NOW)

    def seen(after: float, operation: str, cause: str = "") -> DeviceStateSeen:
        at = NOW + later(after)
        return DeviceStateSeen(at, "printer-1", "online", operation, "none", cause)

    states = [
        seen(0, "idle"),
        seen(600, "busy"),
        seen(1000, "fault", "driver.jam"),
        seen(1120, "busy"),
        seen(3000, "idle"),
    ]
    parts = [
        PartEvent(NOW + later(700 + 110 * n), Verdict.GOOD, PartSource.DEVICE, 100.0)
        for n in range(20)
    ]
    said = Batch(
        states=states,
        parts=parts,
        orders=(OrderEdge(NOW, True, "b-0007"),),
        modes=(
            ModeSet(NOW, Mode.SETUP, "Sakura"),
            ModeSet(NOW + later(600), Mode.PRODUCTION, "Sakura"),
        ),
        consumables=(
            Consumable(NOW, "ノズル", 1, "1", "Sakura"),
            Consumable(NOW, "ノズル", 2, "1", "Sakura"),
            Consumable(NOW, "ノズル", -1, "1", "Sakura", "数え間違い"),
        ),
        explained=(
            StopExplained(NOW, NOW + later(1000), "printer-1", "wrong", "", "Sakura"),
            StopExplained(NOW, NOW + later(1000), "printer-1", "jam", "切粉", "Sakura"),
        ),
        serials=(Serial(NOW, 3, "A-3", "Sakura"), Serial(NOW, 3, "A-0003", "Sakura")),
    )
    evidence.append_segment(db, said, NOW)
    fixes = [Correction(NOW, "part_event", row, "Sakura", "割れ", Verdict.SCRAP) for row in (1, 5)]
    evidence.append_segment(db, Batch(corrections=fixes), NOW)
    end = RunMoved(NOW + later(3600), RunState.FINISHED, "Sakura")
    evidence.append_segment(db, Batch(moves=(end,)), NOW)
    return db


def test_the_times_of_an_hour_and_what_is_made_of_them(lab: Database) -> None:
    db = an_hour(lab, planned_cycle_s=90.0)
    numbers = summarise(db)
    times = numbers.times
    found = {element: seconds for element, seconds in times.seconds.items() if seconds}
    assert found == {Element.SETUP: 600.0, Element.PRODUCTION: 2280.0, Element.DELAY: 720.0}
    assert times.availability.inputs == (("APT", 2280.0), ("PBT", 3600.0))
    assert times.availability.figure == Figure(2280 / 3600)
    assert times.effectiveness.figure == Figure(90 * 20 / 2280)
    assert times.quality.figure == Figure(18 / 20)
    assert times.oee.figure.value == pytest.approx(90 * 18 / 3600)
    assert times.setup_ratio.figure == Figure(600 / 2880)
    assert times.bekido.inputs == (("W", 3000.0), ("S", 120.0))
    assert times.bekido.figure == Figure(2880 / 3000)
    assert times.kado.figure == Figure(2280 / 3600)
    assert (times.first_part_s, times.first_good_s) == (Figure(700.0), Figure(810.0))
    (stop,) = times.stops
    assert (stop.cause, stop.text, stop.micro, stop.seconds) == ("jam", "切粉", True, 120.0)
    assert (times.micro_count, times.micro_s, times.order_known) == (1, 120.0, True)
    assert (numbers.throughput_per_h, numbers.good_per_h) == (Figure(20.0), Figure(18.0))
    (nozzles,) = numbers.consumables
    assert (nozzles.amount, nozzles.per_part) == (2.0, Figure(0.1))
    assert {no: one.serial for no, one in context_record.serials(db).items()} == {3: "A-0003"}
    told = json.loads(numbers_json(numbers))
    assert told["format"] == 2
    assert "spans" not in told["times"]
    assert len(told["times"]["stops"]) == 1


def test_a_machine_that_works_while_it_is_set_up_is_loaded_too() -> None:
    states = [
        Seen(0, "arm", "online", "busy", "normal"),
        Seen(60, "arm", "online", "idle", "normal"),
    ]
    story = Story(0, 100, ("arm",), states, modes=[(0, Mode.SETUP), (40, Mode.PRODUCTION)])
    assert kado(list(pieces(story))).inputs == (("B", 60e-6), ("C", 100e-6))


def test_what_cannot_be_had_says_why(lab: Database) -> None:
    times = summarise(an_hour(lab, planned_cycle_s=None)).times
    assert times.effectiveness.figure == times.oee.figure == Figure(None, NO_PLANNED_CYCLE)
    assert times.quality.figure == Figure(0.9)


def test_an_unjudged_part_leaves_quality_open_and_no_part_leaves_nothing(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    db = Database(memory=True)
    evidence.open_run(db, store.run_header(trial, day.planned_run(lab)), NOW)
    assert summarise(db).times.quality.figure == Figure(None, NO_DATA)
    part = PartEvent(NOW + SECOND, Verdict.UNJUDGED, PartSource.DEVICE)
    evidence.append_segment(db, Batch(parts=(part,)), NOW)
    times = summarise(db).times
    assert times.quality.figure == Figure(None, UNJUDGED)
    assert times.seconds[Element.UNKNOWN] == 1.0  # no machine was ever seen
    assert times.availability.figure == Figure(None, NO_DATA)


def test_the_seconds_sum_up_to_the_run(
    recorded: tuple[Database, list[Database], object],
) -> None:
    for db in recorded[1]:
        numbers: RunNumbers = summarise(db)
        us = [span.t1_us - span.t0_us for span in numbers.times.spans]
        assert sum(us) / 1e6 == numbers.elapsed_s
        assert sum(round(each * 1e6) for each in numbers.times.seconds.values()) == sum(us)


def test_what_is_over_takes_no_mode_and_nothing_is_taken_back_without_a_reason(
    run_db: Database,
) -> None:
    with pytest.raises(EvidenceClosed):
        evidence.append_segment(run_db, Batch(modes=(ModeSet(NOW, Mode.SETUP, "x"),)), NOW)
    for amount, why in ((-1.0, " "), (float("nan"), "")):
        used = Consumable(NOW, "wire", amount, "m", "x", why)
        with pytest.raises(Invalid):
            evidence.append_segment(run_db, Batch(consumables=(used,)), NOW)


def test_a_file_of_an_earlier_release_is_read_proved_and_added_to(
    lab: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_release(db: Database) -> None:
        migrations.evidence.apply(db, stop_before="m002_context")

    with monkeypatch.context() as then:
        then.setattr(evidence, "migrations", SimpleNamespace(apply=first_release))
        then.setattr(evidence, "TABLES", {})
        old = day.recorded_run(lab, 1, NOW, parts=6, minutes=3)
    new = day.recorded_run(lab, 2, NOW + later(600), parts=6, minutes=3)
    assert set(TABLES) - set(old.table_names()) == {*CONTEXT, "rollup"}
    heads = [head for (head,) in old.execute("SELECT head FROM segment ORDER BY n")]
    assert verify(old, heads) == []
    before = summarise(old)
    assert not before.times.order_known
    assert before.consumables == ()
    assert numbers_json(summarise(new)) != ""

    evidence.append_segment(old, Batch(gaps=()), NOW)  # nothing is added without a row
    used = Consumable(NOW, "wire", 1.5, "m", "Sakura")
    evidence.append_segment(old, Batch(consumables=(used,)), NOW)
    assert verify(old, heads) != []  # a segment more than was recorded elsewhere, and only that
    assert [one.code for one in verify(old, heads)] == ["evidence.segments_unrecorded"]
    after = summarise(old)
    assert [(one.name, one.amount) for one in after.consumables] == [("wire", 1.5)]
    assert replace(after, consumables=()) == before


def test_a_gap_edge_of_everything_hides_every_machine(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    db = Database(memory=True)
    header = replace(store.run_header(trial, day.planned_run(lab)), machines=("arm",))
    evidence.open_run(db, header, NOW)
    seen = DeviceStateSeen(NOW, "arm", "online", "busy", "normal")
    gaps = (GapEdge(NOW + later(10), "*", True, "full"), GapEdge(NOW + later(25), "*", False))
    moved = RunMoved(NOW + later(40), RunState.FINISHED, "x")
    evidence.append_segment(db, Batch(states=(seen,), gaps=gaps, moves=(moved,)), NOW)
    times = summarise(db).times
    assert times.seconds[Element.PRODUCTION] == 25.0
    assert times.seconds[Element.UNKNOWN] == 15.0
    assert times.availability.figure == Figure(1.0, UNKNOWN_TIME)
    assert times.kado.figure == Figure(25 / 40, UNKNOWN_IDLE)
    assert not times.order_known
