"""Sealed or not, over month borders, late and after a crash: the answers are a plain list's."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlite_utils import Database

from trial_logs import migrations
from trial_logs.axis import Axis
from trial_logs.model import Quality, Sample, Series
from trial_logs.samples import query, sealing
from trial_logs.samples.journal import Resolution
from trial_logs.stamps import month_bounds_us, to_us
from trial_logs.telemetry import Telemetry

SERIES = [Series("printer-1", "nozzle", "Cel"), Series("plug-1", "power", "W")]
A = SERIES[0]
NEW_YEAR = to_us(datetime(2027, 1, 1, tzinfo=UTC))
END = 1 << 61
Kept = tuple[float | None, Quality, int | None]
Model = dict[Series, dict[int, Kept]]


class Files:
    """Month files on a disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dbs: dict[str, Database] = {}

    def open(self, key: str, create: bool) -> Database | None:
        path = self.folder / f"{key}.db"
        if key not in self.dbs and (create or path.exists()):
            connection = sqlite3.connect(path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # what a process leaves, not a machine
            self.dbs[key] = Database(connection)
            migrations.telemetry.apply(self.dbs[key])
        return self.dbs.get(key)

    def telemetry(self, declared: Callable[[Series], Resolution] | None = None) -> Telemetry:
        more = (declared,) if declared else ()
        return Telemetry(self.open, self.months, lambda key: None, *more)

    def months(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.db"))

    def crashed(self, to: Path) -> Files:
        """The folder as a process that was killed now would leave it."""
        shutil.copytree(self.folder, to)
        return Files(to)

    def close(self) -> None:
        for db in self.dbs.values():
            db.close()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    (tmp_path / "months").mkdir()
    kept = Files(tmp_path / "months")
    yield kept
    kept.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "FULL_AT", 10)
    monkeypatch.setattr(sealing, "AT_MOST", 20)
    monkeypatch.setattr(sealing, "ROWS_A_JOURNAL", 15)


def some(randomness: random.Random, step: int, spread: int) -> list[Sample]:
    """A batch that mostly goes with time, and sometimes anywhere."""
    anywhere = randomness.random() < 0.3
    low = NEW_YEAR - spread if anywhere else NEW_YEAR + spread * (step - 20) // 20
    width = 2 * spread if anywhere else spread // 10 + 1
    found = []
    for _ in range(randomness.randrange(25)):
        value = randomness.choice([None, 7.0, round(randomness.uniform(-9, 9), 2)])
        quality = Quality.BAD if value is None else randomness.choice([Quality.GOOD, *Quality])
        stamp = low + randomness.randrange(width)
        source = randomness.choice([None, None, stamp - 1_234])
        found.append(Sample(randomness.choice(SERIES), stamp, value, quality, source))
    return found


def remember(model: Model, batch: list[Sample]) -> None:
    for sample in sorted(batch, key=lambda each: each.t_us):
        kept, stamp = model[sample.series], sample.t_us
        while stamp in kept:
            stamp += 1
        kept[stamp] = (sample.value, sample.quality, sample.source_us)


def found(telemetry: Telemetry, series: Series, t0: int, t1: int) -> list[tuple[object, ...]]:
    return [sample[1:] for sample in telemetry.read(series, t0, t1)]


def inside(kept: dict[int, Kept], t0: int, t1: int) -> list[tuple[int, *Kept]]:
    return [(stamp, *kept[stamp]) for stamp in sorted(kept) if t0 <= stamp < t1]


def check_window(
    telemetry: Telemetry, series: Series, kept: dict[int, Kept], t0: int, t1: int, n: int
) -> None:
    buckets = telemetry.window(series, t0, t1, n)
    assert len(buckets) == n
    assert (buckets[0].t0_us, buckets[-1].t1_us) == (t0, t1)
    width = (t1 - t0) / n
    for k, bucket in enumerate(buckets):
        assert bucket.t0_us <= t0 + width * k + 1, "an edge is where it should be, or before"
        assert t0 + width * k - bucket.t0_us < min(width, 3.6e9) + 1
        rows = inside(kept, bucket.t0_us, bucket.t1_us)
        values = [row[1] for row in rows if row[1] is not None]
        assert bucket.count == len(values)
        assert bucket.minimum == min(values, default=None)
        assert bucket.maximum == max(values, default=None)
        assert bucket.worst == max((row[2] for row in rows), default=None)
        mean = sum(values) / len(values) if values else None
        assert bucket.mean == (mean if mean is None else pytest.approx(mean, abs=1e-9))


@pytest.mark.parametrize("seed", range(10))
def test_it_agrees_with_a_plain_dict(
    files: Files, small_chunks: None, tmp_path: Path, seed: int
) -> None:
    randomness = random.Random(seed)
    spread = [50, 10**6, 10**8, 10**10, 2 * 10**10][seed % 5]
    telemetry, model = files.telemetry(), {series: dict[int, Kept]() for series in SERIES}
    for step in range(40):
        batch = some(randomness, step, spread)
        telemetry.append(batch)
        remember(model, batch)
        for _ in range(randomness.randrange(4)):
            telemetry.seal(NEW_YEAR + randomness.choice([-spread, 2 * 10**9]))
        if step % 8 == 5:  # killed here: a copy of the files has all of it, once
            crashed = files.crashed(tmp_path / f"crash-{step}")
            again = crashed.telemetry()
            for series, kept in model.items():
                assert found(again, series, 0, END) == inside(kept, 0, END)
            again.append([Sample(A, NEW_YEAR, 1.0)])
            again.resume("2027-01")
            while again.seal(END):
                pass
            assert len(found(again, A, 0, END)) == len(model[A]) + 1
            crashed.close()
            telemetry = files.telemetry()  # and a new life goes on in the old files
        series = randomness.choice(SERIES)
        t0 = NEW_YEAR + randomness.randrange(-spread, spread)
        t1 = t0 + 1 + randomness.randrange(spread)
        assert found(telemetry, series, t0, t1) == inside(model[series], t0, t1)
        check_window(telemetry, series, model[series], t0, t1, randomness.randrange(1, 12))
    for key in files.months():
        telemetry.resume(key)
    while telemetry.seal(END):
        pass
    for db in files.dbs.values():
        assert not any(db[name].count for name in migrations.UNSEALED)
    for series, kept in model.items():
        assert found(telemetry, series, 0, END) == inside(kept, 0, END)


def test_buckets_covered_by_roll_ups_unpack_nothing(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = files.telemetry()
    telemetry.append([Sample(A, NEW_YEAR + n * 1_000_000, float(n)) for n in range(7_200)])
    while telemetry.seal(END):
        pass
    monkeypatch.setattr(query, "decode", None)
    buckets = telemetry.window(A, NEW_YEAR, NEW_YEAR + 7_200_000_000, 100)
    assert [bucket.count for bucket in buckets] == [60, 60, 60, 60, 120] * 20
    hours = telemetry.window(A, NEW_YEAR, NEW_YEAR + 7_200_000_000, 2)
    assert [(one.minimum, one.maximum) for one in hours] == [(0, 3599), (3600, 7199)]


def test_a_batch_over_the_months_end_that_fails_in_the_second_file_is_stored_once(
    files: Files,
) -> None:
    telemetry = files.telemetry()
    telemetry.append([Sample(A, NEW_YEAR - 9, 0.0), Sample(A, NEW_YEAR, 0.0)])
    batch = [
        Sample(A, NEW_YEAR - 1, 1.0),
        Sample(A, NEW_YEAR - 1, 2.0),
        Sample(A, NEW_YEAR + 5, 3.0),
    ]
    january = files.dbs["2027-01"]
    january.execute("PRAGMA query_only = ON")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            telemetry.append(batch)
    january.execute("PRAGMA query_only = OFF")
    telemetry.append([*batch, Sample(A, NEW_YEAR + 6, 4.0)])
    assert [sample.value for sample in telemetry.read(A, 0, END)] == [0, 1, 0, 2, 3, 4]
    telemetry.append(batch[:1])  # it has been stored; given anew it is another one
    assert len(found(telemetry, A, 0, END)) == 7


def old_month(path: Path, stamps: range) -> None:
    """A file as the previous release wrote it."""
    db = Database(path)
    for statement in migrations.TELEMETRY_TABLES:
        db.execute(statement)
    db["_sqlite_migrations"].insert(
        {"migration_set": "trial_logs.telemetry", "name": "m001_journal", "applied_at": ""}
    )
    db["series"].insert({"id": 7, "device": A.device, "signal": A.signal, "unit": A.unit})
    rows = [
        {"ts_us": t, "series": 7, "value": t % 9, "quality": 0, "source_us": t - 1} for t in stamps
    ]
    db["sample"].insert_all(rows)
    db.close()


def test_a_month_of_the_previous_release_is_read_as_it_is_and_then_taken_over(
    files: Files,
) -> None:
    stamps = range(NEW_YEAR, NEW_YEAR + 300_000_000, 1_000_000)
    old_month(files.folder / "2027-01.db", stamps)
    expected = [(t, t % 9, Quality.GOOD, t - 1) for t in stamps]
    plain = Database(sqlite3.connect(files.folder / "2027-01.db"))
    reader = Telemetry(lambda key, create: plain, files.months, lambda key: None)
    window = reader.window(A, NEW_YEAR, NEW_YEAR + 300_000_000, 5)
    assert found(reader, A, 0, END) == expected
    assert [bucket.count for bucket in window] == [60] * 5
    plain.close()
    telemetry = files.telemetry()
    telemetry.append([Sample(A, NEW_YEAR + 400_000_000, 1.0)])
    while telemetry.seal(END):
        pass
    assert found(telemetry, A, 0, NEW_YEAR + 300_000_000) == expected
    assert telemetry.window(A, NEW_YEAR, NEW_YEAR + 300_000_000, 5) == window
    assert "sample" not in files.dbs["2027-01"].table_names()


def test_stamps_are_rounded_to_the_step_a_series_declares(files: Files) -> None:
    fine = SERIES[1]
    telemetry = files.telemetry(lambda series: Resolution(None, 1 if series == fine else 1_000))
    for series in SERIES:
        telemetry.append([Sample(series, NEW_YEAR + stamp, 1.0) for stamp in (1_999, 1_500, 3_001)])
    assert [t - NEW_YEAR for t, *_ in found(telemetry, A, 0, END)] == [1_000, 1_001, 3_000]
    assert [t - NEW_YEAR for t, *_ in found(telemetry, fine, 0, END)] == [1_500, 1_999, 3_001]


def test_an_axis_puts_each_stamp_between_its_edges() -> None:
    randomness = random.Random(3)
    for _ in range(300):
        t0 = NEW_YEAR + randomness.randrange(10**10)
        t1 = t0 + 1 + randomness.randrange(10 ** randomness.randrange(1, 13))
        axis = Axis(t0, t1, randomness.randrange(1, 50))
        edges = axis.edges()
        assert len(edges) == axis.n + 1
        for stamp in (t0, t1 - 1, t0 + randomness.randrange(t1 - t0), *edges[1:-1]):
            if t0 <= stamp < t1:
                at = axis.bucket_of(stamp)
                assert edges[at] <= stamp < edges[at + 1]


def test_late_samples_go_to_a_chunk_of_their_own(files: Files) -> None:
    telemetry = files.telemetry()
    telemetry.append([Sample(A, NEW_YEAR + n * 1_000, 1.0) for n in range(100)])
    while telemetry.seal(END):
        pass
    telemetry.append([Sample(A, NEW_YEAR + 50_500, 9.0), Sample(A, NEW_YEAR + 51_000, 8.0)])
    db = files.dbs["2027-01"]
    assert db["late"].count == 2
    while telemetry.seal(END):
        pass
    assert (db["chunk"].count, db["late"].count) == (2, 0)
    around = [sample.value for sample in telemetry.read(A, NEW_YEAR + 50_000, NEW_YEAR + 52_000)]
    assert around == [1.0, 9.0, 1.0, 8.0]
    assert month_bounds_us("2027-01")[0] == NEW_YEAR


def test_the_log_goes_into_the_file_between_two_transactions(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "LOG_PAGES", 1)
    telemetry, said = files.telemetry(), list[str]()
    telemetry.append([Sample(A, NEW_YEAR + n, 7.0) for n in range(10)])
    files.dbs["2027-01"].conn.set_trace_callback(said.append)
    assert telemetry.seal(NEW_YEAR + 10)
    files.dbs["2027-01"].conn.set_trace_callback(None)
    assert said == ["PRAGMA wal_checkpoint(PASSIVE)"]
    shutil.copy(files.folder / "2027-01.db", tmp_path / "without its log.db")
    copy = sqlite3.connect(tmp_path / "without its log.db")
    assert copy.execute("SELECT count(*) FROM j7").fetchone() == (10,)
    copy.close()


def test_a_sealing_that_the_power_failure_took_leaves_every_sample_once(
    files: Files, tmp_path: Path, small_chunks: None
) -> None:
    telemetry, log = files.telemetry(), files.folder / "2027-01.db-wal"
    batch = [Sample(A, NEW_YEAR + n, float(n)) for n in range(25)]
    telemetry.append(batch)
    durable = log.stat().st_size
    files.dbs["2027-01"].execute("PRAGMA synchronous = FULL")
    assert telemetry.seal(NEW_YEAR + 25)
    assert files.dbs["2027-01"].execute("PRAGMA synchronous").fetchone() == (2,)
    left = files.crashed(tmp_path / "left")
    with (left.folder / log.name).open("r+b") as end:
        end.truncate(durable)
    assert found(left.telemetry(), A, NEW_YEAR, END) == [sample[1:] for sample in batch]
    left.close()
