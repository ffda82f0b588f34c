"""Any instant of a replay is the fold of every row up to it; stepping goes there and back."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs.day import NOW, SECOND
from trial_logs import context_record, evidence, record
from trial_logs.context import Mode, ModeSet
from trial_logs.errors import EvidenceMissing
from trial_logs.model import (
    Batch,
    Condition,
    Correction,
    DeviceStateSeen,
    GapEdge,
    Measurement,
    Note,
    PartEvent,
    PartSource,
    RunHeader,
    RunMoved,
    RunState,
    Sample,
    Series,
    Verdict,
)
from trial_logs.replay import Moment, Replay
from trial_logs.stamps import to_us

T0 = to_us(NOW)
SERIES = (Series("a", "temp", "Cel"), Series("a", "power", "W"), Series("b", "temp", "Cel"))
LENGTH_S = 60
seconds = st.integers(0, LENGTH_S)
times = seconds.map(lambda s: NOW + s * SECOND)
readings = st.builds(
    lambda series, s, value: Sample(series, T0 + s * 1_000_000, value),
    st.sampled_from(SERIES), seconds, st.none() | st.floats(-1e6, 1e6),
)  # fmt: skip
parts = st.builds(
    lambda at, verdict: PartEvent(at, verdict, PartSource.DEVICE),
    times, st.sampled_from(list(Verdict)),
)  # fmt: skip
states = st.builds(
    lambda at, device, word: DeviceStateSeen(at, device, "online", word, "none"),
    times, st.sampled_from("ab"), st.sampled_from(["busy", "ready", "fault"]),
)  # fmt: skip
gaps = st.builds(GapEdge, times, st.sampled_from(["a", "*"]), st.booleans())
fixes = st.builds(
    lambda at, row, verdict: Correction(at, "part_event", row, "x", "y", verdict),
    times, st.integers(1, 8), st.sampled_from(list(Verdict)),
)  # fmt: skip
moves = st.builds(
    lambda at, state: RunMoved(at, state, "x"),
    times, st.sampled_from([RunState.PAUSED, RunState.RUNNING]),
)  # fmt: skip
modes = st.builds(lambda at, mode: ModeSet(at, mode, "x"), times, st.sampled_from(list(Mode)))
said = st.builds(lambda at: Note(at, "n", "x"), times)


@st.composite
def runs(draw: st.DrawFn) -> Database:
    """A run with rows in any order, several of them on the same instant."""
    db = Database(memory=True)
    header = RunHeader("T1-R1", "T1", 1, "e", Condition("c"), "x", True)
    evidence.open_run(db, header, NOW)
    counted = draw(st.lists(parts, min_size=8, max_size=12))
    evidence.append_segment(db, Batch(parts=counted), NOW)
    batch = Batch(
        readings=draw(st.lists(readings, max_size=25)),
        states=draw(st.lists(states, max_size=8)),
        gaps=draw(st.lists(gaps, max_size=5)),
        corrections=draw(st.lists(fixes, max_size=8)),
        moves=draw(st.lists(moves, max_size=4)),
        modes=draw(st.lists(modes, max_size=3)),
        notes=draw(st.lists(said, max_size=3)),
    )
    evidence.append_segment(db, batch, NOW)
    end = NOW + timedelta(seconds=LENGTH_S)
    evidence.append_segment(db, Batch(moves=(RunMoved(end, RunState.FINISHED, "x"),)), end)
    return db


def folded(db: Database, replay: Replay, t_us: int) -> Moment:
    """The state by brute force: every row of the record, in order of time, one after the other."""
    state: RunState | None = None
    readings: dict[Series, Sample] = {}
    states: dict[str, DeviceStateSeen] = {}
    dark: dict[str, bool] = {}
    for move in sorted(record.moves(db), key=lambda row: row.at):
        state = move.state if to_us(move.at) <= t_us else state
    for sample in sorted(record.all_readings(db), key=lambda row: row.t_us):
        if sample.t_us <= t_us:
            readings[sample.series] = sample
    for seen in sorted(record.states(db), key=lambda row: row.at):
        if to_us(seen.at) <= t_us:
            states[seen.device] = seen
    for edge in sorted(record.gap_edges(db), key=lambda row: row.at):
        if to_us(edge.at) <= t_us:
            dark[edge.device] = edge.opened
    mode: Mode | None = None
    for said_so in sorted(context_record.modes(db), key=lambda row: row.at):
        mode = said_so.mode if to_us(said_so.at) <= t_us else mode
    fixed = {fix.row: fix.verdict for fix in record.corrections(db) if to_us(fix.at) <= t_us}
    counts = dict.fromkeys(Verdict, 0)
    for part in record.parts(db):
        if to_us(part.event.at) <= t_us:
            counts[fixed.get(part.no) or part.event.verdict] += 1
    return Moment(
        t_us,
        state,
        mode,
        tuple(readings[series] for series in replay.series if series in readings),
        tuple(states[device] for device in sorted(states)),
        tuple(device for device in sorted(dark) if dark[device]),
        counts,
    )


@settings(max_examples=40, deadline=None)
@given(db=runs(), at=st.lists(st.integers(-1, LENGTH_S + 1), min_size=1, max_size=6))
def test_any_instant_is_the_fold_of_every_row_up_to_it(db: Database, at: list[int]) -> None:
    replay = Replay(db)
    for second in at:
        t_us = T0 + second * 1_000_000
        assert replay.at(t_us) == folded(db, replay, t_us)


@settings(max_examples=40, deadline=None)
@given(db=runs())
def test_stepping_meets_every_event_once_and_comes_back(db: Database) -> None:
    replay = Replay(db)
    first, last = replay.span
    stamps = sorted({event.t_us for event in replay.events(first, last + 1)})
    replay.seek(first)
    walked = [first, *(moment.t_us for moment in iter(lambda: replay.step(1), None))]
    assert walked == stamps
    back = [last, *(moment.t_us for moment in iter(lambda: replay.step(-1), None))]
    assert back == stamps[::-1]
    assert replay.step(-1) is None
    assert replay.position == first


@settings(max_examples=25, deadline=None)
@given(db=runs(), n=st.integers(1, 12), second=seconds)
def test_the_stream_is_whole_and_in_order(db: Database, n: int, second: int) -> None:
    replay = Replay(db)
    first, last = replay.span
    rows = list(replay.rows(first, last + 1))
    assert all(one.t_us <= other.t_us for one, other in pairwise(rows))
    stored = sum(db.table(name).count for name in ("reading", *replay.kinds))
    assert len(rows) == stored
    t_us = T0 + second * 1_000_000
    assert replay.last_events(t_us, n) == list(replay.events(first, t_us + 1))[-n:]


class TestADay:
    @pytest.fixture
    def replay(self, run_db: Database) -> Replay:
        return Replay(run_db)

    def test_seeking_stays_within_the_run(self, replay: Replay) -> None:
        assert replay.seek(0).t_us == replay.span[0]
        assert replay.seek(2**62).t_us == replay.span[1]
        assert replay.at(replay.span[1]).run_state is RunState.FINISHED

    def test_every_instant_of_the_run_has_its_time_element(self, replay: Replay) -> None:
        first, last = replay.span
        spans = replay.elements
        assert (spans[0].t0_us, spans[-1].t1_us) == (first, last)
        assert all(one.t1_us == other.t0_us for one, other in pairwise(spans))
        assert [replay.element(one.t0_us) for one in spans] == [one.element for one in spans]
        assert replay.element(last) is replay.element(first - 1) is None

    def test_a_window_covers_what_it_says(self, replay: Replay) -> None:
        first, last = replay.span
        buckets = replay.window(replay.series[0], first, last + 1, 40)
        assert len(buckets) == 40
        assert sum(bucket.count for bucket in buckets) == 90

    def test_a_measurement_is_something_of_note(self, replay: Replay, run_db: Database) -> None:
        stamp = NOW + 11 * SECOND
        seen = Measurement(stamp, "width", 1.0, "mm", "g", "x")
        evidence.append_segment(run_db, Batch(measurements=(seen,)), stamp)
        replay.seek(to_us(stamp) - 1)
        moment = replay.step(1)
        assert moment is not None
        assert moment.t_us == to_us(stamp)
        assert replay.last_events(moment.t_us, 1)[0].facts["value"] == 1.0


def test_a_file_without_a_run_is_refused() -> None:
    with pytest.raises(EvidenceMissing):
        Replay(Database(memory=True))
