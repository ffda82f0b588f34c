"""Counted on from look to look, the stops are those of the whole record."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from sqlite_utils import Database

from trial_logs import evidence, record
from trial_logs.model import Batch, Condition, DeviceStateSeen, GapEdge, RunHeader
from trial_logs.run_times import stops_of
from trial_logs.spells import SAFETY_STOPS, stop_word
from trial_logs.stamps import to_us
from trial_logs.stop_tally import NOTHING, STATES, stood

START = datetime(2026, 11, 20, 1, tzinfo=UTC)
MACHINES = ("robot", "feeder")
LINKS = ("online", "online", "online", "offline")
OPERATIONS = ("busy", "busy", "idle", "fault", "paused", "unknown")
SAFETY = ("normal", "normal", "normal", "protective_stop", "lab_latched")


def run_of(machines: tuple[str, ...]) -> Database:
    db = Database(memory=True)
    condition = Condition("standard")
    header = RunHeader("R1", "T1", 1, "e1", condition, "bench", True, machines=machines)
    evidence.open_run(db, header, START)
    return db


def some(draw: random.Random, second: int) -> Batch:
    """A few words around this second, some at the same moment, a few late."""
    states, gaps = [], []
    for _ in range(draw.randrange(5)):
        late = draw.choice([0, 0, 0, 0, 0, 0, 0, 9])
        at = START + timedelta(seconds=second + draw.randrange(3) - late)
        device = draw.choice([*MACHINES, "camera"])
        said = (draw.choice(LINKS), draw.choice(OPERATIONS), draw.choice(SAFETY))
        states.append(DeviceStateSeen(at, device, *said, ""))
        if draw.random() < 0.2:
            gaps.append(GapEdge(at, draw.choice([device, "*"]), draw.random() < 0.5, "x"))
    return Batch(states=states, gaps=gaps)


def safety_stops(db: Database) -> int:
    said = sorted(record.states(db), key=lambda state: state.device)
    words = groupby((state.device, stop_word(state)) for state in said)
    return sum(word in SAFETY_STOPS for (_, word), _ in words)


@pytest.mark.parametrize("machines", [MACHINES, ()], ids=["named", "not named"])
def test_it_is_the_count_of_the_whole_record(machines: tuple[str, ...]) -> None:
    for seed in range(12):
        draw, db, tally, most = random.Random(seed), run_of(machines), NOTHING, 0
        for second in range(0, 48, 3):
            now = START + timedelta(seconds=second + draw.randrange(4))
            evidence.append_segment(db, some(draw, second), now)
            found = stood(db, to_us(now), tally)
            assert found.stops == len(stops_of(db, to_us(now)))
            assert found.safety_stops == safety_stops(db)
            tally, most = found.tally, max(most, found.stops)
        assert most > 1


def test_only_what_is_new_is_read() -> None:
    db = run_of(MACHINES)
    for second in range(5):
        state = DeviceStateSeen(
            START + timedelta(seconds=second), "robot", "online", "busy", "", ""
        )
        evidence.append_segment(db, Batch(states=[state]), START)
    tally = stood(db, to_us(START)).tally
    assert db.execute(STATES, [tally.state_id]).fetchall() == []
    assert stood(db, to_us(START), tally).tally == tally
