"""What the firmware makes of one received line: numbering, checksum, code and parameters.

Follows the order of checks of Marlin's command queue: line number, then checksum. Pure: no I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_COMMAND = 95
BACKSPACE = 0x08
_INTEGER = re.compile(r"\s*([+-]?\d+)")
_CODE = re.compile(r"([GMT])\s*(\d+)")
_VALUE = re.compile(r"([A-Z])\s*([-+]?(?:\d+\.?\d*|\.\d+))?")
_NUMBERED = re.compile(r"N[-+]?\d*\s*")


class Reason(StrEnum):
    """Why a line is asked for again, in the firmware's own words."""

    LINE_NUMBER = "Line Number is not Last Line Number+1"
    CHECKSUM = "checksum mismatch"
    NO_CHECKSUM = "No Checksum with line number"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A line to execute; `number` is None when it came without one."""

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that has to be sent again; `got` is the number that was read."""

    reason: Reason
    got: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A line that is already in, swallowed without a reply (newer firmware only)."""

    got: int


class LineGate:
    """Keeps the last good line number and judges each line against it.

    `silent_duplicates`: Marlin 2.1 drops a repeat of the last two lines without any reply, 2.0 and
    1.1 ask for the next line.
    """

    def __init__(self, *, silent_duplicates: bool = False) -> None:
        self.last = 0
        self._silent = silent_duplicates

    def judge(self, raw: bytes) -> Accepted | Refused | Duplicate | None:
        """Judge one line without its end; None for an empty one."""
        line = plain(raw).lstrip(" ")
        if not line:
            return None
        if not line.startswith("N"):
            return Accepted(None, line.strip())
        renumbers = "M110" in line
        second = line.find("N", 4) if renumbers else -1
        number = leading_integer(line[max(second, 0) + 1 :])
        if number != self.last + 1 and not renumbers:
            if self._silent and self.last - 1 <= number <= self.last:
                return Duplicate(number)
            return Refused(Reason.LINE_NUMBER, number)
        body, star, given = line.rpartition("*")
        if not star:
            return Refused(Reason.NO_CHECKSUM, number)
        if leading_integer(given) != checksum(body):
            return Refused(Reason.CHECKSUM, number)
        self.last = number
        return Accepted(number, _NUMBERED.sub("", body, count=1).partition("*")[0].strip())


def plain(raw: bytes) -> str:
    """What is left of a line in the command buffer: comment cut, backspaces done, bounded."""
    if b";" in raw or b"\\" in raw or BACKSPACE in raw:
        raw = _edited(raw)
    return raw.partition(b"\0")[0][:MAX_COMMAND].decode("latin-1")


def _edited(raw: bytes) -> bytes:
    kept = bytearray()
    escaped = False
    for byte in raw:
        if not escaped and byte == ord(";"):
            break
        if not escaped and byte == ord("\\"):
            escaped = True
            continue
        escaped = False
        if byte == BACKSPACE:
            del kept[-1:]
        else:
            kept.append(byte)
    return bytes(kept)


def checksum(text: str) -> int:
    """XOR of all bytes before the `*`."""
    result = 0
    for byte in text.encode("latin-1"):
        result ^= byte
    return result


def leading_integer(text: str) -> int:
    """The integer a text begins with, 0 when it begins with none (C's strtol)."""
    found = _INTEGER.match(text)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class Command:
    """A parsed line: its code (`G1`), its letters, and the numbers of those that have one."""

    number: int | None
    text: str
    code: str
    letters: frozenset[str]
    values: dict[str, float]


def parse(line: Accepted) -> Command:
    """Split a line into code and parameters; the code is empty when there is none."""
    found = _CODE.match(line.text)
    if found is None:
        return Command(line.number, line.text, "", frozenset(), {})
    pairs = _VALUE.findall(line.text, found.end())
    values = {letter: float(number) for letter, number in pairs if number}
    letters = frozenset(letter for letter, _ in pairs)
    return Command(line.number, line.text, f"{found[1]}{int(found[2])}", letters, values)
