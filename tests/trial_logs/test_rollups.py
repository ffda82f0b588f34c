"""A window made of roll-ups says what its readings say, and costs the same however long it is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs import day
from trial_logs import evidence, record, rollups, store
from trial_logs.buckets import Bucket
from trial_logs.chain import TABLES, last_segment
from trial_logs.model import Batch, Quality, RunMoved, RunState, Sample, Series
from trial_logs.proof import cut, heads_of, verify
from trial_logs.stamps import to_us

FORCE, POWER = Series("arm", "force", "N"), Series("plug", "power", "W")
T0 = to_us(day.NOW)


def a_run(readings: list[Sample]) -> Database:
    """The record of a run with these readings; it goes on."""
    lab = day.lab_with_trial()
    trial = store.get_trial(lab, "T20261120-01")
    db = Database(memory=True)
    evidence.open_run(db, store.run_header(trial, day.planned_run(lab)), day.NOW)
    evidence.append_segment(db, Batch(readings=readings), day.NOW)
    lab.close()
    return db


def end(db: Database) -> None:
    """Finish the run a day later."""
    later = day.NOW + timedelta(days=1)
    over = RunMoved(later, RunState.FINISHED, "x")
    evidence.append_segment(db, Batch(moves=(over,)), later)


def some(chance: random.Random) -> list[Sample]:
    """Readings in bursts and silences, some without a number, some twice in one microsecond."""
    found, stamp = [], T0
    pace = 10 ** chance.uniform(3, 6.5)
    for _ in range(chance.randrange(1, 1_200)):
        stamp += int(chance.expovariate(1) * pace) * chance.choice([1, 1, 1, 1, 0])
        stamp += int(pace * 300) * (chance.random() < 0.01)
        stamp -= stamp % 1_000_000 * (chance.random() < 0.02)
        value = chance.choice([None, 7.0, round(chance.uniform(-9, 9), 2)])
        quality = Quality.BAD if value is None else chance.choice([Quality.GOOD, *Quality])
        found.append(Sample(FORCE, stamp, value, quality))
    return found


def check(buckets: list[Bucket], readings: list[Sample], t0: int, t1: int, n: int) -> None:
    """The buckets against the readings one by one."""
    assert len(buckets) == n
    assert (buckets[0].t0_us, buckets[-1].t1_us) == (t0, t1)
    for k, bucket in enumerate(buckets):
        fair = t0 + (t1 - t0) * k / n
        assert -1 <= fair - bucket.t0_us < (t1 - t0) / n + 1, "where it should be, or just before"
        inside = [one for one in readings if bucket.t0_us <= one.t_us < bucket.t1_us]
        values = [one.value for one in inside if one.value is not None]
        assert bucket.count == len(values)
        assert bucket.minimum == min(values, default=None)
        assert bucket.maximum == max(values, default=None)
        assert bucket.worst == max((one.quality for one in inside), default=None)
        mean = sum(values) / len(values) if values else None
        assert bucket.mean == (mean if mean is None else pytest.approx(mean, abs=1e-9))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_window_is_what_its_readings_are(seed: int) -> None:
    chance = random.Random(seed)
    readings = some(chance)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(rollups, "ENOUGH", 3)
        db = a_run(readings)
        for over in (False, True):
            if over:
                end(db)
            for _ in range(4):
                first, last = sorted(chance.choices([one.t_us for one in readings], k=2))
                t0 = first - chance.choice([0, first % 8_000_000, chance.randrange(10**7)])
                t1 = last + chance.choice([1, 8_000_000 - last % 8_000_000, 10**7])
                n = chance.randrange(1, 60)
                check(record.window(db, FORCE, t0, t1, n), readings, t0, t1, n)
        assert verify(db) == []
        db.close()


@pytest.fixture(scope="module")
def long() -> Iterator[Database]:
    """Two series at 10 Hz and 1 Hz for an hour and forty minutes; the run is over."""
    pairs = ((FORCE, 100_000, 60_000), (POWER, 1_000_000, 6_000))
    db = a_run([Sample(s, T0 + n * us, n % 97 / 7) for s, us, many in pairs for n in range(many)])
    end(db)
    yield db
    db.close()


def steps(db: Database, t0: int, t1: int, n: int) -> int:
    """What a window of the fast series costs, in steps of SQLite's machine, in hundreds."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    db.conn.set_progress_handler(step, 100)
    record.window(db, FORCE, t0, t1, n)
    db.conn.set_progress_handler(None, 0)
    return taken


def test_every_window_costs_about_the_same(long: Database) -> None:
    first, last = T0, T0 + 6_000_000_000
    whole = steps(long, first, last, 100)
    for share in (2, 3, 5, 10, 30, 100):
        assert steps(long, first, first + (last - first) // share, 100) < 4 * whole
    plain = Database(memory=True)
    plain.conn.deserialize(long.conn.serialize())
    plain.execute("DROP TABLE rollup")
    assert steps(plain, first, last, 100) > 25 * whole
    scanned = record.window(plain, FORCE, first, last, 100)
    assert sum(one.count for one in scanned) == 60_000, "a record without roll-ups is read as it is"
    plain.close()


def test_each_series_has_the_levels_its_pace_needs(long: Database) -> None:
    levels = "SELECT series, period_us, count(*), sum(count) FROM rollup GROUP BY 1, 2"
    assert long.execute(levels).fetchall() == [
        (1, 1_000_000, 6_000, 60_000),
        (1, 8_000_000, 750, 60_000),
        (2, 8_000_000, 750, 6_000),
    ]
    assert rollups.axis_of(long, 1, T0, T0 + 10, 1).periods == (8_000_000, 1_000_000)


def test_roll_ups_are_covered_by_the_chain(long: Database) -> None:
    changed = Database(memory=True)
    changed.conn.deserialize(long.conn.serialize())
    changed.execute("UPDATE rollup SET total = total + 1e-9 WHERE id = 6500")
    (told,) = verify(changed, heads_of(long))
    assert (told.code, told.params["rows"]) == ("evidence.rows_changed", "rollup 1–7500")
    cut(changed, 2)
    assert changed.table("rollup").count == 0, "as the record stood before they were made"
    assert verify(changed, heads_of(long)[:2]) == []
    changed.close()


def test_a_short_run_has_none_and_a_record_of_an_earlier_release_gets_the_table() -> None:
    db = a_run([Sample(FORCE, T0 + n, 1.0) for n in range(100)])
    before = last_segment(db)
    db.execute("DROP TABLE rollup")
    db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm003_rollups'")
    assert len(record.window(db, FORCE, T0, T0 + 100, 7)) == 7
    end(db)
    after = last_segment(db)
    assert before is not None
    assert after is not None
    assert after.n == before.n + 1
    assert db.table("rollup").count == 0
    assert TABLES.keys() <= set(db.table_names())
    db.close()
