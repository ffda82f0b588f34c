"""Samples of 200 signals into a month's file, 1,000 a batch, durable each time.

A million samples at 1 Hz in steps of 0.01; ours packs as many as come in, a round a chunk of each
series. Home Assistant's recorder is measured twice: through its object mapper, as it is, and by
the bare SQL of its table `states` with five indexes. The mapper is so slow that it stores a
twentieth of the samples; the ratio is that of samples a second.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.home_assistant import Recorder
from benchmarks.rounds import Result, speed, speeds
from lab_controller.database import Database, connect
from trial_logs import migrations
from trial_logs.model import Sample, Series
from trial_logs.samples.journal import FULL, Resolution
from trial_logs.telemetry import Telemetry

SERIES = [Series(f"device-{n // 5}", f"signal-{n % 5}", "Cel") for n in range(200)]
NUMBERS = {series: n for n, series in enumerate(SERIES, start=1)}
BATCH, START_US, TICK_US, MONTH = 1_000, 1_793_000_000_000_000, 1_000_000, "2026-10"
CHUNK_ROUND, ROUNDS = 200, 5
THIN_ROUND, THIN_ROUNDS = 25, 11
PEER_ROUNDS, MAPPER_SHARE = 3, 20
SEALED_BYTES = 160_000
"""About what a sealing transaction adds to the log: 8 chunks, their minutes and hours."""

RAW = "INSERT INTO sample (ts, series, value) VALUES (?, ?, ?)"
RAW_TABLE = (
    "CREATE TABLE sample (series INTEGER, ts INTEGER, value REAL)",
    "CREATE INDEX sample_series ON sample (series, ts)",
)
STATES = """INSERT INTO states (metadata_id, state, last_updated_ts, old_state_id, attributes_id,
    context_id_bin) VALUES (?, ?, ?, ?, ?, ?)"""
STATES_TABLE = (
    """CREATE TABLE states (state_id INTEGER PRIMARY KEY, metadata_id INTEGER, state VARCHAR(255),
    last_changed_ts FLOAT, last_updated_ts FLOAT, old_state_id INTEGER, attributes_id INTEGER,
    context_id_bin BLOB, context_user_id_bin BLOB, origin_idx SMALLINT)""",
    "CREATE INDEX states_metadata_ts ON states (metadata_id, last_updated_ts)",
    "CREATE INDEX states_updated_ts ON states (last_updated_ts)",
    "CREATE INDEX states_old ON states (old_state_id)",
    "CREATE INDEX states_attributes ON states (attributes_id)",
    "CREATE INDEX states_context ON states (context_id_bin)",
)

Batches = list[list[Sample]]


class Load:
    """Batches in the order of time, a random walk; each call of `batches` gives later ones."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self._levels = [2_000] * len(SERIES)
        self._tick = 0

    def batches(self, many: int) -> Batches:
        """So many batches of a thousand."""
        return [self._batch() for _ in range(many)]

    def _batch(self) -> list[Sample]:
        found: list[Sample] = []
        for _ in range(BATCH // len(SERIES)):
            stamp = START_US + self._tick * TICK_US
            self._tick += 1
            for n, series in enumerate(SERIES):
                self._levels[n] += self._random.randrange(-3, 4)
                found.append(Sample(series, stamp, self._levels[n] / 100))
        return found


class Taken(NamedTuple):
    """Seconds by the wall and of the thread's processor."""

    wall: float
    cpu: float


def _moment() -> Taken:
    return Taken(time.perf_counter(), time.thread_time())


def _since(before: Taken) -> Taken:
    return Taken(*(now - then for now, then in zip(_moment(), before, strict=True)))


class Watched(NamedTuple):
    """Each sealing transaction of a round, a bare durable write of its size after each, and each
    step between two appends: packing and a transaction, or copying the log into the file.
    """

    sealing: list[Taken]
    bare: list[Taken]
    steps: list[Taken]


class Store:
    """A month of ours with its door."""

    def __init__(self, path: Path, step: float | None = None) -> None:
        self.db = opened(path)
        self.door = Telemetry(
            lambda key, create: self.db,
            lambda: [MONTH],
            lambda key: None,
            lambda series: Resolution(step, 1_000),
        )
        self.samples = 0
        self._begun: Taken | None = None
        self._beside = path.with_suffix(".beside").open("wb")

    def take(self, batches: Batches) -> None:
        """Store and seal as the controller does: a step after each batch."""
        for batch in batches:
            self.door.append(batch)
            self.door.seal(batch[-1].t_us)
            self.samples += len(batch)

    def watch(self, batches: Batches) -> Watched:
        """`take` with a look at each sealing transaction, and a bare durable write beside it."""
        found = Watched([], [], [])
        self.db.conn.set_trace_callback(self._note)
        for batch in batches:
            self.door.append(batch)
            self._begun, since = None, _moment()
            self.door.seal(batch[-1].t_us)
            found.steps.append(_since(since))
            if self._begun is not None:
                found.sealing.append(_since(self._begun))
                found.bare.append(self._durable_write())
            self.samples += len(batch)
        self.db.conn.set_trace_callback(None)
        return found

    def _note(self, statement: str) -> None:
        if statement == "BEGIN":
            self._begun = _moment()

    def _durable_write(self) -> Taken:
        since = _moment()
        self._beside.write(bytes(SEALED_BYTES))
        self._beside.flush()
        os.fdatasync(self._beside.fileno())
        return _since(since)

    def bytes_a_sample(self) -> float:
        """Pages in use for a sample once everything is sealed, journals, indexes and all."""
        while self.door.seal(1 << 60):
            pass
        sql = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count"
        (pages,) = self.db.execute(sql).fetchone()
        return float(pages) * 4096 / self.samples


def opened(path: Path) -> Database:
    """An empty month."""
    db = connect(path)
    migrations.telemetry.apply(db)
    return db


def results() -> Iterator[Result]:
    """The journal's door against bare rows and against what others store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from against_rows(folder)
        yield thin_path(folder)
        yield from against_peers(folder)
        scaled = Store(folder / "scaled.db", 0.01)
        scaled.take(Load().batches(2 * CHUNK_ROUND))
        yield size("telemetry: bytes a sample, step declared", scaled, 2)


def size(goal: str, store: Store, at_most: float) -> Result:
    """What a sample takes, roll-ups included."""
    return Result(goal, "one byte", (store.bytes_a_sample(),), at_most=at_most)


def against_rows(folder: Path) -> Iterator[Result]:
    """Everything sealed on our side; on the other bare rows with the index that finds them."""
    store, bare = Store(folder / "month.db"), table(folder / "bare.db", RAW_TABLE)
    load = Load()
    rounds = [load.batches(CHUNK_ROUND) for _ in range(ROUNDS + 1)]
    ours = iter(rounds)
    rows = iter([[raw_rows(batch) for batch in batches] for batches in rounds])
    clocks = (time.perf_counter, time.process_time)
    wall, cpu = speeds(
        lambda: store.take(next(ours)),
        lambda: insert(bare, RAW, next(rows)),
        clocks,
        rounds=ROUNDS,
    )
    yardstick = "executemany, rowid + index"
    yield Result("telemetry: append and seal, wall", yardstick, wall, at_least=2.0)
    yield Result("telemetry: append and seal, CPU", yardstick, cpu, at_least=1.7)
    yield from longest_transaction([store.watch(load.batches(CHUNK_ROUND)) for _ in range(ROUNDS)])
    yield size("telemetry: bytes a sample, any double", store, 6)


def longest_transaction(rounds: list[Watched]) -> Iterator[Result]:
    """The longest of each round by the wall, which other programs lengthen, and of processor."""
    goal = "telemetry: longest sealing transaction"
    wall = tuple(1e3 * max(one.wall for one in each.sealing) for each in rounds)
    yield Result(goal, "1 ms", wall, at_most=15)
    cpu = tuple(1e3 * max(one.cpu for one in each.sealing) for each in rounds)
    yield Result(f"{goal}, CPU", "1 ms", cpu, at_most=15)
    bare = (1e3 * max(one.wall for one in each.bare) for each in rounds)
    ratios = tuple(ours / theirs for ours, theirs in zip(wall, bare, strict=True))
    yield Result(goal, "longest bare write of its size, fsync'd", ratios)
    steps = tuple(1e3 * max(one.wall for one in each.steps) for each in rounds)
    yield Result("telemetry: longest step between appends", "1 ms", steps)


def thin_path(folder: Path) -> Result:
    """The journal alone."""
    store, bare = Store(folder / "thin.db"), opened(folder / "same.db")
    load = Load()
    rounds = [load.batches(THIN_ROUND) for _ in range(THIN_ROUNDS + 1)]
    ours = iter(rounds)
    rows = iter([[full_rows(batch) for batch in batches] for batches in rounds])

    def append() -> None:
        for batch in next(ours):
            store.door.append(batch)

    ratios = speed(append, lambda: insert(bare, FULL.format("j0"), next(rows)), rounds=THIN_ROUNDS)
    return Result("telemetry: append, wall", "executemany, same table", ratios, at_least=0.8)


class Peer(NamedTuple):
    """Another way to store batches; of each round it takes one batch in `share`."""

    name: str
    at_least: float | None
    shape: Callable[[list[Sample]], list[Any]]
    work: Callable[[list[list[Any]]], object]
    share: int = 1


def against_peers(folder: Path) -> Iterator[Result]:
    """What a program would write that thinks less about it; everything sealed on our side."""
    states = table(folder / "states.db", STATES_TABLE)
    rowid = table(folder / "utils.db", RAW_TABLE)

    def insert_all(batches: list[list[dict[str, object]]]) -> None:
        for batch in batches:
            rowid["sample"].insert_all(batch, batch_size=BATCH)  # type: ignore[union-attr]

    def insert_states(batches: list[list[Any]]) -> None:
        insert(states, STATES, batches)

    with closing(Recorder(folder / "recorder.db")) as recorder:

        def record(batches: list[list[Sample]]) -> None:
            for batch in batches:
                recorder.take(batch)

        for peer in (
            Peer("sqlite-utils insert_all, rowid + index", 3.5, dict_rows, insert_all),
            Peer("Home Assistant's recorder, SQLAlchemy", 20.0, list, record, MAPPER_SHARE),
            Peer("its table with five indexes, bare SQL", None, state_rows, insert_states),
        ):
            yield from against(peer, Store(folder / f"beside {peer.name[:12]}.db"))


def against(peer: Peer, store: Store) -> Iterator[Result]:
    """The same load for both, or for the peer its share."""
    load = Load()
    rounds = [load.batches(CHUNK_ROUND) for _ in range(PEER_ROUNDS + 1)]
    ours = iter(rounds)
    theirs = iter([[peer.shape(one) for one in each[:: peer.share]] for each in rounds])
    found = speeds(
        lambda: store.take(next(ours)),
        lambda: peer.work(next(theirs)),
        (time.perf_counter, time.process_time),
        rounds=PEER_ROUNDS,
    )
    for clock, ratios in zip(("wall", "CPU"), found, strict=True):
        rates = tuple(peer.share * ratio for ratio in ratios)
        goal = f"telemetry: append and seal, {clock}"
        yield Result(goal, peer.name, rates, at_least=peer.at_least if clock == "wall" else None)


def table(path: Path, statements: tuple[str, ...]) -> Database:
    """A file with these tables, opened like ours."""
    db = connect(path)
    for statement in statements:
        db.execute(statement)
    return db


def insert(db: Database, sql: str, batches: list[list[Any]]) -> None:
    """A transaction for each batch."""
    for batch in batches:
        with db.atomic():
            db.conn.executemany(sql, batch)


def raw_rows(batch: list[Sample]) -> list[Any]:
    """Stamp, series, value."""
    return [(s.t_us, NUMBERS[s.series], s.value) for s in batch]


def full_rows(batch: list[Sample]) -> list[Any]:
    """A row of the journal."""
    return [(s.t_us, NUMBERS[s.series], s.value, 0, None) for s in batch]


def dict_rows(batch: list[Sample]) -> list[Any]:
    """The same by name."""
    return [{"ts": s.t_us, "series": NUMBERS[s.series], "value": s.value} for s in batch]


def state_rows(batch: list[Sample]) -> list[Any]:
    """A state: the value as text, its attributes, its context."""
    return [
        (
            n := NUMBERS[s.series],
            str(s.value),
            s.t_us / 1e6,
            s.t_us // TICK_US,
            n,
            s.t_us.to_bytes(16),
        )
        for s in batch
    ]
