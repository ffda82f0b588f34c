"""Interlocks: named conditions under which a device may act. Pure rules, no I/O.

What is missing, stale, uncertain or bad denies (fail closed). A limit with hysteresis that was
once crossed is met again only beyond the hysteresis; permission comes back only after everything
has held for `settle_s`. Times are lab seconds on the monotonic clock (`monotonic × factor`): real
seconds in a real lab, in step with the simulated physics of a demo, and deaf to clock jumps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Compare(StrEnum):
    """How a value is compared with its limit."""

    EQUALS = "="
    ABOVE = ">"
    BELOW = "<"
    ONE_OF = "in"


class Axis(StrEnum):
    """What of a device a condition looks at."""

    SIGNAL = "signal"
    SAFETY = "safety"
    OPERATION = "operation"


class OnTrip(StrEnum):
    """STOP: motion by the device's stop (latched), heat by its resting state.

    REST: both by the resting state; stopped only where that fails.
    """

    STOP = "stop"
    REST = "rest"


class Blind(StrEnum):
    """Why a value cannot be relied on."""

    MISSING = "missing"
    STALE = "stale"
    DOUBTFUL = "doubtful"


Value = float | str


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must be so. `limits` holds one number, or the allowed states of an axis."""

    device: str
    axis: Axis
    test: Compare
    limits: tuple[Value, ...]
    signal: str = ""
    unit: str = ""
    hysteresis: float = 0.0

    @property
    def limit(self) -> str:
        """The limit as people read it in any language: `< 45 Cel`."""
        if self.test is Compare.ONE_OF:
            return ", ".join(str(one) for one in self.limits)
        return f"{self.test} {shown(self.limits[0], self.unit)}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One interlock: the devices it guards (`verbs` empty: all that acts), and its conditions."""

    id: str
    names: Mapping[str, str]
    devices: frozenset[str]
    conditions: tuple[Condition, ...]
    verbs: frozenset[str] = frozenset()
    settle_s: float = 5.0
    on_trip: OnTrip = OnTrip.STOP

    def guards(self, device: str, verb: str | None) -> bool:
        """Whether this verb of the device (None: whatever it does) needs this permission."""
        return device in self.devices and (verb is None or not self.verbs or verb in self.verbs)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a condition's input now: a value, or why there is none to rely on."""

    value: Value | None
    blind: Blind | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Which conditions are met, and since when (lab seconds) all of them are. New: none is."""

    met: tuple[bool, ...] = ()
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not: the condition and what was seen, or (`settling`) how long it still has to hold."""

    rule: Rule
    condition: Condition
    seen: Seen
    left_s: float = 0.0

    @property
    def settling(self) -> bool:
        return self.left_s > 0

    @property
    def violated(self) -> bool:
        """A value that can be relied on is beyond its limit; nothing is merely unknown."""
        return self.seen.blind is None and not self.settling


def shown(value: Value, unit: str) -> str:
    """A value with its unit; the unit `1` is none."""
    number = f"{value:g}" if isinstance(value, float) else value
    return number if unit in ("", "1") else f"{number} {unit}"


def is_met(condition: Condition, seen: Seen, before: bool) -> bool:
    """Whether the condition is met; `before`: it was when last looked at."""
    if seen.value is None or seen.blind is not None:
        return False
    if condition.test is Compare.ONE_OF:
        return seen.value in condition.limits
    value, limit = float(seen.value), float(condition.limits[0])
    margin = 0.0 if before else condition.hysteresis
    return {
        Compare.EQUALS: value == limit,
        Compare.ABOVE: value > limit + margin,
        Compare.BELOW: value < limit - margin,
    }[condition.test]


def look(rule: Rule, before: State, seen: Sequence[Seen], at: float) -> State:
    """The rule's next state, from what is seen at `at` (lab seconds)."""
    known = before.met or (False,) * len(rule.conditions)
    first_look = not before.met
    met = tuple(
        is_met(condition, one, was or first_look)
        for condition, one, was in zip(rule.conditions, seen, known, strict=True)
    )
    if not all(met):
        return State(met)
    return State(met, at if before.since is None else before.since)


def denial(rule: Rule, state: State, seen: Sequence[Seen], at: float) -> Denial | None:
    """Why the rule denies at `at`; None permits. `state` comes from `look` at what is `seen`."""
    for condition, one, met in zip(rule.conditions, seen, state.met, strict=False):
        if not met:
            return Denial(rule, condition, one)
    if state.since is None or len(state.met) != len(rule.conditions):
        return Denial(rule, rule.conditions[0], Seen(None, Blind.MISSING))
    left = rule.settle_s - (at - state.since)
    return Denial(rule, rule.conditions[0], seen[0], left) if left > 0 else None
