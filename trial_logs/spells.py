"""Stops, pauses and gaps of a run as spans, from the edges its evidence recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from trial_logs import record
from trial_logs.model import DeviceStateSeen, RunState
from trial_logs.spans import Span
from trial_logs.stamps import to_us

LINKS_UP = frozenset({"online", "degraded"})
OPERATION_STOPS = frozenset({"fault", "stopping"})
LATCHED = "lab_latched"
SAFETY_STOPS = frozenset({"protective_stop", "safeguard_stop", "device_estop", LATCHED})


@dataclass(frozen=True, slots=True)
class Spell:
    """A span of µs out of the ordinary: kind (`paused`, `gap`, or the device's state word)."""

    kind: str
    device: str
    t0_us: int
    t1_us: int
    cause: str


def spells(db: Database) -> list[Spell]:
    """Pauses, device stops and gaps of the run in order of time."""
    end = record.run_span(db)[1]
    gaps = [Spell("gap", edge[0], edge[1], edge[2], edge[3]) for edge in _gaps(db, end)]
    found = [*_pauses(db, end), *_stops(record.states(db), end), *gaps]
    return sorted(found, key=lambda each: (each.t0_us, each.device, each.kind))


def gap_spans(db: Database) -> list[tuple[str, Span]]:
    """Device (`*`: all) and span of every gap in the record; an open one ends with the run."""
    end = record.run_span(db)[1]
    return [(device, (since, until)) for device, since, until, _ in _gaps(db, end)]


def _gaps(db: Database, end: int) -> list[tuple[str, int, int, str]]:
    opened: dict[str, tuple[int, str]] = {}
    found = []
    for edge in record.gap_edges(db):
        since = opened.pop(edge.device, None)
        if since is not None:
            found.append((edge.device, since[0], max(since[0], to_us(edge.at)), since[1]))
        if edge.opened:
            opened[edge.device] = (to_us(edge.at), edge.cause)
    found += [(device, at, max(at, end), cause) for device, (at, cause) in opened.items()]
    return found


def _pauses(db: Database, end: int) -> Iterable[Spell]:
    entered = record.moves(db)
    edges = [*(to_us(move.at) for move in entered[1:]), end]
    for move, until in zip(entered, edges, strict=True):
        if move.state is RunState.PAUSED:
            yield Spell("paused", "", to_us(move.at), max(to_us(move.at), until), move.cause)


def stop_word(state: DeviceStateSeen) -> str:
    """The word for what keeps the device from working, empty when nothing does."""
    if state.safety in SAFETY_STOPS:
        return state.safety
    if state.link not in LINKS_UP:
        return "offline"
    return state.operation if state.operation in OPERATION_STOPS else ""


def _stops(seen: list[DeviceStateSeen], end: int) -> Iterable[Spell]:
    standing: dict[str, tuple[str, int, str]] = {}
    for state in seen:
        word, at = stop_word(state), to_us(state.at)
        if standing.get(state.device, ("", 0, ""))[0] == word:
            continue
        yield from _ended(state.device, standing.pop(state.device, None), at)
        if word:
            cause = "" if word == LATCHED else state.cause  # a lost link is the stop's doing
            standing[state.device] = (word, at, cause)
    for device, stop in standing.items():
        yield from _ended(device, stop, end)


def _ended(device: str, stop: tuple[str, int, str] | None, until: int) -> Iterable[Spell]:
    if stop is not None:
        word, since, cause = stop
        yield Spell(word, device, since, max(since, until), cause)
