"""What a process holds: tasks of the loop, descriptors, threads."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SETTLE_STEPS = 50
STEP_S = 0.02
WORKERS = ("asyncio_", "asyncio-waitpid-")  # the loop's own threads


@dataclass(frozen=True, slots=True)
class Held:
    """Everything held, by what it is, with how often."""

    things: Counter[str]

    def __sub__(self, before: Held) -> str:
        """What is held beyond `before`, in words; empty: nothing."""
        return ", ".join(f"{n} {what}" for what, n in (self.things - before.things).items())

    async def more(self) -> str:
        """What is held now beyond this; who is just ending is given a moment."""
        for _ in range(SETTLE_STEPS):
            if not held() - self:
                return ""
            await asyncio.sleep(STEP_S)
        return held() - self


def held() -> Held:
    """What this process holds now, without the running task and the loop's own threads."""
    own = asyncio.current_task()
    tasks = [f"task {one.get_coro()}" for one in asyncio.all_tasks() if one is not own]
    threads = [one.name for one in threading.enumerate() if not one.name.startswith(WORKERS)]
    return Held(Counter([*tasks, *threads, *_descriptors()]))


def _descriptors() -> list[str]:
    """What each descriptor is open on: `socket`, `pipe` or a path; ours to look is not counted."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        found.append(f"descriptor of {target.partition(':[')[0]}")
    return found
