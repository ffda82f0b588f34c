"""A run's numbers come from its evidence alone, and come again to the byte."""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta

import pytest
from sqlite_utils import Database

from tests.trial_logs.day import ENERGY, NOW, NOZZLE, planned_run
from trial_logs import evidence, store
from trial_logs.content import ReportContent
from trial_logs.model import (
    Batch,
    Correction,
    DeviceStateSeen,
    GapEdge,
    PartEvent,
    PartSource,
    RunMoved,
    RunState,
    Sample,
    Verdict,
)
from trial_logs.spells import spells
from trial_logs.stamps import to_us
from trial_logs.summary import numbers_json, summarise

Day = tuple[Database, list[Database], ReportContent]


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def ten_seconds(lab: Database) -> Database:
    """A run of ten seconds, paused for two, with a part of each kind."""
    db = Database(memory=True)
    trial, run = store.get_trial(lab, "T20261120-01"), planned_run(lab)
    evidence.open_run(db, store.run_header(trial, run, (("plug-1", "energy"),)), NOW)
    readings = [Sample(NOZZLE, to_us(NOW + after(n)), 235.0 if n < 5 else 250.0) for n in range(10)]
    readings += [Sample(ENERGY, to_us(NOW + after(n)), 1.0 + n / 100) for n in range(11)]
    parts = [
        PartEvent(NOW + after(n), verdict, PartSource.OPERATOR, cycle_time_s=2.0 + n)
        for n, verdict in enumerate([Verdict.GOOD, Verdict.SCRAP, Verdict.GOOD])
    ]
    moves = [
        RunMoved(NOW + after(6), RunState.PAUSED, "花子", "材料"),
        RunMoved(NOW + after(8), RunState.RUNNING, "花子"),
        RunMoved(NOW + after(10), RunState.FINISHED, "花子"),
    ]
    evidence.append_segment(db, Batch(readings=readings, parts=parts, moves=moves), NOW)
    return db


def test_the_numbers_of_a_small_run_by_hand(lab: Database) -> None:
    db = ten_seconds(lab)
    found = summarise(db)
    assert (found.elapsed_s, found.running_s, found.paused_s, found.gap_s) == (10, 8, 2, 0)
    assert (found.counts.produced, found.counts.good, found.counts.scrap) == (3, 2, 1)
    assert found.yield_share.value == pytest.approx(2 / 3)
    assert found.cycle_time_s.mean.value == 3.0
    assert found.energy_kwh.value == pytest.approx(0.1)
    assert found.energy_kwh_per_part.value == pytest.approx(0.1 / 3)
    nozzle = found.bands[0]
    assert (nozzle.time.in_s, nozzle.time.above_s, nozzle.time.unknown_s) == (5, 3, 0)
    assert found.bands[1].in_share.code == "number.no_data"
    db.close()


def test_a_meter_counts_from_the_start_to_the_end_of_the_run(lab: Database) -> None:
    db = ten_seconds(lab)
    for seconds in (-5, 20):
        at = to_us(NOW + after(seconds))
        db.execute("INSERT INTO reading (series, t_us, value, quality) VALUES (2, ?, 9, 0)", [at])
    assert summarise(db).energy_kwh.value == pytest.approx(0.1)
    db.close()


def test_a_correction_changes_the_numbers_and_nothing_else(lab: Database) -> None:
    db = ten_seconds(lab)
    void = Correction(NOW, "part_event", 2, "花子", "二度数えた", Verdict.VOID)
    good = Correction(NOW, "part_event", 2, "花子", "やはり良品", Verdict.GOOD)
    evidence.append_segment(db, Batch(corrections=[void]), NOW)
    assert summarise(db).counts.produced == 2
    assert summarise(db).cycle_time_s.n == 2
    evidence.append_segment(db, Batch(corrections=[good]), NOW)
    assert (summarise(db).counts.produced, summarise(db).counts.good) == (3, 3)
    db.close()


