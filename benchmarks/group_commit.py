"""Small durable writes of several callers at once: grouped by the writer, or each for itself."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

from benchmarks.rounds import Result, speed
from lab_controller.database import Database, Writer, connect

CALLERS, WRITES = 8, 50
TABLE = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"


def write_down(db: Database) -> None:
    """What a caller wants written."""
    db.execute("INSERT INTO note (text) VALUES (?)", ["checked in at the desk"])


async def caller(writer: Writer) -> None:
    """Writes again as soon as the last write is durable."""
    for _ in range(WRITES):
        await writer.write(write_down)


async def callers(writer: Writer) -> None:
    """All callers at once."""
    await asyncio.gather(*(caller(writer) for _ in range(CALLERS)))


def burst(writer: Writer) -> None:
    """As many writes, all handed over before the first is durable."""
    wait([writer.submit(write_down) for _ in range(CALLERS * WRITES)])


def one_by_one(db: Database, count: int) -> None:
    """A transaction for each write."""
    for _ in range(count):
        db.execute("BEGIN IMMEDIATE")
        write_down(db)
        db.execute("COMMIT")


def process(path: Path) -> None:
    """A process of its own as a caller, with its own connection to the same file."""
    db = connect(path)
    one_by_one(db, WRITES)
    db.close()


def results() -> Iterator[Result]:
    """The writer thread against transactions without it, with and without others in the way."""
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner() as runner,
        ProcessPoolExecutor(CALLERS, mp_context=get_context("spawn")) as pool,
    ):
        path = Path(folder) / "bare.db"
        writer, bare = Writer(Path(folder) / "grouped.db"), connect(path)
        runner.run(writer.write(lambda db: db.execute(TABLE)))
        bare.execute(TABLE)

        def grouped() -> None:
            runner.run(callers(writer))

        yield Result(
            "writer: 8 callers, each waiting until durable",
            "8 processes, a transaction per function",
            speed(grouped, lambda: list(pool.map(process, [path] * CALLERS))),
            at_least=2.5,
        )
        yield Result(
            "writer: 8 callers, each waiting until durable",
            "one caller, a transaction per function",
            speed(grouped, lambda: one_by_one(bare, CALLERS * WRITES)),
        )
        yield Result(
            "writer: 400 functions at once",
            "one caller, a transaction per function",
            speed(lambda: burst(writer), lambda: one_by_one(bare, CALLERS * WRITES)),
        )
        writer.close()
        bare.close()
