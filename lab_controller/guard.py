"""The interlocks over the board: whether a device may act now, and if not, which sensor says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from equipment_drivers.model import DeviceState, LinkChanged, Quality, Reading
from lab_controller import config
from lab_controller.board import Board, DeviceView
from lab_controller.clock import LabClock
from lab_controller.errors import LabError
from lab_controller.facts import Told
from lab_controller.i18n import LANGUAGES, text
from lab_controller.interlocks import (
    Axis,
    Blind,
    Compare,
    Condition,
    Denial,
    OnTrip,
    Rule,
    Seen,
    State,
    denial,
    look,
    shown,
)


class Interlocked(LabError):
    """An interlock does not permit this; the parameters name sensor, value and limit."""

    code = "lab.interlocked"


class InterlockSettling(Interlocked):
    """The condition holds again, but not yet for long enough."""

    code = "lab.interlock_settling"


class Specs(Protocol):
    """What the rules need of the configuration."""

    @property
    def interlock(self) -> Sequence[config.Interlock]: ...
    @property
    def device(self) -> Sequence[config.Device]: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """One interlock over a device and why it denies, if it does."""

    rule: Rule
    denial: Denial | None


def rules_of(settings: Specs, board: Board) -> list[Rule]:
    """The configured interlocks as rules; the configuration has been checked."""
    return [
        Rule(
            id=one.id,
            names={"ja": one.name.ja, "en": one.name.en},
            devices=frozenset(one.devices),
            conditions=tuple(_condition(when, board) for when in one.when),
            verbs=frozenset(one.verbs),
            settle_s=one.settle_s,
            on_trip=OnTrip(one.on_trip),
        )
        for one in settings.interlock
    ]


def _condition(when: config.When, board: Board) -> Condition:
    if when.signal is None:
        axis = Axis.SAFETY if when.safety else Axis.OPERATION
        return Condition(when.device, axis, Compare.ONE_OF, tuple(when.safety or when.operation))
    tests = {Compare.EQUALS: when.equals, Compare.ABOVE: when.above, Compare.BELOW: when.below}
    test, limit = next((test, one) for test, one in tests.items() if one is not None)
    unit = board[when.device].spec.signals[when.signal].unit
    return Condition(when.device, Axis.SIGNAL, test, (limit,), when.signal, unit, when.hysteresis)


class Guard:
    """All interlocks, kept true by the facts it hears and asked before every actuating byte."""

    def __init__(
        self,
        clock: LabClock,
        board: Board,
        rules: Iterable[Rule],
        names: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._clock, self._board, self._names = clock, board, names
        self._rules = tuple(rules)
        self._states: dict[str, State] = {rule.id: State() for rule in self._rules}
        self._permitted: set[str] = set()

    @property
    def devices(self) -> frozenset[str]:
        """Every device some interlock guards."""
        return frozenset(device for rule in self._rules for device in rule.devices)

    def concerns(self, fact: Told) -> bool:
        """Whether a fact can change what some interlock says, or what a guarded device does."""
        match fact:
            case Reading():
                return fact.device in self.devices or any(
                    (one.device, one.signal) == (fact.device, fact.signal)
                    for rule in self._rules
                    for one in rule.conditions
                )
            case DeviceState() | LinkChanged():
                return bool(self._rules)
            case _:
                return False

    def look(self) -> None:
        """Take in what the board shows now."""
        for rule in self._rules:
            self._denial(rule)

    def _denial(self, rule: Rule) -> Denial | None:
        at = self._clock.monotonic() * self._clock.factor
        seen = [self._see(one) for one in rule.conditions]
        self._states[rule.id] = look(rule, self._states[rule.id], seen, at)
        found = denial(rule, self._states[rule.id], seen, at)
        if found is None:
            self._permitted.add(rule.id)
        return found

    def _see(self, condition: Condition) -> Seen:
        view = self._board[condition.device]
        if condition.axis is not Axis.SIGNAL:
            return _axis(view, condition.axis)
        reading = view.readings.get(condition.signal)
        if reading is None or reading.value is None:
            return Seen(None, Blind.MISSING)
        if view.is_stale(reading, self._clock.now()):
            return Seen(reading.value, Blind.STALE)
        doubtful = reading.quality is not Quality.GOOD
        return Seen(reading.value, Blind.DOUBTFUL if doubtful else None)

    def standings(self, device: str) -> list[Standing]:
        """Every interlock over the device, permitting or not."""
        return [Standing(one, self._denial(one)) for one in self._rules if one.guards(device, None)]

    def denials(self, device: str, verb: str | None = None) -> list[Denial]:
        """Why this verb (None: anything the device does) is denied; empty permits."""
        wanted = (rule for rule in self._rules if rule.guards(device, verb))
        return [found for rule in wanted if (found := self._denial(rule)) is not None]

    def was_permitting(self, rule: Rule) -> bool:
        """Whether the rule has permitted at least once in this life of the controller."""
        return rule.id in self._permitted

    def demand(self, device: str, verb: str) -> None:
        """Raise Interlocked when the verb is denied."""
        for found in self.denials(device, verb):
            kind = InterlockSettling if found.settling else Interlocked
            raise kind(**self.params(device, found))

    def params(self, device: str, found: Denial) -> dict[str, str]:
        """A denial in words of both languages: interlock, sensor, value, limit."""
        said = {
            "device": device,
            "interlock": found.rule.id,
            "limit": found.condition.limit,
            "left": f"{found.left_s:.0f}",
        }
        for language in LANGUAGES:
            said |= {
                f"name_{language}": found.rule.names[language],
                f"sensor_{language}": self._sensor(found.condition, language),
                f"value_{language}": _value(found, language),
            }
        return said

    def condition_words(self, rule: Rule, language: str) -> str:
        """What the rule wants, sensor by sensor."""
        return ", ".join(f"{self._sensor(one, language)} {one.limit}" for one in rule.conditions)

    def _sensor(self, condition: Condition, language: str) -> str:
        what = condition.signal or f"axis.{condition.axis}"
        word = text(language, f"signal.{condition.signal}" if condition.signal else what)
        return f"{self._names[condition.device][language]} {word}"


def _axis(view: DeviceView, axis: Axis) -> Seen:
    """An axis is known only while its wire is."""
    if not view.link.carries_commands:
        return Seen(None, Blind.STALE)
    return Seen(view.safety if axis is Axis.SAFETY else view.operation)


def _value(found: Denial, language: str) -> str:
    seen, unit = found.seen, found.condition.unit
    number = "" if seen.value is None else shown(seen.value, unit)
    if seen.blind is None:
        return number
    return text(language, f"blind.{seen.blind}", {"value": number})
