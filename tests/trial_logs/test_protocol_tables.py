"""Protocols in lab.db: written and read back, and a database of the release that knew none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs.day import DRAFT, NOW
from trial_logs import evidence, migrations, record, store
from trial_logs.errors import Unknown
from trial_logs.model import Condition, Limit
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

PROTOCOL = Protocol(
    template="pick_and_place",
    baseline=Baseline(
        "手作業で並べる", None, (6.1, 5.8, 7.0), 0.5, 3, 200, 2400, 120_000, "現場で10分計った"
    ),
    factors=(Factor("速度", ("50", "80"), "%"), Factor("ハンド", ("吸着", "平行"))),
    lots=(Lot("午前の材料", 120, "A社"), Lot("午後の材料")),
    sample=SampleSize(30, 2),
    stop_rules=(StopRule(StopKind.SCRAP_SHARE, 0.2), StopRule(StopKind.SAFETY_STOP)),
    stop_causes=(StopCause("part_jam", "ワークのつまり"),),
    planned_cycle_s=4.5,
    microstop_s=120.0,
    randomised=True,
    seed=20261120,
)
LIMITS = (
    Limit("幅", 25.0, 0.1, "mm", "デジタルノギス M-03"),
    Limit("面の粗さ", None, None, "um", "粗さ計", high=3.2),
    Limit("穴径", 5.0, None, "mm", low=4.98, high=5.05),
)
CONDITIONS = (
    Condition("遅い・吸着", {"速度": "50%", "ハンド": "吸着"}),
    Condition("速い・平行", {"速度": "80", "ハンド": "平行"}, DRAFT.conditions[0].bands),
)
FULL = replace(DRAFT, protocol=PROTOCOL, limits=LIMITS, conditions=CONDITIONS)


def test_a_protocol_comes_back_as_it_was_stored(lab: Database) -> None:
    store.create_trial(lab, "T9", FULL, NOW)
    assert store.get_trial(lab, "T9").draft == FULL
    assert store.create_trial(lab, "T9", FULL, NOW).id == "T9"


def test_the_evidence_carries_what_its_numbers_need(lab: Database) -> None:
    trial = store.create_trial(lab, "T9", FULL, NOW)
    run = store.plan_run(
        lab, "T9", CONDITIONS[1].name, operator="o", simulated=True,
        lot="午後の材料", rehearsal=True,
    )  # fmt: skip
    header = store.run_header(trial, run)
    file = Database(memory=True)
    evidence.open_run(file, header, NOW)
    found = record.read_header(file)
    assert found == header
    assert (found.lot, found.rehearsal, found.simulated) == ("午後の材料", True, True)
    assert (found.planned_cycle_s, found.microstop_s) == (4.5, 120.0)
    assert (found.limits, found.stop_causes) == (LIMITS, PROTOCOL.stop_causes)
    with pytest.raises(Unknown, match=r"trial\.unknown_lot"):
        store.plan_run(lab, "T9", run.condition, operator="", simulated=False, lot="夜")


NEW_IN_HEADER = ("lot", "rehearsal", "planned_cycle_s", "microstop_s", "stop_causes")


def test_evidence_of_the_previous_release_is_read(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    run = store.plan_run(lab, trial.id, trial.draft.conditions[0].name, operator="", simulated=True)
    header = store.run_header(trial, run)
    file = Database(memory=True)
    evidence.open_run(file, header, NOW)
    marks = ", ".join("?" * len(NEW_IN_HEADER))
    file.execute(f"DELETE FROM header WHERE name IN ({marks})", NEW_IN_HEADER)  # noqa: S608
    file.execute(
        'UPDATE header SET value = \'[{"characteristic":"幅","nominal":25.0,'
        '"tolerance":0.1,"unit":"mm"}]\' WHERE name = \'limits\''
    )
    assert record.read_header(file) == replace(header, limits=(Limit("幅", 25.0, 0.1, "mm"),))


def test_a_database_of_the_previous_release_keeps_its_trials(tmp_path: Path) -> None:
    db = Database(tmp_path / "lab.db")
    db.execute("PRAGMA foreign_keys = on")
    migrations.lab.apply(db, stop_before="m002_protocols")
    trial = {"id": "T1", "booking_id": "b", "party_id": "p", "equipment_id": "e", "title": "題"}
    texts = dict.fromkeys(("question", "part", "material", "baseline"), "")
    db.table("trial_trial").insert(
        trial | texts | {"confidentiality": "party", "created_ms": 1_700_000_000_000}
    )
    db.execute("INSERT INTO trial_limit VALUES ('T1', 0, '幅', 25.0, 0.1, 'mm')")
    db.execute("INSERT INTO trial_condition VALUES ('T1', 0, '標準', '{}', '[]')")
    db.execute(
        "INSERT INTO trial_run (id, trial_id, equipment_id, number, condition, operator, simulated,"
        " state) VALUES ('T1-R1', 'T1', 'e', 1, '標準', '', 0, 'planned')"
    )
    db.close()

    db = Database(tmp_path / "lab.db")
    db.execute("PRAGMA foreign_keys = on")
    migrations.lab.apply(db)
    found = store.get_trial(db, "T1")
    assert found.draft.limits == (Limit("幅", 25.0, 0.1, "mm"),)
    assert found.draft.protocol == Protocol()
    assert store.start_run(db, "T1-R1", NOW).lot == ""
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


@settings(max_examples=40, deadline=None)
@given(
    nominal=st.integers(-10_000, 10_000).map(lambda n: n / 100),
    tolerance=st.integers(0, 1000).map(lambda n: n / 1000),
)
def test_the_sides_of_a_limit_are_the_decimals_as_written(nominal: float, tolerance: float) -> None:
    limit = Limit("幅", nominal, tolerance, "mm")
    assert limit.lower == round(nominal - tolerance, 6)
    assert limit.upper == round(nominal + tolerance, 6)
