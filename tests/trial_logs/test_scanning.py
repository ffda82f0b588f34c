"""One code means one thing, however the reader sends it; undo takes back one thing at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs import day
from tests.trial_logs.day import NOW, SECOND
from trial_logs import evidence, record, store
from trial_logs.errors import NotPossibleNow
from trial_logs.model import Batch, Condition, Correction, PartEvent, PartSource, RunHeader, Verdict
from trial_logs.protocol import StopCause
from trial_logs.scanning import (
    FIXED,
    USUAL_CAUSES,
    Key,
    Kind,
    Meaning,
    OtherCondition,
    UnknownCode,
    keys,
    read,
)
from trial_logs.taking_back import undo, undo_part

HEADER = RunHeader(
    run_id="T20261120-01-R1",
    trial_id="T20261120-01",
    number=1,
    equipment_id="bench",
    condition=Condition("標準"),
    operator="x",
    simulated=False,
    stop_causes=(StopCause("chip_wrap", "切粉の巻き付き"),),
)
CONDITIONS = ["標準", "高速"]
TO_WIDE = {n: n + 0xFEE0 for n in range(0x21, 0x7F)}


@pytest.mark.parametrize("key", keys(HEADER, ["標準"]), ids=lambda key: str(key.code))
def test_every_key_of_the_sheet_is_read_in_any_width_and_case(key: Key) -> None:
    for sent in (key.code, key.code.lower(), key.code.translate(TO_WIDE), f" {key.code}\r\n"):
        assert read(sent, HEADER, CONDITIONS) == key.meaning


def test_the_plans_own_causes_come_first() -> None:
    shown = [key.meaning for key in keys(HEADER, CONDITIONS)]
    causes = [meaning.value for meaning in shown if meaning.kind is Kind.STOP_CAUSE]
    assert causes == ["chip_wrap", *USUAL_CAUSES]


def test_what_codes_mean() -> None:
    assert read("GOOD", HEADER, CONDITIONS) == Meaning(Kind.PART, "good")
    assert read("stop-chip-wrap", HEADER, CONDITIONS) == Meaning(Kind.STOP_CAUSE, "chip_wrap")
    assert read("chip_wrap", HEADER, CONDITIONS) == Meaning(Kind.STOP_CAUSE, "chip_wrap")
    assert read("COND-標準", HEADER, CONDITIONS) == Meaning(Kind.CONDITION, "標準")
    assert read("sn-Ab_12", HEADER, CONDITIONS) == Meaning(Kind.SERIAL, "Ab_12")
    with pytest.raises(OtherCondition, match="高速"):
        read("COND-2", HEADER, CONDITIONS)


@given(st.text(max_size=12))
def test_any_other_code_is_answered_never_guessed(code: str) -> None:
    try:
        meaning = read(code, HEADER, CONDITIONS)
    except (UnknownCode, OtherCondition):
        return
    known = {key.meaning for key in keys(HEADER, CONDITIONS)} | set(FIXED.values())
    assert meaning in known or meaning.kind is Kind.SERIAL


def test_undo_takes_back_one_thing_after_the_other(lab: Database) -> None:
    trial = store.get_trial(lab, "T20261120-01")
    db = Database(memory=True)
    evidence.open_run(db, replace(store.run_header(trial, day.planned_run(lab))), NOW)
    parts = [
        PartEvent(NOW + SECOND, Verdict.UNJUDGED, PartSource.DEVICE),
        PartEvent(NOW + 2 * SECOND, Verdict.GOOD, PartSource.OPERATOR, by="Sakura"),
        PartEvent(NOW + 3 * SECOND, Verdict.GOOD, PartSource.DEVICE),
    ]
    evidence.append_segment(db, Batch(parts=parts), NOW)
    judged = Correction(NOW + 4 * SECOND, "part_event", 1, "Sakura", "judged", Verdict.SCRAP)
    evidence.append_segment(db, Batch(corrections=(judged,)), NOW)

    def verdicts() -> list[str]:
        return [part.verdict.value for part in record.parts(db)]

    seen = [verdicts()]
    for second in (5, 6):
        told = undo_part(db)
        fix = undo(db, by="Sakura", why="", now=NOW + second * SECOND)
        assert fix.row == told
        evidence.append_segment(db, Batch(corrections=(fix,)), NOW)
        seen.append(verdicts())
    assert seen == [
        ["scrap", "good", "good"],
        ["unjudged", "good", "good"],
        ["unjudged", "void", "good"],
    ]
    assert undo_part(db) is None
    with pytest.raises(NotPossibleNow, match="nothing_to_undo"):
        undo(db, by="Sakura", why="", now=NOW)
    assert [(fix.by, fix.why) for fix in record.corrections(db)][1:] == [("Sakura", "undone")] * 2
