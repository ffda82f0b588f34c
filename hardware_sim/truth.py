"""Ground truth: what the simulated hardware really did, as append-only JSON lines."""

from __future__ import annotations

import json
import time
from pathlib import Path

from hardware_sim.clock import SimClock


class TruthLog:
    """One file per simulator. Each line: `at` (ISO lab time), `mono` (s), `what`, then facts.

    Each line is flushed at once, so the file is complete up to a kill -9.
    """

    def __init__(self, path: Path, clock: SimClock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._clock = clock
        self._file = path.open("a", encoding="utf-8")

    def write(self, what: str, **facts: object) -> None:
        """Append one record."""
        stamp = {"at": self._clock.now().isoformat(), "mono": round(time.monotonic(), 6)}
        self._file.write(json.dumps({**stamp, "what": what, **facts}, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()
