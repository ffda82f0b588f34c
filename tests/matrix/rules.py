"""The pass rule of a cell, as questions to what was told, recorded and really done."""

from __future__ import annotations

import math
from collections.abc import Sequence

from equipment_drivers.lifecycle import DOWN
from equipment_drivers.model import DeviceState, Link, LinkChanged, Operation, Quality, Reading
from lab_controller.facts import Told
from tests.matrix.phases import Phase
from tests.matrix.place import NEIGHBOUR, Place
from trial_logs.model import GapEdge

SILENT = frozenset({"refuse", "hang", "unplug"})
"""Faults after which nothing at all can come over the wire."""
NOT_KNOWN = (Operation.FAULT, Operation.UNKNOWN)
FRESH = 3  # so many new values of one signal show that the wire lives
IN_FLIGHT = 2  # so many values of one signal may still be on their way when the wire falls silent
SWING, FAR = 0.5, 1e9  # a still value stays within half of itself; nothing real is beyond FAR
ROOM = 5.0  # and so much more, in whatever unit


class Judge:
    """What one cell showed, and every reason why it does not pass."""

    def __init__(
        self, place: Place, fault: str, phase: Phase, per_act: int, problems: list[str]
    ) -> None:
        self._place, self._fault, self._phase, self._per_act = place, fault, phase, per_act
        self._problems = problems
        self._witness = 0
        self._returned: list[int] = []
        self._reached_at = self._raised_at = self._cleared_at = 0
        self._known: dict[str, list[float]] = {}

    # -- what the cell tells ------------------------------------------------------------------

    def fails(self, why: str) -> None:
        """One more reason why the cell does not pass."""
        if why not in self._problems:
            self._problems.append(why)

    def phase_reached(self, witness: int) -> None:
        """The fault is not yet there: what is known now is true, what is told next is judged."""
        self._witness = witness
        self._reached_at = len(self._place.seen.facts)
        for reading in self._good(self._place.seen.facts):
            self._known.setdefault(reading.signal, []).append(reading.value or 0.0)

    def fault_raised(self) -> None:
        """The peer has said that the fault is on; it may have been seen before that.

        Only values told from now on have come through it.
        """
        self._raised_at = len(self._place.seen.facts)

    def returned(self, witness: int) -> None:
        """The link is back; what the machine does from now on nobody asked for."""
        self._returned.append(witness)

    # -- what shows -------------------------------------------------------------------------

    def is_shown(self) -> bool:
        """Whether people were told: link down, device in fault or unknown, outcome unknown."""
        return self.shown_as() != ""

    def shown_as(self) -> str:
        """The first word people were told, or nothing."""
        for fact in self._since():
            match fact:
                case LinkChanged(connection=wire) if wire == self._place.wire:
                    if fact.link in DOWN and fact.code:
                        return f"{fact.link} {fact.code}"
                case DeviceState(device=device) if device == self._place.device:
                    if fact.operation in NOT_KNOWN and self._phase.name != "connect":
                        return str(fact.operation)
        return "outcome unknown" if self._place.view.outcome_unknown else ""

    def tried_again(self) -> bool:
        """Whether the link, once lost, was opened anew and failed or held; or it never was lost."""
        told = [one for one in self._since() if isinstance(one, LinkChanged)]
        mine = [one.link for one in told if one.connection == self._place.wire]
        tries = mine[next((n for n, one in enumerate(mine) if one in DOWN), len(mine)) :]
        return not tries or any(one in DOWN or one.carries_commands for one in tries[1:])

    def is_fresh(self) -> bool:
        """Whether new GOOD values have come through the fault, so that it does no harm."""
        if self._fault in SILENT or not self._place.view.link.carries_commands:
            return False
        return max(self._counts().values(), default=0) >= FRESH

    def _since(self) -> Sequence[Told]:
        return self._place.seen.facts[self._reached_at :]

    def _good(self, facts: Sequence[Told]) -> list[Reading]:
        mine = [one for one in facts if isinstance(one, Reading)]
        mine = [one for one in mine if one.device == self._place.device]
        return [one for one in mine if one.quality is Quality.GOOD]

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for reading in self._good(self._place.seen.facts[self._raised_at :]):
            counts[reading.signal] = counts.get(reading.signal, 0) + 1
        return counts

    # -- the rules --------------------------------------------------------------------------

    def while_on(self, outcome: str, witness: int) -> None:
        """Nothing false is shown while the fault is on; it is about to be ended."""
        self._cleared_at = len(self._place.seen.facts)
        self._values_are_true()
        view = self._place.view
        if not view.link.carries_commands:
            if view.operation is not Operation.UNKNOWN:
                self.fails(f"link {view.link}, but the device is shown as {view.operation}")
            if live := self._place.live(view.device):
                self.fails(f"link {view.link}, but shown as live: {live}")
        if self._phase.name == "command" and outcome == "done" and witness == self._witness:
            self.fails("the command is said to be done, the machine has not done it")
        if self._phase.name == "stopping" and outcome != "latched":
            self.fails(f"the stop ended as {outcome}")
        if self._phase.ends and view.link is not Link.OFFLINE:
            self.fails(f"left, but the link is {view.link}")

    def _values_are_true(self) -> None:
        for reading in self._good(self._since()):
            value = reading.value
            if value is None or not math.isfinite(value) or abs(value) > FAR:
                self.fails(f"shown as GOOD: {reading.signal} = {value}")
            elif self._phase.still and not self._is_plausible(reading.signal, value):
                self.fails(f"shown as GOOD: {reading.signal} = {value}, was {self._span(reading)}")
        if self._fault in SILENT:
            made_up = {name: n for name, n in self._counts().items() if n > IN_FLIGHT}
            if made_up:
                self.fails(f"values out of nothing: {made_up}")

    def _is_plausible(self, signal: str, value: float) -> bool:
        known = self._known.get(signal)
        if not known:
            return True
        room = ROOM + SWING * max(abs(min(known)), abs(max(known)))
        return min(known) - room <= value <= max(known) + room

    def _span(self, reading: Reading) -> str:
        known = self._known[reading.signal]
        return f"{min(known):g}…{max(known):g}"

    def afterwards(self, outcome: str, witness: int, gaps: Sequence[GapEdge]) -> None:
        """The fault is over: nothing was sent twice, told twice, or left out of the record."""
        self._nobody_moved(outcome, witness)
        self._told_once()
        self._gaps_are_recorded(gaps)
        if self._place.seen.links(NEIGHBOUR) or not self._place.live(NEIGHBOUR):
            self.fails(f"the neighbour suffered: {self._place.floor.board[NEIGHBOUR].link}")

    def _nobody_moved(self, outcome: str, witness: int) -> None:
        done = witness - self._witness
        most = {"command": self._per_act, "running": done, "stopping": done}
        if done > most.get(self._phase.name, 0):
            self.fails(f"{done} requests carried out, {most.get(self._phase.name, 0)} were meant")
        lost = any(one.link in DOWN for one in self._place.seen.links(self._place.wire))
        if lost and len(set(self._returned)) > 1:
            self.fails(f"the machine went on by itself after the wire was back: {self._returned}")

    def _told_once(self) -> None:
        """One alarm for each loss, and one loss for a fault, however long it stays."""
        losses, under_fault, told = 0, 0, False
        for number, fact in enumerate(self._place.seen.facts):
            if not isinstance(fact, LinkChanged) or fact.connection != self._place.wire:
                continue
            if fact.link in DOWN and fact.code and not told:
                losses, told = losses + 1, True
                under_fault += self._reached_at <= number < self._cleared_at
            told = told and not fact.link.carries_commands
        if under_fault > 1 or len(self._place.seen.alarms) != losses:
            self.fails(f"{losses} losses, {len(self._place.seen.alarms)} alarms")

    def _gaps_are_recorded(self, gaps: Sequence[GapEdge]) -> None:
        mine = [edge.opened for edge in gaps if edge.device == self._place.device]
        dark = [not one.link.carries_commands for one in self._place.seen.links(self._place.wire)]
        edges = [now for before, now in zip([True, *dark], dark, strict=False) if before != now]
        if mine != [True, *edges]:
            self.fails(f"gaps in the record {mine}, the link went {[True, *edges]}")
