"""Numbered, checksummed lines as they go over the wire, kept for as long as they may be wanted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import reduce
from operator import xor

HISTORY = 8
"""With one line in flight a legitimate Resend reaches back one or two."""
FARTHEST_BACK = 4


def frame(number: int, command: str) -> bytes:
    """The command as `N<number> <command>*<XOR of all bytes before the star>` and a line feed."""
    body = f"N{number} {command}".encode("ascii")
    return b"%s*%d\n" % (body, reduce(xor, body))


@dataclass(slots=True)
class Line:
    """One numbered line and how often it was sent."""

    number: int
    frame: bytes
    times: int = 0


class SentLines:
    """The last lines sent; `number` is the one in hand, which may be older than the newest."""

    def __init__(self) -> None:
        self.number = 0
        self._lines: deque[Line] = deque(maxlen=HISTORY)

    def restart(self) -> None:
        """Forget all; the next line has number 0."""
        self._lines.clear()

    def append(self, command: str) -> None:
        """Take the next number for this command and take it in hand."""
        self.number = self.newest + 1
        self._lines.append(Line(self.number, frame(self.number, command)))

    @property
    def newest(self) -> int:
        """The highest number given; -1 before the first."""
        return self._lines[-1].number if self._lines else -1

    @property
    def is_handshake(self) -> bool:
        """While the numbering itself is in flight, the printer's idea of it is the old one."""
        return self.newest == 0

    def in_hand(self) -> Line:
        """The line with the present `number`."""
        return self._lines[self.number - self.newest - 1]

    def has(self, wanted: int) -> bool:
        """Whether this line can be sent again."""
        if not self._lines or (self.is_handshake and wanted > 0):
            return False
        oldest = max(self._lines[0].number, self.number - FARTHEST_BACK)
        return oldest <= wanted <= self.newest

    def can_be_wanted(self, wanted: int) -> bool:
        """Whether the printer can want this line next, as far as we know what it has been sent.

        It wants an unsent one only after taking the newest: sent twice, or before we went back.
        """
        if wanted == self.newest + 1:
            return self._lines[-1].times > 1 or self.number < self.newest
        return self.has(wanted)
