"""How often a live run stood still, counted on from where it was counted last.

A rule is looked at every few seconds and a run may have thousands of states: only those since the
last look are read. What is counted is that of `stops` over the whole record. A state that comes in
with a stamp not after the last look makes it count from the beginning once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trial_logs import record
from trial_logs.elements import Seen, Story
from trial_logs.migrations import NEVER_US
from trial_logs.record import Evidence
from trial_logs.run_times import machines_of
from trial_logs.spells import SAFETY_STOPS
from trial_logs.stops import stops

STATES = """SELECT id, t_us, device, link, operation, safety FROM device_state WHERE id > ?
    ORDER BY id"""
GAPS = "SELECT id, t_us, device, opened FROM gap WHERE id > ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted up to `upto_us`, and how the devices stood then.

    `stops` are those that were over; one that goes on begins anew with what was last seen.
    """

    stops: int = 0
    safety_stops: int = 0
    upto_us: int = NEVER_US
    state_id: int = 0
    gap_id: int = 0
    last: Mapping[str, Seen] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    dark: frozenset[str] = frozenset()


NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Stood:
    """How often the run's machines stood still, how often any device for safety, and the tally."""

    stops: int
    safety_stops: int
    tally: Tally


def stood(db: Evidence, until_us: int, before: Tally = NOTHING) -> Stood:
    """The stops of the run up to `until_us`, counted on from `before`.

    A record that does not name its machines is counted from its beginning each time.
    """
    named = record.read_header(db).machines
    before = before if named else NOTHING
    rows = db.execute(STATES, [before.state_id]).fetchall()
    edges = db.execute(GAPS, [before.gap_id]).fetchall()
    stamps = [row[1] for row in (*rows, *edges)]
    if stamps and min(stamps) <= before.upto_us:
        return stood(db, until_us)
    seen = [Seen(*row[1:]) for row in rows]
    upto = max(stamps, default=before.upto_us)
    states = sorted([*before.last.values(), *seen], key=lambda one: one.t_us)
    gaps = [(before.upto_us, device, True, "") for device in before.dark]
    edges.sort(key=lambda edge: edge[1])
    gaps += [(t_us, device, bool(opened), "") for _, t_us, device, opened in edges]
    t0_us, t1_us = record.run_span(db)
    machines = named or machines_of(seen)
    story = Story(max(t0_us, before.upto_us), max(t1_us, until_us), machines, states, gaps)
    found = stops(story, (), 0.0, {})
    over = stops(replace(story, t1_us=upto + 1), (), 0.0, {})
    words, entered = _safety(before.words, seen)
    tally = Tally(
        stops=before.stops + sum(stop.t1_us <= upto for stop in over),
        safety_stops=before.safety_stops + entered,
        upto_us=upto,
        state_id=rows[-1][0] if rows else before.state_id,
        gap_id=max((edge[0] for edge in edges), default=before.gap_id),
        last={one.device: one for one in states},
        words=words,
        dark=_dark(gaps),
    )
    return Stood(before.stops + len(found), tally.safety_stops, tally)


def _safety(before: Mapping[str, str], seen: Sequence[Seen]) -> tuple[Mapping[str, str], int]:
    """The word for safety each device stands with, and how many new ones came."""
    words, entered = dict(before), 0
    for one in seen:
        word = one.safety if one.safety in SAFETY_STOPS else ""
        entered += word not in ("", words.get(one.device))
        words[one.device] = word
    return words, entered


def _dark(gaps: Sequence[tuple[int, str, bool, str]]) -> frozenset[str]:
    opened = {device: is_open for _, device, is_open, _ in gaps}
    return frozenset(device for device, is_open in opened.items() if is_open)
