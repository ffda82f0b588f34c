"""Making files in a worker process: the loop never waits, and no two write the same folder."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Making:
    """The folders files are made in; the second who asks for one waits for the first."""

    def __init__(self) -> None:
        self._busy: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def make(self, folder: Path, work: Callable[[T], R], order: T) -> R:
        """What `work(order)` gives, from a process of its own."""
        async with self._busy[folder]:
            return await asyncio.to_thread(_in_process, work, order)


def _in_process(work: Callable[[T], R], order: T) -> R:
    """Starting a process and waiting for its end both block: this is called in a thread."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as worker:
        return worker.submit(work, order).result()
