"""The journal of samples against a model kept in a dict."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from trial_logs import migrations
from trial_logs.model import Quality, Sample, Series
from trial_logs.stamps import month_bounds_us, month_of, to_us
from trial_logs.telemetry import Telemetry

A, B = Series("printer-1", "nozzle", "Cel"), Series("plug-1", "power", "W")
NEW_YEAR = to_us(datetime(2027, 1, 1, tzinfo=UTC))


class Months:
    """Month files in memory."""

    def __init__(self) -> None:
        self.files: dict[str, Database] = {}

    def open(self, key: str, create: bool) -> Database | None:
        if key not in self.files and create:
            self.files[key] = Database(memory=True)
            migrations.telemetry.apply(self.files[key])
        return self.files.get(key)

    def drop(self, key: str) -> None:
        self.files.pop(key).close()


@pytest.fixture
def months() -> Iterator[Months]:
    kept = Months()
    yield kept
    for db in kept.files.values():
        db.close()


@pytest.fixture
def journal(months: Months) -> Telemetry:
    return Telemetry(months.open, lambda: list(months.files), months.drop)


def test_samples_go_to_the_utc_month_they_were_received_in(
    journal: Telemetry, months: Months
) -> None:
    journal.append([Sample(A, NEW_YEAR - 1, 1.0), Sample(A, NEW_YEAR, 2.0)])
    assert sorted(months.files) == ["2026-12", "2027-01"]
    read = journal.read(A, NEW_YEAR - 10, NEW_YEAR + 10)
    assert [sample.value for sample in read] == [1.0, 2.0]


def test_a_second_sample_in_the_same_microsecond_moves_one_on(journal: Telemetry) -> None:
    journal.append([Sample(A, 5, 1.0), Sample(A, 5, 2.0), Sample(B, 5, 9.0)])
    journal.append([Sample(A, 5, 3.0), Sample(A, 6, 4.0)])
    found = [(sample.t_us, sample.value) for sample in journal.read(A, 0, 100)]
    assert found == [(5, 1.0), (6, 2.0), (7, 3.0), (8, 4.0)]
    assert [sample.t_us for sample in journal.read(B, 0, 100)] == [5]


def test_moving_on_can_cross_into_the_next_month(journal: Telemetry, months: Months) -> None:
    journal.append([Sample(A, NEW_YEAR - 1, 1.0), Sample(A, NEW_YEAR - 1, 2.0)])
    found = [(s.t_us - NEW_YEAR, s.value) for s in journal.read(A, NEW_YEAR - 5, NEW_YEAR + 5)]
    assert found == [(-1, 1.0), (0, 2.0)]
    assert sorted(months.files) == ["2026-12", "2027-01"]


def test_what_is_no_number_is_bad(journal: Telemetry) -> None:
    journal.append([Sample(A, n, value) for n, value in enumerate((math.nan, math.inf, None))])
    assert [(s.value, s.quality) for s in journal.read(A, 0, 9)] == [(None, Quality.BAD)] * 3


def test_a_failing_batch_leaves_nothing(journal: Telemetry, months: Months) -> None:
    journal.append([Sample(A, 1, 1.0)])
    wrong = Sample(A, 3, 1.0, source_us="x")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="TEXT"):
        journal.append([Sample(B, 2, 1.0), wrong])
    assert journal.series(0, 10) == [A]
    assert [s.t_us for s in journal.read(A, 0, 10)] == [1]


def test_a_series_that_failed_with_its_batch_is_new_again(journal: Telemetry) -> None:
    journal.append([Sample(A, 1, 1.0)])
    with pytest.raises(Exception, match="TEXT"):
        journal.append([Sample(B, 2, 1.0, source_us="x")])  # type: ignore[arg-type]
    journal.append([Sample(B, 3, 7.0), Sample(A, 3, 8.0)])
    assert [(s.t_us, s.value) for s in journal.read(B, 0, 10)] == [(3, 7.0)]
    assert [(s.t_us, s.value) for s in journal.read(A, 0, 10)] == [(1, 1.0), (3, 8.0)]


def test_an_unknown_series_is_empty(journal: Telemetry) -> None:
    journal.append([Sample(A, 1, 1.0)])
    assert list(journal.read(B, 0, 10)) == []
    assert [bucket.count for bucket in journal.window(B, 0, 10, 2)] == [0, 0]


def test_a_window_says_how_bad_it_was(journal: Telemetry) -> None:
    journal.append(
        [
            Sample(A, 0, 1.0),
            Sample(A, 4, 3.0, Quality.UNCERTAIN),
            Sample(A, 5, None, Quality.BAD),
            Sample(A, 9, 8.0),
            Sample(A, 10, 99.0),
        ]
    )
    first, second, third = journal.window(A, 0, 15, 3)
    assert (first.minimum, first.maximum, first.mean, first.count) == (1.0, 3.0, 2.0, 2)
    assert first.worst is Quality.UNCERTAIN
    assert (second.minimum, second.count, second.worst) == (8.0, 1, Quality.BAD)
    assert (third.t0_us, third.t1_us, third.mean) == (10, 15, 99.0)


def test_drop_before_unlinks_months_and_clears_the_rest(journal: Telemetry, months: Months) -> None:
    journal.append(
        [Sample(A, NEW_YEAR - 1, 1.0), Sample(A, NEW_YEAR, 2.0), Sample(A, NEW_YEAR + 1, 3.0)]
    )
    journal.drop_before(NEW_YEAR + 1)
    assert list(months.files) == ["2027-01"]
    assert [s.value for s in journal.read(A, 0, NEW_YEAR * 2)] == [3.0]


def test_months_meet_without_a_hole() -> None:
    for key, following in (("2026-11", "2026-12"), ("2026-12", "2027-01"), ("2028-02", "2028-03")):
        _, end = month_bounds_us(key)
        assert month_bounds_us(following)[0] == end
        assert (month_of(end - 1), month_of(end)) == (key, following)


@pytest.mark.parametrize("seed", range(12))
def test_the_journal_agrees_with_a_plain_dict(
    journal: Telemetry, months: Months, seed: int
) -> None:
    randomness = random.Random(seed)
    model: dict[Series, dict[int, float | None]] = {A: {}, B: {}}
    for _ in range(40):
        batch = [_random_sample(randomness) for _ in range(randomness.randrange(30))]
        journal.append(batch)
        _append_to_model(model, batch)
        if randomness.random() < 0.1:
            cut = NEW_YEAR + randomness.randrange(-60, 60)
            journal.drop_before(cut)
            for kept in model.values():
                for stamp in [each for each in kept if each < cut]:
                    del kept[stamp]
        for series, kept in model.items():
            t0 = NEW_YEAR + randomness.randrange(-80, 40)
            t1 = t0 + randomness.randrange(1, 90)
            _assert_same(journal, series, kept, t0, t1, randomness.randrange(1, 12))


def _random_sample(randomness: random.Random) -> Sample:
    value = randomness.choice([None, round(randomness.uniform(-50, 50), 3)])
    quality = Quality.BAD if value is None else randomness.choice(list(Quality))
    return Sample(
        randomness.choice([A, B]), NEW_YEAR + randomness.randrange(-50, 50), value, quality
    )


def _append_to_model(model: dict[Series, dict[int, float | None]], batch: list[Sample]) -> None:
    for sample in sorted(batch, key=lambda each: each.t_us):
        kept, stamp = model[sample.series], sample.t_us
        while stamp in kept:
            stamp += 1
        kept[stamp] = sample.value


def _assert_same(
    journal: Telemetry, series: Series, kept: dict[int, float | None], t0: int, t1: int, n: int
) -> None:
    inside = [stamp for stamp in sorted(kept) if t0 <= stamp < t1]
    assert [(s.t_us, s.value) for s in journal.read(series, t0, t1)] == [
        (stamp, kept[stamp]) for stamp in inside
    ]
    buckets = journal.window(series, t0, t1, n)
    assert len(buckets) == n
    for k, bucket in enumerate(buckets):
        stamps = [stamp for stamp in inside if (stamp - t0) * n // (t1 - t0) == k]
        values = [value for stamp in stamps if (value := kept[stamp]) is not None]
        assert all(bucket.t0_us <= stamp < bucket.t1_us for stamp in stamps)
        assert bucket.count == len(values)
        assert (bucket.minimum, bucket.maximum) == (
            min(values, default=None),
            max(values, default=None),
        )
        assert (bucket.worst is None) == (not stamps)
        assert bucket.mean == (pytest.approx(sum(values) / len(values)) if values else None)
