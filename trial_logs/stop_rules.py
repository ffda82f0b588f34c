"""When a run should be stopped early: which rules of its protocol are met."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trial_logs import record
from trial_logs.model import RunMoved, RunState, Verdict
from trial_logs.protocol import StopKind, StopRule
from trial_logs.record import Evidence
from trial_logs.stamps import to_us
from trial_logs.stop_tally import NOTHING, Stood, Tally, stood

COUNTED = {StopKind.STOPS, StopKind.SAFETY_STOP}
LEAST_FOR_A_SHARE = 10
"""A share of fewer parts says nothing: one bad first part is not "100 % scrap"."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules look at; `parts` are all made but VOID ones, `running_s` leaves out pauses."""

    parts: int = 0
    scrap: int = 0
    running_s: float = 0.0
    stops: int = 0
    safety_stops: int = 0
    tally: Tally = field(default=NOTHING, compare=False, repr=False)


def _scrap_share(now: Standing) -> float:
    return now.scrap / now.parts if now.parts >= LEAST_FOR_A_SHARE else 0.0


MEASURE: Mapping[StopKind, Callable[[Standing], float]] = {
    StopKind.SCRAP_COUNT: lambda now: now.scrap,
    StopKind.SCRAP_SHARE: lambda now: _scrap_share(now),
    StopKind.MINUTES: lambda now: now.running_s / 60,
    StopKind.PARTS: lambda now: now.parts,
    StopKind.STOPS: lambda now: now.stops,
    StopKind.SAFETY_STOP: lambda now: now.safety_stops,
}


def met(rules: Sequence[StopRule], standing: Standing) -> tuple[StopRule, ...]:
    """The rules that are met, in the order of the plan; SAFETY_STOP by the first one."""
    return tuple(
        rule
        for rule in rules
        if MEASURE[rule.kind](standing) >= (1.0 if rule.value is None else rule.value)
    )


def standing(
    db: Evidence, now: datetime, kinds: Collection[StopKind], before: Tally = NOTHING
) -> Standing:
    """How the run stands at `now` for rules of these kinds, from its evidence, as corrected.

    What no rule asks for stays 0: this is looked at every few seconds while a run goes on, and
    device states are many. Stops are those of its report, チョコ停 among them; they are counted on
    from the `tally` of the last look.
    """
    made = [part.verdict for part in record.parts(db) if part.verdict is not Verdict.VOID]
    asked = bool(COUNTED & set(kinds))
    stops = stood(db, to_us(now), before) if asked else Stood(0, 0, before)
    return Standing(
        parts=len(made),
        scrap=made.count(Verdict.SCRAP),
        running_s=_running_s(record.moves(db), now),
        stops=stops.stops if StopKind.STOPS in kinds else 0,
        safety_stops=stops.safety_stops if StopKind.SAFETY_STOP in kinds else 0,
        tally=stops.tally,
    )


def _running_s(moves: Sequence[RunMoved], now: datetime) -> float:
    ends = [*(move.at for move in moves[1:]), now]
    spans = zip(moves, ends, strict=True)
    running = (max(move.at, end) - move.at for move, end in spans if move.state is RunState.RUNNING)
    return sum(each.total_seconds() for each in running)
