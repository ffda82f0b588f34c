"""The month files of the telemetry journal: opened, sealed and let go here, written on one thread.

Sealing is done in steps of a few milliseconds between appends, so neither waits long for the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from lab_controller.database import Database, StorageFailed, close_for_good, connect, storage_of
from trial_logs import migrations
from trial_logs.model import Sample, Series
from trial_logs.samples import retention
from trial_logs.samples.journal import Resolution
from trial_logs.samples.retention import Deadband, Retention
from trial_logs.stamps import month_bounds_us
from trial_logs.telemetry import Telemetry

log = logging.getLogger(__name__)

T = TypeVar("T")

TIME_STEP_US = 1_000
PACE_S = 0.05


class TelemetryFiles:
    """One writing connection per open month, all on one thread; readers have their own.

    `resolutions` and `deadbands` are those the lab declares; stamps of the other series are kept
    to the millisecond and their values as they come.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: Retention = Retention(),  # noqa: B008 - frozen
        resolutions: Mapping[tuple[str, str], Resolution] | None = None,
        deadbands: Mapping[tuple[str, str], float] | None = None,
    ) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, Database] = {}
        self._closed = False
        self._keep = keep
        self._deadband = Deadband(deadbands or {})
        self._newest_us = migrations.NEVER_US
        self._failing = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="telemetry")
        declared, plain = dict(resolutions or {}), Resolution(time_step_us=TIME_STEP_US)

        def resolution(series: Series) -> Resolution:
            return declared.get((series.device, series.signal), plain)

        self._journal = Telemetry(self._open_month, self._months, self._drop_month, resolution)

    async def append(self, samples: Sequence[Sample]) -> None:
        """Store a batch; returns when it is durable. Raises StorageFailed."""
        with storage_of(self._folder):
            await self._on_thread(lambda: self._append(samples))
        self._thread.submit(self._seal).add_done_callback(_told)

    async def drop_before(self, t_us: int) -> None:
        """Forget what is older."""
        await self._on_thread(lambda: self._journal.drop_before(t_us))

    async def settle(self, now_us: int) -> None:
        """Seal all that is due and close the months that are over."""
        self._newest_us = max(self._newest_us, now_us)
        more = True
        while more:
            more = await self._on_thread(self._seal)
            await asyncio.sleep(PACE_S if more else 0.0)

    async def tidy(self, now_us: int) -> None:
        """Seal what former months still hold unsealed, then let go what is kept long enough."""
        for key in self._closed_before(now_us):
            if await asyncio.to_thread(self._is_unsealed, key):
                await self._on_thread(partial(self._journal.resume, key))
        await self.settle(now_us)
        for key in self._closed_before(now_us):
            if await asyncio.to_thread(self._thin, key, now_us):
                await self._on_thread(partial(self._take_place, key))

    def _closed_before(self, now_us: int) -> list[str]:
        over = [key for key in self._months() if month_bounds_us(key)[1] <= now_us]
        return [key for key in over if key not in self._open]

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
        """Close every month properly. May be called twice.

        What is not sealed stays in the journals of its file, where the next start finds it.
        """
        if not self._closed:
            self._closed = True
            self._thread.submit(self._close_months, list(self._open)).result()
            self._thread.shutdown()

    # -- on the thread ------------------------------------------------------------------------

    async def _on_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(function))

    def _append(self, samples: Sequence[Sample]) -> None:
        kept, last = self._deadband.sift(samples)
        self._journal.append(kept)
        self._deadband.settle(last)
        if samples:
            self._newest_us = max(self._newest_us, samples[-1].t_us)

    def _seal(self) -> bool:
        """One step; whether there may be another. What fails stays in the journal, told once."""
        try:
            with storage_of(self._folder):
                more = self._journal.seal(self._newest_us)
            self._close_months(self._journal.over(self._newest_us))
        except StorageFailed as fault:
            if not self._failing:
                log.warning("samples stay in the journal for now, unsealed: %s", fault)
            self._failing = True
            return False
        self._failing = False
        return more

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.db"

    def _months(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("????-??.db"))

    def _open_month(self, key: str, create: bool) -> Database | None:
        if key not in self._open:
            if not create and not self._path(key).exists():
                return None
            db = connect(self._path(key))
            try:
                migrations.telemetry.apply(db)
            except BaseException:
                db.close()
                raise
            self._open[key] = db
        return self._open[key]

    def _drop_month(self, key: str) -> None:
        self._close_months([key])
        self._path(key).unlink(missing_ok=True)

    def _close_months(self, keys: Sequence[str]) -> None:
        """A closed month is one plain file: nothing left in its log, no companion files."""
        for key in keys:
            self._journal.closed(key)
            if (db := self._open.pop(key, None)) is not None:
                close_for_good(db, key)

    # -- retention ----------------------------------------------------------------------------

    def _thinned(self, key: str) -> Path:
        return self._folder / f"{key}.thinned"

    def _is_unsealed(self, key: str) -> bool:
        db = connect(self._path(key), read_only=True)
        try:
            return retention.is_unsealed(db)
        finally:
            db.close()

    def _thin(self, key: str, now_us: int) -> bool:
        """Write beside a closed month what is to be kept of it; whether anything is let go."""
        path, target = self._path(key), self._thinned(key)
        target.unlink(missing_ok=True)
        state = path.stat()  # the copy gets this stamp: who writes to the month has a newer one
        db = connect(path, read_only=True)
        try:
            if retention.is_unsealed(db):
                return False
            coarser = retention.due(db, self._keep, month_bounds_us(key)[1], now_us)
            if not coarser:
                return False
            with storage_of(path):
                _copy(db, target, coarser)
        finally:
            db.close()
        os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
        return True

    def _take_place(self, key: str) -> None:
        """Put the copy in the month's place, unless the month was written again meanwhile."""
        path, target = self._path(key), self._thinned(key)
        if key in self._open or path.stat().st_mtime_ns != target.stat().st_mtime_ns:
            target.unlink()
        else:
            os.replace(target, path)


def _copy(month: Database, target: Path, coarser: Mapping[int, int]) -> None:
    """A thinner copy of a month; nothing of it is left where that fails."""
    fresh = connect(target)
    try:
        migrations.telemetry.apply(fresh)
        retention.thin(month, fresh, coarser)
    except BaseException:
        fresh.close()
        target.unlink()
        raise
    close_for_good(fresh, target.name)


def _told(step: Future[bool]) -> None:
    if fault := step.exception():
        log.error("samples could not be sealed", exc_info=fault)
