"""Where machines stood still by themselves or for safety, and which of these were チョコ停.

A チョコ停 (micro-stop) is a passing trouble set right without repair in less than five minutes:
JMAC『「チョコ停改善」はこうやれ！』, chapter 1, as printed at
tpmonline.jp/kaizen-know-how/chokotei/chokotei01 (「回復時間は2〜3秒から5分未満のもの」).
A protocol may name another limit. Where somebody pressed a stop button, where the machine was not
meant to produce, and where it still stood when the record ended, it is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from trial_logs.elements import EVERYTHING, FAULT, PAUSED, Item, Operation, Piece, Seen, Story
from trial_logs.times import Stop

MICRO_WORDS = frozenset({FAULT, PAUSED, "protective_stop", "safeguard_stop"})


@dataclass(frozen=True, slots=True)
class Word:
    """Why a machine stood, as a person said it."""

    cause: str
    text: str
    by: str


Words = Mapping[tuple[str, int], Word]
"""By device and the µs its stop began."""


@dataclass(slots=True)
class _Standing:
    since: int
    first: Seen
    words: set[str]
    cause: str = ""


def stops(story: Story, cut: Sequence[Piece], limit_s: float, said: Words) -> list[Stop]:
    """Every stop of the run's machines, in order of time; one that changes its kind stays one."""
    productive = _Productive(cut)
    found = [
        _told(stop, words, productive, limit_s, said)
        for machine in sorted(story.machines)
        for stop, words in _of_machine(story, machine)
        if stop.t0_us < stop.t1_us
    ]
    return sorted(found, key=lambda stop: (stop.t0_us, stop.device))


def _of_machine(story: Story, machine: str) -> Iterator[tuple[Stop, set[str]]]:
    standing: _Standing | None = None
    last: Seen | None = None
    dark: set[str] = set()
    for t_us, changes in groupby(_changes(story, machine), key=lambda change: change[0]):
        for _, change in changes:
            if isinstance(change, Seen):
                last = change
            else:
                device, opened = change
                dark = dark | {device} if opened else dark - {device}
        known = last if not dark and last is not None and last.item is not Item.UNKNOWN else None
        if standing is not None and (known is None or not known.stop_word):
            yield _stop(machine, standing, _within(story, t_us), ended=known is not None)
            standing = None
        if known is not None and known.stop_word:
            standing = standing or _Standing(_within(story, t_us), known, set())
            standing.words.add(known.stop_word)
            standing.cause = standing.cause or known.cause
    if standing is not None:
        yield _stop(machine, standing, story.t1_us, ended=False)


def _within(story: Story, t_us: int) -> int:
    return min(max(t_us, story.t0_us), story.t1_us)


def _changes(story: Story, machine: str) -> list[tuple[int, Seen | tuple[str, bool]]]:
    found: list[tuple[int, Seen | tuple[str, bool]]] = [
        (state.t_us, state) for state in story.states if state.device == machine
    ]
    found += [
        (t_us, (device, opened))
        for t_us, device, opened, _ in story.gaps
        if device in (machine, EVERYTHING)
    ]
    return sorted(found, key=lambda change: change[0])


def _stop(machine: str, standing: _Standing, until: int, *, ended: bool) -> tuple[Stop, set[str]]:
    kind = standing.first.stop_word
    stop = Stop(standing.since, until, machine, kind, False, standing.cause, "", "", ended)
    return stop, standing.words


def _told(
    stop: Stop, words: set[str], productive: _Productive, limit_s: float, said: Words
) -> Stop:
    micro = (
        stop.ended and stop.seconds < limit_s and words <= MICRO_WORDS and productive.at(stop.t0_us)
    )
    word = said.get((stop.device, stop.t0_us), Word(stop.cause, "", ""))
    return Stop(
        stop.t0_us,
        stop.t1_us,
        stop.device,
        stop.kind,
        micro,
        word.cause,
        word.text,
        word.by,
        stop.ended,
    )


class _Productive:
    """Whether the machine was meant to produce at a moment."""

    def __init__(self, cut: Sequence[Piece]) -> None:
        self._starts = [piece.t0_us for piece in cut]
        self._meant = [each.ordered and each.operation is Operation.PROCESSING for each in cut]

    def at(self, t_us: int) -> bool:
        """Whether it was at `t_us`."""
        index = bisect_right(self._starts, t_us) - 1
        return index >= 0 and self._meant[index]