def test_numbers_come_again_to_the_byte(recorded: Day) -> None:
    for db in recorded[1]:
        text = numbers_json(summarise(db))
        copy = Database(memory=True)
        db.conn.backup(copy.conn)
        assert numbers_json(summarise(copy)) == text
        assert json.loads(text)["counts"]["produced"] > 0
        copy.close()


def test_a_long_run_is_never_held_whole(lab: Database) -> None:
    """Readings are looked at one by one, a meter's and a band's alike."""
    db = ten_seconds(lab)
    start, many = to_us(NOW), 20_000
    db.execute("DELETE FROM reading")
    db.conn.executemany(
        "INSERT INTO reading (series, t_us, value, quality) VALUES (?, ?, ?, 0)",
        ((1 + n % 2, start + n * 500, 235.0 + n / many) for n in range(many)),
    )
    tracemalloc.start()
    found = summarise(db)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.energy_kwh.value == pytest.approx(1.0, rel=1e-3)
    assert found.bands[0].time.in_s > 7
    assert peak < 500_000
    db.close()


def test_without_a_meter_there_is_no_energy(lab: Database) -> None:
    db = Database(memory=True)
    trial, run = store.get_trial(lab, "T20261120-01"), planned_run(lab)
    evidence.open_run(db, store.run_header(trial, run, (("plug-1", "energy"),)), NOW)
    found = summarise(db)
    assert found.energy_kwh.code == "number.no_data"
    assert found.energy_kwh_per_part.code == "number.no_data"
    db.close()


def test_after_a_crash_the_unrecorded_time_is_a_gap(lab: Database) -> None:
    db = Database(memory=True)
    trial, run = store.get_trial(lab, "T20261120-01"), planned_run(lab)
    evidence.open_run(db, store.run_header(trial, run), NOW)
    evidence.append_segment(db, Batch(readings=[Sample(NOZZLE, to_us(NOW + after(4)), 235.0)]), NOW)
    lost = GapEdge(NOW + after(4), "*", True, "lab.restart")
    over = RunMoved(NOW + after(60), RunState.INTERRUPTED, "", "lab.restart")
    evidence.append_segment(db, Batch(gaps=[lost], moves=[over]), NOW + after(60))
    found = summarise(db)
    assert (found.elapsed_s, found.running_s, found.gap_s) == (60, 4, 56)
    db.close()


def test_stops_pauses_and_gaps_are_told_in_order(lab: Database) -> None:
    db = ten_seconds(lab)
    open_run = Database(memory=True)
    trial, run = store.get_trial(lab, "T20261120-01"), planned_run(lab)
    evidence.open_run(open_run, store.run_header(trial, run), NOW)
    seen = [
        DeviceStateSeen(NOW + after(n), "robot", link, operation, safety, cause)
        for n, link, operation, safety, cause in (
            (1, "online", "busy", "normal", ""),
            (2, "online", "busy", "protective_stop", "robot.c152"),
            (3, "online", "idle", "protective_stop", ""),
            (4, "backoff", "unknown", "unknown", "driver.link_lost"),
            (6, "online", "ready", "normal", ""),
            (7, "online", "fault", "normal", "robot.f1"),
            (8, "backoff", "unknown", "lab_latched", "driver.link_lost"),
        )
    ]
    over = RunMoved(NOW + after(9), RunState.ABORTED, "花子")
    evidence.append_segment(open_run, Batch(states=seen, moves=[over]), NOW)
    told = [(s.kind, (s.t0_us - to_us(NOW)) / 1e6, (s.t1_us - s.t0_us) / 1e6, s.cause)
            for s in spells(open_run)]  # fmt: skip
    assert told == [
        ("protective_stop", 1 + 1, 2, "robot.c152"),
        ("offline", 4, 2, "driver.link_lost"),
        ("fault", 7, 1, "robot.f1"),
        ("lab_latched", 8, 1, ""),
    ]
    assert [(s.kind, s.cause) for s in spells(db)] == [("paused", "材料")]
    open_run.close()
    db.close()
