"""Parts measured again by several people tell how much of the spread is the measuring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlite_utils import Database

from tests.trial_logs.day import NOW, planned_run
from tests.trial_logs.published import HOUF, study
from trial_logs import evidence, store, texts
from trial_logs.chapters.gauge import gauge_chapter
from trial_logs.content import MeasurementRow, ReportContent, run_section
from trial_logs.inference.gauge import gauge_study
from trial_logs.model import Batch, Limit, Measurement

Day = tuple[Database, list[Database], ReportContent]
JA = texts.load("ja")
HOLE = Limit("穴径", 37.0, 10.0, "mm")
READINGS = study(HOUF)


def measured(day: ReportContent, rows: Iterable[tuple[str, str, float]]) -> ReportContent:
    """The day with only these measurements, in its first run."""
    taken = tuple(
        MeasurementRow(n, HOLE.characteristic, value, "mm", "ノギス", by, int(part[1:]))
        for n, (part, by, value) in enumerate(rows)
    )
    first, *rest = day.runs
    runs = (replace(first, measurements=taken), *(replace(run, measurements=()) for run in rest))
    return replace(day, runs=runs, limits=(HOLE,))


def texts_of(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(texts_of(each) for each in value.values())
    return " ".join(map(texts_of, value)) if isinstance(value, list | tuple) else str(value)


def test_a_study_among_the_trials_measurements_is_printed(recorded: Day) -> None:
    once = [("P99", "A", 12.0), ("P98", "A", 13.0)]  # an inspection is no study
    said = texts_of(list(gauge_chapter(measured(recorded[2], [*READINGS, *once]), JA)))
    found = gauge_study(READINGS, tolerance=20.0)
    assert found.grr_study is not None
    assert JA["report.gauge_study"] in said
    assert "穴径　ノギス" in said
    for each in found.components:
        assert JA[each.source] in said
        assert f"{each.share_study:.1%}" in said
        assert each.share_tolerance is not None
        assert f"{each.share_tolerance:.1%}" in said
    assert f"{found.grr_study.low:.1%}" in said
    assert "10個の部品を3人が3回ずつ" in said
    assert JA["interval.mls_ratio"] in said


def test_a_part_measured_again_is_no_second_part(lab: Database) -> None:
    db = Database(memory=True)
    trial, run = store.get_trial(lab, "T20261120-01"), planned_run(lab)
    evidence.open_run(db, store.run_header(trial, run), NOW)
    taken = [(25.01, 1), (25.02, 1), (25.04, 2), (25.03, None), (25.05, None)]
    measurements = [
        Measurement(NOW, "位置決め幅", v, "mm", "ノギス", "花子", no) for v, no in taken
    ]
    evidence.append_segment(db, Batch(measurements=measurements), NOW)
    [values] = [
        list(each.values)
        for each, _ in run_section(db).inference.capability
        if each.characteristic == "位置決め幅"
    ]
    assert values == [25.01, 25.04, 25.03, 25.05]
    db.close()


def test_what_is_no_study_is_not_printed_and_a_torn_one_says_so(recorded: Day) -> None:
    assert list(gauge_chapter(recorded[2], JA)) == []
    alone = [each for each in READINGS if each[1] == "A"]
    assert list(gauge_chapter(measured(recorded[2], alone), JA)) == []
    torn = texts_of(list(gauge_chapter(measured(recorded[2], READINGS[:-1]), JA)))
    assert JA["gauge.unbalanced"] in torn
    assert JA["gauge.grr"] not in torn
