"""What a Marlin-style printer says, line by line. Nothing here trusts a line to be undamaged.

Sources: Marlin's own documentation of M105, M110, M112, M114, M115, M155 and of host keepalive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """What a received line means to the numbered link."""

    OK = auto()
    """Acknowledged; `number` only where the firmware says which line (ADVANCED_OK)."""
    TORN_OK = auto()
    """An acknowledgement damaged on the way."""
    REJECTED = auto()
    """`Error:… Last Line: n`; `number` is n where it can be read. A RESEND follows."""
    RESEND = auto()
    """`number` is the line the printer wants next; None where the number was damaged."""
    BUSY = auto()
    BLOCKED = auto()
    """Busy until a person does something at the printer."""
    WAIT = auto()
    """Idle and waiting for a line (Repetier style)."""
    START = auto()
    """The banner of a board that has just (re)started."""
    HALTED = auto()
    """Killed or thermally faulted: needs a reset, answers nothing any more."""
    ERROR = auto()
    """An error that is neither about line numbers nor fatal."""
    REPORT = auto()
    """Anything else."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One classified line."""

    kind: Kind
    text: str
    number: int | None = None
    places: int = 0
    """Free places of the command queue, where an acknowledgement tells them (ADVANCED_OK)."""


OK = re.compile(r"ok(?: N?(\d+))?(?: P\d+ B(\d+))?(?: .*)?")
RESEND = re.compile(r"(?:Resend|rs)\s*:?\s*N?(\d+)")
LAST_LINE = re.compile(r"Last Line:\s*(\d+)")
LINE_TROUBLE = re.compile(r"checksum|Line Number|Last Line", re.IGNORECASE)
BANNER = re.compile(
    r"[^A-Za-z]*start|(?:echo:)?\s*(?:PowerUp|(?:External|Brown out|Watchdog|Software) Reset)"
)
THERMAL = r"thermal runaway|heating failed|m(?:ax|in)temp|system stopped"
FATAL = re.compile(rf"halted|kill\(\)|{THERMAL}", re.IGNORECASE)
THERMAL_FAULT = re.compile(THERMAL, re.IGNORECASE)


def classify(line: str) -> Reply:
    """What the line means; a line damaged in one byte is recognised by its first letter."""
    if BANNER.fullmatch(line):
        return Reply(Kind.START, line)
    match line[:1]:
        case "o" if not line.startswith("open"):
            found = OK.fullmatch(line)
            if found is None:
                return Reply(Kind.TORN_OK, line)
            return Reply(Kind.OK, line, int(found[1]) if found[1] else None, int(found[2] or 0))
        case "R" | "r" if len(line) <= 20:
            found = RESEND.fullmatch(line)
            return Reply(Kind.RESEND, line, int(found[1]) if found else None)
        case "E":
            return _error(line)
        case ":" | "!" if THERMAL_FAULT.search(line):
            return Reply(Kind.HALTED, line)
        case "e" if line.startswith("echo:busy"):
            return Reply(Kind.BLOCKED if "paused for" in line else Kind.BUSY, line)
    if line == "wait":
        return Reply(Kind.WAIT, line)
    return Reply(Kind.REPORT, line)


def _error(line: str) -> Reply:
    if FATAL.search(line):
        return Reply(Kind.HALTED, line)
    if LINE_TROUBLE.search(line):
        found = LAST_LINE.search(line)
        return Reply(Kind.REJECTED, line, int(found[1]) if found else None)
    return Reply(Kind.ERROR if line.startswith("Error") else Kind.REPORT, line)


def is_thermal(text: str) -> bool:
    """Whether heating or its sensor failed: the heater itself may still be on."""
    return THERMAL_FAULT.search(text) is not None


NUMBER = r"(?:-?\d+(?:\.\d+)?|nan)"
ADVANCED = r"(?:ok(?: N\d+)?(?: P\d+)?(?: B\d+)?)?"
SENSOR = r"(?:[TBCPRLWEM@]|[TEB]\d|[BC]?@\d?)"
TEMPERATURE = re.compile(
    rf"{ADVANCED}\s*(?:{SENSOR}\s?:\s?(?:{NUMBER}|\?)"
    rf"(?:\s*/\s*{NUMBER})?(?:\s*\({NUMBER}\))?\s*)+"
)
HEATER = re.compile(rf"(?:^|\s)(T0?|B)\s?:\s?({NUMBER})\s*/\s*({NUMBER})")
OPEN_CIRCUIT_C = -14.0
IMPOSSIBLE_C = 500.0


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Actual and target in °C of hotend and bed; NaN where the sensor is absent or broken."""

    hotend: float
    hotend_target: float
    bed: float | None = None
    bed_target: float | None = None


def temperatures(line: str) -> Temperatures | None:
    """The report in this line, or None; a line with any odd character in it is no report."""
    if ("T:" not in line and "T0:" not in line) or TEMPERATURE.fullmatch(line) is None:
        return None
    found = {name: (_celsius(is_), _celsius(should)) for name, is_, should in HEATER.findall(line)}
    hotend = found.get("T", found.get("T0"))
    if hotend is None:
        return None
    return Temperatures(*hotend, *found.get("B", (None, None)))


def _celsius(text: str) -> float:
    value = float(text)
    return value if OPEN_CIRCUIT_C < value < IMPOSSIBLE_C else math.nan


POSITION = re.compile(
    rf"X:\s?({NUMBER}) Y:\s?({NUMBER}) Z:\s?({NUMBER}) E:\s?({NUMBER})(?: Count (.*))?"
)


@dataclass(frozen=True, slots=True)
class Position:
    """Where the planner's end is, in mm, and the steppers' counts as the firmware words them."""

    x: float
    y: float
    z: float
    e: float
    counts: str = ""


def position(line: str) -> Position | None:
    """The M114 report in this line, or None."""
    found = POSITION.fullmatch(line)
    if found is None:
        return None
    x, y, z, e = (float(found[axis]) for axis in (1, 2, 3, 4))
    return Position(x, y, z, e, found[5] or "")


FIRMWARE_KEY = re.compile(r"(?:^|\s)([A-Z][A-Z_]{3,}):")
CAPABILITY = re.compile(r"Cap:([A-Z0-9_]+):([01])")


@dataclass(frozen=True, slots=True)
class Identity:
    """What M115 told: fields such as FIRMWARE_NAME and UUID, and which capabilities are on."""

    fields: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()

    @property
    def firmware(self) -> str:
        """The firmware's name and version; empty when the report did not come through."""
        return self.fields.get("FIRMWARE_NAME", "")


def identity(lines: Iterable[str]) -> Identity:
    """The M115 report among these lines; an absent Cap line means: the capability is absent."""
    fields: dict[str, str] = {}
    capabilities: set[str] = set()
    for line in lines:
        cap = CAPABILITY.fullmatch(line)
        if cap:
            capabilities.update({cap[1]} if cap[2] == "1" else ())
        elif line.startswith("FIRMWARE_NAME:"):
            marks = list(FIRMWARE_KEY.finditer(line))
            ends = [mark.start() for mark in marks[1:]] + [len(line)]
            for mark, end in zip(marks, ends, strict=True):
                fields[mark[1]] = line[mark.end() : end].strip()
    return Identity(fields, frozenset(capabilities))


SD_PRINTING = re.compile(r"SD printing byte (\d+)/(\d+)")


def prints_from_card(lines: Iterable[str]) -> bool:
    """Whether M27's answer says that a file on the printer's own card is being printed."""
    return any((found := SD_PRINTING.match(line)) and found[2] != "0" for line in lines)
