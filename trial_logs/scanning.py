"""What one key or one barcode means during a run, by a table.

Codes are made of what Code 39 can print: capitals, digits, hyphen. A reader behind a Japanese
keyboard setting sends full-width or small letters; these mean the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trial_logs.context import Mode
from trial_logs.errors import TrialError
from trial_logs.model import RunHeader, Verdict
from trial_logs.protocol import StopCause


class Kind(StrEnum):
    """What a code is about."""

    PART = "part"
    UNDO = "undo"
    MODE = "mode"
    STOP_CAUSE = "stop_cause"
    CONDITION = "condition"
    SERIAL = "serial"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code asks for; `value` is the verdict, mode, cause, condition or serial."""

    kind: Kind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """One code that can be printed or put on a key; `name` is empty where the texts have it."""

    code: str
    meaning: Meaning
    name: str = ""


class UnknownCode(TrialError):
    """Nobody gave this code a meaning."""

    code = "trial.unknown_code"


class OtherCondition(TrialError):
    """The condition scanned is not the one this run is made under."""

    code = "trial.other_condition"


FIXED: Mapping[str, Meaning] = {
    "GOOD": Meaning(Kind.PART, Verdict.GOOD),
    "SCRAP": Meaning(Kind.PART, Verdict.SCRAP),
    "REWORK": Meaning(Kind.PART, Verdict.REWORK),
    "UNDO": Meaning(Kind.UNDO),
    **{mode.value.upper(): Meaning(Kind.MODE, mode) for mode in Mode},
}
STOP, CONDITION, SERIAL = "STOP-", "COND-", "SN-"

USUAL_CAUSES = ("material", "jam", "tool", "adjust", "quality", "operator", "other")
"""Causes of stops every lab knows; a protocol may name its own besides."""


def read(code: str, header: RunHeader, conditions: Sequence[str]) -> Meaning:
    """What a scanned code asks for in this run; `conditions` are the trial's, in its order.

    Raises UnknownCode, and OtherCondition where the condition is not this run's.
    """
    plain = _plain(code)
    if plain in FIXED:
        return FIXED[plain]
    if plain.startswith(SERIAL) and len(plain) > len(SERIAL):
        return Meaning(Kind.SERIAL, unicodedata.normalize("NFKC", code).strip()[len(SERIAL) :])
    if plain.startswith(CONDITION):
        return _condition(plain, code, header, conditions)
    cause = _causes(header.stop_causes).get(plain.removeprefix(STOP))
    if cause is None:
        raise UnknownCode(scanned=code.strip()[:80])
    return Meaning(Kind.STOP_CAUSE, cause)


def keys(header: RunHeader, conditions: Sequence[str]) -> list[Key]:
    """Every code this run knows but the serials, to print or to put on keys."""
    names = {cause.code: cause.name for cause in header.stop_causes}
    found = [Key(code, meaning) for code, meaning in FIXED.items()]
    found += [
        Key(f"{STOP}{plain}", Meaning(Kind.STOP_CAUSE, cause), names.get(cause, ""))
        for plain, cause in _causes(header.stop_causes).items()
    ]
    found += [
        Key(f"{CONDITION}{number}", Meaning(Kind.CONDITION, name), name)
        for number, name in enumerate(conditions, 1)
    ]
    return found


def _condition(plain: str, code: str, header: RunHeader, conditions: Sequence[str]) -> Meaning:
    wanted = plain.removeprefix(CONDITION)
    numbered = {str(number): name for number, name in enumerate(conditions, 1)}
    named = {_plain(name): name for name in conditions}
    name = named.get(wanted) or numbered.get(wanted)
    if name is None:
        raise UnknownCode(scanned=code.strip()[:80])
    if name != header.condition.name:
        raise OtherCondition(scanned=name, condition=header.condition.name)
    return Meaning(Kind.CONDITION, name)


def _causes(own: Sequence[StopCause]) -> dict[str, str]:
    """The plan's own first: a console has nine digits, and those were chosen for this trial."""
    first = {_plain(cause.code): cause.code for cause in own}
    return first | {plain: code for code in USUAL_CAUSES if (plain := _plain(code)) not in first}


def _plain(code: str) -> str:
    return unicodedata.normalize("NFKC", code).strip().upper().replace("_", "-")
