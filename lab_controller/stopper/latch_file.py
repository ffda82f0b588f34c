"""The latch on disk: written whole, flushed, renamed. An unreadable file counts as stopped."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lab_controller.stopper.errors import Refused
from lab_controller.stopper.latch import LATCH_UNREADABLE, LatchState, Press


def wall_clock() -> str:
    """Now as ISO UTC text: the latch is about the real day, not lab time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def load(path: Path) -> LatchState:
    """What the file says; no file: nothing stopped; unreadable or torn: everything stopped."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return LatchState()
    except OSError as fault:
        return _unreadable(str(fault))
    try:
        return replace(LatchState.from_json(json.loads(text)), saved=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _unreadable(path.name)


def _unreadable(reason: str) -> LatchState:
    return LatchState(lab=Press("", reason, LATCH_UNREADABLE, wall_clock()), saved=True)


def write(path: Path, state: LatchState) -> None:
    """Make the file say `state`, durably; an open latch has no file. Raises OSError."""
    if state.is_open:
        path.unlink(missing_ok=True)
    else:
        fresh = path.with_name(path.name + ".new")
        with fresh.open("w", encoding="utf-8") as out:
            json.dump(replace(state, saved=True).to_json(), out, ensure_ascii=False, indent=1)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class LatchKeeper:
    """The latch in memory, which counts, and the file that follows it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = asyncio.Lock()
        self.state = load(path)

    def press(self, device: str | None, press: Press) -> None:
        """Latch in memory, at once."""
        self.state = self.state.pressed(device, press)

    def report(self, device: str | None, report: dict[str, object]) -> None:
        """Note what became of the stop."""
        self.state = self.state.reported(device, report)

    async def save(self) -> bool:
        """Bring the file up to date; False when it could not be written (the latch stands)."""
        async with self._writing:
            while not self.state.saved:
                snapshot = self.state
                try:
                    await asyncio.to_thread(write, self._path, snapshot)
                except OSError:
                    return False
                if self.state is snapshot:
                    self.state = replace(snapshot, saved=True)
        return True

    async def clear(self, device: str | None) -> None:
        """Open the latch: first on disk, then in memory. Raises Refused when it cannot be."""
        async with self._writing:
            before = self.state
            after = before.cleared(device)
            try:
                await asyncio.to_thread(write, self._path, after)
            except OSError as fault:
                self.state = replace(self.state, saved=False)
                raise Refused("stop.latch_not_saved", cause=fault) from fault
            if self.state is before:
                self.state = replace(after, saved=True)
                return
            self.state = replace(self.state, saved=False)
        await self.save()
        raise Refused("stop.still_stopping")
