"""Numbered, checksummed lines as they go over the wire, kept for as long as they may be wanted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import reduce
from operator import xor

HISTORY = 64
FARTHEST_BACK = 50
BOOTED_WANTS = 1
BEYOND_HANDSHAKE = 8


def frame(number: int, command: str) -> bytes:
    """The command as `N<number> <command>*<XOR of all bytes before the star>` and a line feed."""
    body = f"N{number} {command}".encode("ascii")
    return b"%s*%d\n" % (body, reduce(xor, body))


@dataclass(slots=True)
class Line:
    """One numbered line and how often it was sent."""

    number: int
    command: str
    frame: bytes
    times: int = 0


class SentLines:
    """The last lines sent. Those from `first` to `last` are out and not acknowledged.

    `last` is behind the newest line while older ones are sent again; `first` is past `last` when
    no answer is owed.
    """

    def __init__(self) -> None:
        self.first, self.last = 0, -1
        self.newest = -1
        """The highest number given; -1 before the first."""
        self._lines: deque[Line] = deque(maxlen=HISTORY)

    def restart(self) -> None:
        """Forget all; the next line has number 0."""
        self._lines.clear()
        self.first, self.last = 0, -1
        self.newest = -1

    def append(self, command: str) -> Line:
        """Give the next number to this command; it joins what is out."""
        self.newest = self.last = number = self.newest + 1
        line = Line(number, command, frame(number, command))
        self._lines.append(line)
        return line

    def make_harmless(self, line: Line, command: str) -> None:
        """The printer waits for this number: let it have it, with nothing that acts."""
        line.command, line.frame = command, frame(line.number, command)

    def hold_only(self, number: int) -> Line:
        """Nothing but this line is out, though later ones may have been before."""
        self.first = self.last = number
        return self.line(number)

    @property
    def out(self) -> int:
        """How many lines are out."""
        return self.last - self.first + 1

    @property
    def bytes_out(self) -> int:
        """How many bytes the printer may still have to take in."""
        return sum(len(self.line(number).frame) for number in range(self.first, self.last + 1))

    @property
    def is_handshake(self) -> bool:
        """While the numbering itself is in flight, the printer's idea of it is the old one."""
        return self.newest == 0

    def line(self, number: int) -> Line:
        """A line that is still kept."""
        return self._lines[number - self.newest - 1]

    def has(self, wanted: int) -> bool:
        """Whether this line may be sent again.

        A board that booted unheard wants line 1: what it had done before must not be done again.
        """
        if not self._lines or (self.is_handshake and wanted > 0):
            return False
        if wanted <= BOOTED_WANTS and self.newest > BEYOND_HANDSHAKE:
            return False
        oldest = max(self._lines[0].number, self.newest - FARTHEST_BACK)
        return oldest <= wanted <= self.newest

    def can_be_wanted(self, wanted: int) -> bool:
        """Whether the printer can want this line next, as far as we know what it has been sent.

        It wants an unsent one only after taking the newest: sent twice, or before we went back.
        """
        if wanted == self.newest + 1:
            return self._lines[-1].times > 1 or self.first < self.newest
        return self.has(wanted)
