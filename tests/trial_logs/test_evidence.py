"""What a run recorded can be read back, is never changed, and says so when it was."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlite_utils import Database

from tests.trial_logs.day import NOW, NOZZLE, POWER, bad_sample, planned_run
from trial_logs import evidence, record, store
from trial_logs.chain import TABLES, canonical, last_segment, lines
from trial_logs.errors import AlreadyExists, EvidenceClosed, EvidenceMissing, Invalid
from trial_logs.model import (
    Batch,
    Correction,
    Measurement,
    Note,
    PartEvent,
    PartSource,
    Quality,
    RunMoved,
    RunState,
    Sample,
    Verdict,
)
from trial_logs.proof import verify
from trial_logs.stamps import to_us

AT = to_us(NOW)


@pytest.fixture
def fresh(lab: Database) -> Iterator[Database]:
    trial = store.get_trial(lab, "T20261120-01")
    db = Database(memory=True)
    evidence.open_run(db, store.run_header(trial, planned_run(lab)), NOW)
    yield db
    db.close()


def test_the_header_comes_back_whole(lab: Database, fresh: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    run = store.get_run(lab, "T20261120-01-R1")
    assert record.read_header(fresh) == store.run_header(trial, run)
    assert [move.state for move in record.moves(fresh)] == [RunState.RUNNING]


def test_a_run_is_opened_once_and_before_anything_else(lab: Database, fresh: Database) -> None:
    with pytest.raises(AlreadyExists, match=r"evidence\.exists"):
        evidence.open_run(fresh, record.read_header(fresh), NOW)
    empty = Database(memory=True)
    with pytest.raises(EvidenceMissing):
        evidence.append_segment(empty, Batch(), NOW)
    with pytest.raises(EvidenceMissing):
        record.read_header(empty)
    empty.close()


def test_what_was_appended_is_read_back(fresh: Database) -> None:
    samples = [
        Sample(NOZZLE, AT, 210.25),
        Sample(POWER, AT, 88.0, Quality.UNCERTAIN, AT - 5),
        bad_sample(NOZZLE, NOW + timedelta(seconds=1)),
    ]
    part = PartEvent(NOW, Verdict.GOOD, PartSource.DEVICE, 41.5)
    width = Measurement(NOW, "幅", 25.02, "mm", "ノギス", "花子", 1)
    note = Note(NOW, "=危険な式ではない", "花子")
    segment = evidence.append_segment(
        fresh, Batch(readings=samples, parts=[part], measurements=[width], notes=[note]), NOW
    )
    assert segment.ranges["reading"] == (1, 3)
    assert list(record.readings(fresh, NOZZLE)) == [samples[0], samples[2]]
    assert record.run_span(fresh) == (to_us(NOW), samples[2].t_us)  # a live run: to its newest
    plan = fresh.execute(f"EXPLAIN QUERY PLAN {record.NEWEST_READING}").fetchall()
    assert not any(row[3] == "SCAN reading" for row in plan)
    assert list(record.all_readings(fresh)) == samples
    assert [each.event for each in record.parts(fresh)] == [part]
    assert [each.measurement for each in record.measurements(fresh)] == [width]
    assert record.notes(fresh) == [note]
    assert verify(fresh) == []


def test_an_empty_batch_adds_no_segment(fresh: Database) -> None:
    before = last_segment(fresh)
    assert evidence.append_segment(fresh, Batch(), NOW) == before


def test_what_is_no_number_is_stored_as_bad(fresh: Database) -> None:
    values = (math.nan, math.inf, -math.inf)
    batch = Batch(readings=[Sample(NOZZLE, AT + n, v) for n, v in enumerate(values)])
    evidence.append_segment(fresh, batch, NOW)
    found = [(s.value, s.quality) for s in record.readings(fresh, NOZZLE)]
    assert found == [(None, Quality.BAD)] * 3
    assert verify(fresh) == []


def test_bad_input_stores_nothing(fresh: Database) -> None:
    before = last_segment(fresh)
    width = Measurement(NOW, "幅", math.nan, "mm", "ノギス", "花子")
    unsigned = Correction(NOW, "part_event", 9, "", "", Verdict.VOID)
    with pytest.raises(Invalid) as refused:
        evidence.append_segment(
            fresh,
            Batch(measurements=[width], corrections=[unsigned], notes=[Note(NOW, "x", "y")]),
            NOW,
        )
    assert [each.code for each in refused.value.problems] == [
        "trial.value_not_finite",
        "trial.correction_unsigned",
        "trial.correction_of_nothing.part_event",
    ]
    assert last_segment(fresh) == before
    assert record.notes(fresh) == []


def test_a_failing_segment_leaves_no_half(fresh: Database) -> None:
    part = PartEvent(NOW, Verdict.GOOD, PartSource.DEVICE)
    broken = Sample(NOZZLE, AT, 1.0, source_us="yesterday")  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        evidence.append_segment(fresh, Batch(parts=[part], readings=[broken]), NOW)
    assert record.series(fresh) == []
    assert record.parts(fresh) == []
    assert verify(fresh) == []


def test_corrections_keep_the_first_word(run_db: Database) -> None:
    voided = record.parts(run_db)[2]
    assert (voided.event.verdict, voided.verdict) == (Verdict.GOOD, Verdict.VOID)
    assert voided.corrected is not None
    assert voided.corrected.by == "職員 中村"
    fixed = record.measurements(run_db)[1]
    assert fixed.value == 30.09
    assert fixed.measurement.value != 30.09


def test_after_the_end_only_words_of_people_are_taken(run_db: Database) -> None:
    with pytest.raises(EvidenceClosed):
        evidence.append_segment(run_db, Batch(readings=[Sample(NOZZLE, AT, 1.0)]), NOW)
    with pytest.raises(EvidenceClosed):
        evidence.append_segment(run_db, Batch(moves=[RunMoved(NOW, RunState.RUNNING, "x")]), NOW)
    fix = Correction(NOW, "part_event", 1, "花子", "傷を見落とした", Verdict.SCRAP)
    evidence.append_segment(run_db, Batch(corrections=[fix]), NOW)
    assert record.parts(run_db)[0].verdict is Verdict.SCRAP


class TakenBack(Exception):
    """Ends a tampering and undoes it."""


@contextmanager
def tampering(db: Database) -> Iterator[None]:
    """What is done inside must be found by verify; afterwards it is undone."""
    with suppress(TakenBack), db.atomic():
        yield
        assert verify(db) != []
        raise TakenBack
    assert verify(db) == []


def rows(db: Database, table: str) -> list[int]:
    return [pk for pk, _ in db.table(table).pks_and_rows_where()]


@pytest.mark.parametrize("table", [*TABLES, "segment"])
def test_a_row_taken_away_is_found(run_db: Database, table: str) -> None:
    for row in rows(run_db, table)[:5]:
        with tampering(run_db):
            run_db.table(table).delete(row)


def test_a_row_slipped_in_is_found(run_db: Database) -> None:
    run_db.execute("INSERT INTO note (t_us, text, by) VALUES (1, 'x', 'y')")
    assert [each.code for each in verify(run_db)] == ["evidence.rows_unchained"]


def test_a_table_torn_out_is_found(run_db: Database) -> None:
    run_db.execute("DROP TABLE note")
    assert [each.code for each in verify(run_db)] == ["evidence.unreadable"]


def test_a_chain_cut_short_is_found_by_the_recorded_head(run_db: Database) -> None:
    end = last_segment(run_db)
    assert end is not None
    assert verify(run_db, [end.head]) == []
    for table, (first, _) in end.ranges.items():
        run_db.table(table).delete_where("id >= ?", [first])
    run_db.execute("DELETE FROM segment WHERE n = ?", [end.n])
    assert verify(run_db) == []
    assert [each.code for each in verify(run_db, [end.head])] == ["evidence.head_missing"]


def test_segments_after_the_recorded_head_are_told(run_db: Database) -> None:
    end = last_segment(run_db)
    assert end is not None
    evidence.append_segment(run_db, Batch(notes=[Note(NOW, "後から", "花子")]), NOW)
    (difference,) = verify(run_db, [end.head])
    assert difference.code == "evidence.segments_unrecorded"
    assert difference.params == {"count": "1"}


def test_equal_records_give_equal_heads(lab: Database) -> None:
    header = replace(store.run_header(store.get_trial(lab, "T20261120-01"), planned_run(lab)))
    heads = []
    for _ in range(2):
        db = Database(memory=True)
        evidence.open_run(db, header, NOW)
        heads.append(evidence.append_segment(db, Batch(notes=[Note(NOW, "a", "b")]), NOW).head)
        db.close()
    assert heads[0] == heads[1]


@pytest.mark.parametrize("text", ["7", '],["', "],[", "\n", '"'])
def test_rows_written_in_one_go_are_the_lines_of_each(text: str) -> None:
    numbers = [(1, 2, 0.1, None), (2, -3, 1e300, 4)]
    for rows in (numbers, numbers[:1], [*numbers, (3, text, None, 1)]):
        assert lines(rows) == "".join(f"{canonical(row)}\n" for row in rows)
    assert lines(numbers) == "[1,2,0.1,null]\n[2,-3,1e+300,4]\n"
