"""The files and who may touch them: one writing connection per file, on one thread.

Functions are handed to the writer. What has queued up shares one `BEGIN IMMEDIATE` transaction
(group commit), each function in its own savepoint, and callers are answered after the commit.
Other connections are read-only, short-lived and never checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from sqlite_utils import Database as Database  # services are handed one

from lab_controller.errors import LabError

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_GROUP = 200


class StorageFailed(LabError):
    """The file could not be written (full disk, read-only); nothing was changed."""

    code = "lab.storage_failed"


class StorageBusy(StorageFailed):
    """Somebody else held the file for too long (a report being made from it); nothing changed."""

    code = "lab.storage_busy"


BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
STORAGE_FAULTS = BUSY | frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def is_storage_fault(fault: sqlite3.Error) -> bool:
    """Whether the file failed; a broken constraint or a wrong statement is no fault of the file."""
    code = getattr(fault, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in STORAGE_FAULTS


def storage_failure(path: Path, fault: sqlite3.Error) -> StorageFailed:
    """What a fault of a file is called: another holds it, or it cannot be used."""
    busy = getattr(fault, "sqlite_errorcode", 0) & 0xFF in BUSY
    return (StorageBusy if busy else StorageFailed)(file=path.name, cause=str(fault))


@contextmanager
def storage_of(path: Path) -> Iterator[None]:
    """Say StorageFailed where SQLite says that the file failed."""
    try:
        yield
    except sqlite3.Error as fault:
        if is_storage_fault(fault):
            raise storage_failure(path, fault) from fault
        raise


def connect(path: Path, *, read_only: bool = False) -> Database:
    """Open a database file with the pragmas every file has (foreign keys, WAL, FULL)."""
    mode = "ro" if read_only else "rwc"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 5000")
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    return Database(connection)


def copy_of(db: Database) -> Database:
    """The same rows in memory: what is done to them there, the file never sees."""
    copy = Database(memory=True)
    db.conn.backup(copy.conn)
    return copy


def seal(db: Database) -> None:
    """Leave one plain file: nothing in its log, no companions. Readers must be gone."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute("PRAGMA journal_mode = DELETE").fetchall()


def close_for_good(db: Database, name: str) -> None:
    """Close a file that is to be kept as one plain file.

    Where a reader is still in it, it stays whole but keeps its log beside it: the next opening
    takes that in.
    """
    try:
        seal(db)
    except sqlite3.Error as fault:
        log.warning("%s was not sealed: %s", name, fault)
    finally:
        db.close()


class Job:
    """One function waiting for the writer, and the future its caller waits on."""

    __slots__ = ("answer", "function")

    def __init__(self, function: Callable[[Database], object]) -> None:
        self.function = function
        self.answer: Future[object] = Future()


class Writer:
    """The one writing connection of one file, on its own thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        with storage_of(path):
            self._db = connect(path)
        self._for_good = False
        self._closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name=f"writer {path.name}")
        self._thread.daemon = True
        self._thread.start()

    def submit(self, function: Callable[[Database], T]) -> Future[T]:
        """Queue a function for the next group; its result comes after the commit."""
        job = Job(function)
        with self._door:  # nothing may be queued behind the end
            if self._closed:
                job.answer.set_exception(StorageFailed(file=self.path.name, cause="closed"))
            else:
                self._queue.put(job)
        return job.answer  # type: ignore[return-value]

    async def write(self, function: Callable[[Database], T]) -> T:
        """Run a function in the writer's next transaction and return its result once durable."""
        return await asyncio.wrap_future(self.submit(function))

    async def read(self, function: Callable[[Database], T]) -> T:
        """Run a function on a short-lived read-only connection, on a thread."""
        return await asyncio.to_thread(self.read_now, function)

    def read_now(self, function: Callable[[Database], T]) -> T:
        """The same, blocking: for start-up, the command line and worker threads."""
        with storage_of(self.path):
            db = connect(self.path, read_only=True)
            try:
                return function(db)
            finally:
                db.close()

    def close(self, *, for_good: bool = False) -> None:
        """Finish what is queued, then close; for good: one plain file is left, ready to be kept.

        May be called twice.
        """
        with self._door:
            self._for_good = self._for_good or for_good
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        open_for_more = True
        while open_for_more:
            group, open_for_more = self._next_group()
            if group:
                self._run_group(group)
        if self._for_good:
            close_for_good(self._db, self.path.name)
        else:
            self._db.close()

    def _next_group(self) -> tuple[list[Job], bool]:
        group: list[Job] = []
        job = self._queue.get()
        while job is not None:
            group.append(job)
            if len(group) == LONGEST_GROUP or self._queue.empty():
                return group, True
            job = self._queue.get()
        return group, False

    def _run_group(self, group: list[Job]) -> None:
        """One transaction for the group; a function that fails undoes only itself."""
        # A caller that gave up before its turn is not served; later it can no longer give up.
        wanted = [job for job in group if job.answer.set_running_or_notify_cancel()]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            outcomes = [self._run_one(job) for job in wanted]
            self._db.execute("COMMIT")
        except sqlite3.Error as fault:
            self._give_up(wanted, fault)
            return
        for job, result, error in outcomes:
            if error is not None:
                job.answer.set_exception(error)
            else:
                job.answer.set_result(result)

    def _run_one(self, job: Job) -> tuple[Job, object, BaseException | None]:
        self._db.execute("SAVEPOINT job")
        try:
            result = job.function(self._db)
        except Exception as error:  # the caller gets it and the group goes on
            if isinstance(error, sqlite3.Error) and is_storage_fault(error):
                raise  # SQLite may have undone the whole group already
            self._db.execute("ROLLBACK TO job")
            self._db.execute("RELEASE job")
            return job, None, error
        self._db.execute("RELEASE job")
        return job, result, None

    def _give_up(self, jobs: list[Job], fault: sqlite3.Error) -> None:
        with suppress(sqlite3.Error):
            self._db.conn.rollback()  # nothing to do where SQLite has done it
        for job in jobs:
            failure = storage_failure(self.path, fault)
            failure.__cause__ = fault
            job.answer.set_exception(failure)
