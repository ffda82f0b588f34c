"""Ours and a yardstick in turn, judged by the ratio within each round.

What a shared machine does to one it does to the other, so a ratio stands where a time would not.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Work = Callable[[], object]
Clock = Callable[[], float]
Readings = tuple[float, ...]

ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Result:
    """A goal, what it is measured against, the ratio of every round, and the bound if there is one.

    `speed` ratios are bounded from below (`at_least`), `cost` ratios from above (`at_most`).
    """

    goal: str
    yardstick: str
    ratios: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.ratios)

    @property
    def held(self) -> bool | None:
        """Whether the median keeps its bound; None without one."""
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return None if self.at_most is None else self.ratio <= self.at_most


def speed(
    ours: Work, yardstick: Work, *, rounds: int = ROUNDS, clock: Clock = time.perf_counter
) -> tuple[float, ...]:
    """How many times as fast as the yardstick ours is, round by round."""
    (ratios,) = speeds(ours, yardstick, (clock,), rounds=rounds)
    return ratios


def speeds(
    ours: Work, yardstick: Work, clocks: Sequence[Clock], *, rounds: int = ROUNDS
) -> tuple[tuple[float, ...], ...]:
    """`speed` by several clocks over the same rounds."""

    def read() -> Readings:
        return tuple(clock() for clock in clocks)

    pairs = list(_pairs(ours, yardstick, rounds, read))
    return tuple(tuple(theirs[n] / own[n] for own, theirs in pairs) for n in range(len(clocks)))


def cost(
    ours: Work, yardstick: Work, *, rounds: int = ROUNDS, clock: Clock = time.perf_counter
) -> tuple[float, ...]:
    """How many times what the yardstick takes ours takes, round by round."""
    return tuple(1 / ratio for ratio in speed(ours, yardstick, rounds=rounds, clock=clock))


def net_cost(
    ours: Work, yardstick: Work, alike: Work, *, rounds: int = ROUNDS, clock: Clock
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """`cost` without and with `alike`, which is done in both and measured alone in each round."""
    shared: list[float] = []

    def read() -> Readings:
        return (clock(),)

    def prepared() -> None:
        shared.append(_taken(alike, read)[0])

    net: list[float] = []
    whole: list[float] = []
    for own, theirs in _pairs(ours, yardstick, rounds, read, before=prepared):
        net.append((own[0] - shared[-1]) / (theirs[0] - shared[-1]))
        whole.append(own[0] / theirs[0])
    return tuple(net), tuple(whole)


def _pairs(
    ours: Work,
    yardstick: Work,
    rounds: int,
    read: Callable[[], Readings],
    before: Work = lambda: None,
) -> Iterator[tuple[Readings, Readings]]:
    ours()
    yardstick()
    gc.collect()
    gc.freeze()  # what was prepared is not walked again in the middle of a round
    for number in range(rounds):
        before()
        if number % 2:
            own, theirs = _taken(ours, read), _taken(yardstick, read)
        else:
            theirs, own = _taken(yardstick, read), _taken(ours, read)
        yield own, theirs
    gc.unfreeze()


def _taken(work: Work, read: Callable[[], Readings]) -> Readings:
    gc.collect()
    before = read()
    work()
    return tuple(after - since for after, since in zip(read(), before, strict=True))
