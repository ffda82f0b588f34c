"""Motion: a look-ahead queue of moves, each taking its distance at its feed rate.

Millimetres, mm/s, lab seconds. A move runs at constant speed, bounded by the axes' maxima;
acceleration is not modelled.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

AXES = "XYZE"
STEPS_PER_MM = {"X": 80.0, "Y": 80.0, "Z": 400.0, "E": 93.0}
MAX_FEED = {"X": 300.0, "Y": 300.0, "Z": 10.0, "E": 60.0}
VOLUME = {"X": 220.0, "Y": 220.0, "Z": 250.0}
HOMING_FEED = {"X": 50.0, "Y": 50.0, "Z": 4.0}
BUMP_MM = 5.0

Position = dict[str, float]


@dataclass(frozen=True, slots=True)
class Block:
    """One queued move."""

    begin: Position
    end: Position
    start: float
    finish: float


class Planner:
    """The firmware's move queue, `size` moves deep; `position` is where the last one will end."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.position: Position = dict.fromkeys(AXES, 0.0)
        self.max_feed = dict(MAX_FEED)
        self.ordered_s = 0.0
        """How long all moves ever queued take, whether they were waited for or not."""
        self._blocks: deque[Block] = deque()

    def retire(self, now: float) -> None:
        """Forget the moves that are over."""
        while self._blocks and self._blocks[0].finish <= now:
            self._blocks.popleft()

    def queued(self, now: float) -> int:
        """How many moves are running or waiting."""
        self.retire(now)
        return len(self._blocks)

    def room_at(self, now: float) -> float | None:
        """None when a move can be queued now, else the time of the next free place."""
        return None if self.queued(now) < self.size else self._blocks[0].finish

    def drained_at(self, now: float) -> float | None:
        """None when nothing moves, else the time the last queued move ends."""
        return self._blocks[-1].finish if self.queued(now) else None

    def push(self, target: Mapping[str, float], feed: float, now: float) -> None:
        """Queue a straight move of the given axes at `feed` mm/s."""
        begin = self.position
        end = {**begin, **target}
        self.position = end
        length = self._seconds(begin, end, feed)
        if length:
            self.ordered_s += length
            start = max(now, self._blocks[-1].finish if self._blocks else now)
            self._blocks.append(Block(begin, end, start, start + length))

    def where(self, now: float) -> Position:
        """Where the axes really are."""
        self.retire(now)
        if not self._blocks:
            return dict(self.position)
        block = self._blocks[0]
        share = max(0.0, (now - block.start) / (block.finish - block.start))
        return {
            axis: block.begin[axis] + share * (block.end[axis] - block.begin[axis]) for axis in AXES
        }

    def halt(self, now: float) -> None:
        """Stop at once where the axes are and forget every queued move."""
        self.position = self.where(now)
        self._blocks.clear()

    def _seconds(self, begin: Position, end: Position, feed: float) -> float:
        change = {axis: abs(end[axis] - begin[axis]) for axis in AXES}
        path = math.hypot(change["X"], change["Y"], change["Z"]) or change["E"]
        limits = (change[axis] / self.max_feed[axis] for axis in AXES)
        return max(path / feed, *limits)
