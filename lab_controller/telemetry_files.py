"""The month files of the telemetry journal: opened and deleted here, written on one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lab_controller.database import Database, close_for_good, connect, storage_of
from trial_logs import migrations
from trial_logs.model import Sample
from trial_logs.telemetry import Telemetry

T = TypeVar("T")


class TelemetryFiles:
    """One writing connection per open month, all on one thread; readers have their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, Database] = {}
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="telemetry")
        self._journal = Telemetry(self._open_month, self._months, self._drop_month)

    async def append(self, samples: Sequence[Sample]) -> None:
        """Store a batch; returns when it is durable. Raises StorageFailed."""
        with storage_of(self._folder):
            await asyncio.wrap_future(self._thread.submit(self._journal.append, samples))

    async def drop_before(self, t_us: int) -> None:
        """Forget what is older."""
        await asyncio.wrap_future(self._thread.submit(self._journal.drop_before, t_us))

    async def read(self, function: Callable[[Telemetry], T]) -> T:
        """Run a function on a read-only journal, on a thread."""

        def run() -> T:
            with storage_of(self._folder), self.reading() as journal:
                return function(journal)

        return await asyncio.to_thread(run)

    @contextmanager
    def reading(self) -> Iterator[Telemetry]:
        """A read-only journal whose connections last as long as the block."""
        opened: dict[str, Database] = {}

        def open_month(key: str, create: bool) -> Database | None:
            if key not in opened and self._path(key).exists():
                opened[key] = connect(self._path(key), read_only=True)
            return opened.get(key)

        try:
            yield Telemetry(open_month, self._months, self._drop_month)
        finally:
            for db in opened.values():
                db.close()

    def close(self) -> None:
        """Close every month properly. May be called twice."""
        if not self._closed:
            self._closed = True
            self._thread.submit(self._close_months).result()
            self._thread.shutdown()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.db"

    def _months(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("????-??.db"))

    def _open_month(self, key: str, create: bool) -> Database | None:
        if key not in self._open:
            if not create and not self._path(key).exists():
                return None
            self._close_months()
            db = connect(self._path(key))
            try:
                migrations.telemetry.apply(db)
            except BaseException:
                db.close()
                raise
            self._open[key] = db
        return self._open[key]

    def _drop_month(self, key: str) -> None:
        self._close_months()
        self._path(key).unlink(missing_ok=True)

    def _close_months(self) -> None:
        """A closed month is one plain file: nothing left in its log, no companion files."""
        for key, db in self._open.items():
            close_for_good(db, key)
        self._open.clear()
