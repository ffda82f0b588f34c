"""One writer per file: groups, savepoints, full disks, and files that are left in good order."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_controller import migrations
from lab_controller.database import Database, StorageBusy, StorageFailed, Writer, connect

PATIENCE_S = 20.0


def create(db: Database) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS word (text TEXT PRIMARY KEY) STRICT")


def put(text: str):
    def write(db: Database) -> str:
        db.execute("INSERT INTO word VALUES (?)", [text])
        return text

    return write


def words(db: Database) -> list[str]:
    return [text for (text,) in db.execute("SELECT text FROM word ORDER BY rowid")]


class Held:
    """Keeps the writer busy inside a transaction until it is let go."""

    def __init__(self, writer: Writer) -> None:
        self.entered, self._free = threading.Event(), threading.Event()
        self.answer = writer.submit(self._wait)
        assert self.entered.wait(PATIENCE_S)

    def _wait(self, db: Database) -> None:
        self.entered.set()
        assert self._free.wait(PATIENCE_S)

    def let_go(self) -> None:
        self._free.set()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    found = Writer(tmp_path / "lab.db")
    found.submit(create).result(PATIENCE_S)
    yield found
    found.close()


def test_every_file_has_its_pragmas(writer: Writer) -> None:
    def pragmas(db: Database) -> list[object]:
        names = ("foreign_keys", "journal_mode", "synchronous", "busy_timeout")
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert writer.submit(pragmas).result() == [1, "wal", 2, 5000]
    reader = connect(writer.path, read_only=True)
    assert pragmas(reader)[0] == 1
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO word VALUES ('x')")
    reader.close()


async def test_what_queued_up_shares_one_transaction(writer: Writer) -> None:
    held = Held(writer)

    def seen_from_outside(db: Database) -> list[str]:
        put("last")(db)
        other = connect(writer.path, read_only=True)
        try:
            return words(other)
        finally:
            other.close()

    first, second = writer.submit(put("first")), writer.submit(put("second"))
    last = writer.submit(seen_from_outside)
    held.let_go()
    assert last.result(PATIENCE_S) == []  # the group was not committed yet
    assert (first.done(), second.done()) == (True, True)
    assert writer.read_now(words) == ["first", "second", "last"]


async def test_a_function_that_fails_undoes_only_itself(writer: Writer) -> None:
    def fails(db: Database) -> None:
        put("half")(db)
        raise LookupError("no")

    held = Held(writer)
    one, bad, two = writer.submit(put("one")), writer.submit(fails), writer.submit(put("two"))
    again = writer.submit(put("one"))
    held.let_go()
    assert (one.result(PATIENCE_S), two.result(PATIENCE_S)) == ("one", "two")
    with pytest.raises(LookupError):
        bad.result(PATIENCE_S)
    with pytest.raises(sqlite3.IntegrityError):
        again.result(PATIENCE_S)
    assert writer.read_now(words) == ["one", "two"]


async def test_migrations_stay_inside_their_group(writer: Writer) -> None:
    def migrate_and_fail(db: Database) -> None:
        migrations.migrate(db)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await writer.write(migrate_and_fail)
    assert await writer.read(lambda db: db.table_names()) == ["word"]


async def test_callers_are_answered_after_the_commit(writer: Writer) -> None:
    assert await writer.write(put("durable")) == "durable"
    assert await writer.read(words) == ["durable"]


async def test_a_caller_that_gave_up_is_not_served(writer: Writer) -> None:
    held = Held(writer)
    giving_up = asyncio.create_task(writer.write(put("unwanted")))
    await asyncio.sleep(0)
    giving_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    held.let_go()
    assert await writer.write(put("wanted")) == "wanted"
    assert await writer.read(words) == ["wanted"]


async def test_a_caller_may_give_up_while_it_is_served(writer: Writer) -> None:
    entered, free = threading.Event(), threading.Event()

    def slow(db: Database) -> str:
        entered.set()
        assert free.wait(PATIENCE_S)
        return put("slow")(db)

    serving = asyncio.create_task(writer.write(slow))
    await asyncio.to_thread(entered.wait, PATIENCE_S)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    free.set()
    assert await writer.write(put("next")) == "next"
    assert await writer.read(words) == ["slow", "next"]


async def test_a_full_disk_is_told_to_the_whole_group_and_passes(writer: Writer) -> None:
    def limit(pages: int):
        return lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()[0]

    await writer.write(put("before"))
    writer.submit(limit(1)).result()  # the smallest allowed: what the file has now
    held = Held(writer)
    small = writer.submit(put("small"))
    large = writer.submit(put("x" * 100_000))
    held.let_go()
    for answer in (small, large):
        with pytest.raises(StorageFailed) as failed:
            answer.result(PATIENCE_S)
        assert failed.value.params["file"] == "lab.db"
        assert "full" in failed.value.params["cause"]
    assert await writer.read(words) == ["before"]
    writer.submit(limit(100_000)).result()
    assert await writer.write(put("after")) == "after"
    assert await writer.read(words) == ["before", "after"]


async def test_a_file_that_may_not_be_written_refuses_everyone_and_recovers(
    writer: Writer,
) -> None:
    writer.submit(lambda db: db.execute("PRAGMA query_only = ON")).result()
    with pytest.raises(StorageFailed, match="readonly"):
        await writer.write(put("no"))
    writer._db.execute("PRAGMA query_only = OFF")
    assert await writer.write(put("yes")) == "yes"


async def test_a_file_locked_by_somebody_else_is_a_storage_fault(writer: Writer) -> None:
    writer._db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(writer.path)
    other.execute("BEGIN IMMEDIATE")
    one, two = writer.submit(put("one")), writer.submit(put("two"))
    for answer in (one, two):
        with pytest.raises(StorageBusy, match=r"storage_busy.*locked"):
            answer.result(PATIENCE_S)
    other.rollback()
    other.close()
    assert await writer.write(put("three")) == "three"


async def test_a_wrong_statement_is_the_callers_mistake(writer: Writer) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await writer.write(lambda db: db.execute("SELECT * FROM nowhere"))


def test_a_file_that_is_none_is_a_storage_fault(tmp_path: Path) -> None:
    path = tmp_path / "bad.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageFailed):
        Writer(path)


async def test_reading_what_is_not_there_is_a_storage_fault(writer: Writer, tmp_path: Path) -> None:
    writer.path = tmp_path / "gone.db"
    with pytest.raises(StorageFailed):
        await writer.read(words)


async def test_readers_leave_the_log_alone(writer: Writer, tmp_path: Path) -> None:
    await writer.write(put("in the log"))
    log = tmp_path / "lab.db-wal"
    before = log.stat().st_size
    assert before > 0
    assert await writer.read(words) == ["in the log"]
    assert log.stat().st_size == before


def test_sealing_leaves_one_plain_file(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run.db")
    writer.submit(create).result()
    queued = writer.submit(put("kept"))
    writer.close(for_good=True)
    assert queued.result(0) == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["run.db"]
    again = connect(tmp_path / "run.db", read_only=True)
    assert again.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert words(again) == ["kept"]
    again.close()


def test_sealing_with_a_reader_there_loses_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run.db")
    writer.submit(create).result()
    writer.submit(put("kept")).result()
    reader = connect(tmp_path / "run.db", read_only=True)
    assert words(reader) == ["kept"]
    writer.close(for_good=True)
    assert not writer._thread.is_alive()
    assert words(reader) == ["kept"]
    reader.close()


async def test_after_the_end_nothing_is_queued(writer: Writer) -> None:
    writer.close()
    writer.close()
    with pytest.raises(StorageFailed):
        await writer.write(put("late"))
