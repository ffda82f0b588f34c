"""Which reply on a shared connection proves which stop.

Where requests are lines, a reply is a line, and replies come in the order of the requests: a line
goes to the oldest question that is open, also when it is no proof. Where they are not, a protocol
numbers or addresses its messages, and the pattern itself tells whose reply it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from lab_controller.stopper.calls import SocketCall
from lab_controller.stopper.verdict import CONFIRMED, SENT, Verdict

LONGEST_HEARD = 65536


@dataclass(eq=False, slots=True)
class Question:
    """A stop that waits for its reply. `sent`: its bytes are with the kernel; `heard`: a line
    that was no proof."""

    call: SocketCall
    answer: asyncio.Future[Verdict]
    sent: bool = False
    heard: str = ""

    @property
    def open(self) -> bool:
        """Whether it still waits."""
        return not self.answer.done()

    def settle(self, verdict: Verdict) -> None:
        """Fix the outcome; the first one stays."""
        if self.open:
            self.answer.set_result(verdict)

    def went_out(self) -> None:
        """All its bytes are with the kernel."""
        self.sent = True
        if self.call.expect is None:
            self.settle(SENT)

    def fits(self, data: bytes | bytearray) -> bool:
        """Whether these bytes are its proof; then it is settled."""
        found = self.call.expect is not None and self.call.expect.search(data) is not None
        if found:
            self.settle(CONFIRMED)
        return found


KEEP = None  # the turn of a message that keeps the connection awake


@dataclass(slots=True)
class Replies:
    """What one connection has said and to whom it owes a reply. `lines`: it speaks in lines."""

    lines: bool
    _turns: deque[Question | None] = field(default_factory=deque)
    _heard: bytearray = field(default_factory=bytearray)

    def owed(self, question: Question | None) -> None:
        """A request went out; KEEP for one whose reply proves nothing."""
        if not self._turns:
            self._heard.clear()  # what was said before proves nothing
        self._turns.append(question)

    def keep_is_silent(self) -> None:
        """The message that keeps the connection awake has no reply."""
        if KEEP in self._turns:
            self._turns.remove(KEEP)

    def hear(self, data: bytes) -> None:
        """Bytes that came in."""
        self._heard += data
        del self._heard[:-LONGEST_HEARD]
        if self.lines:
            self._hear_lines()
        else:
            self._search()

    def _hear_lines(self) -> None:
        while b"\n" in self._heard:
            line, _, rest = bytes(self._heard).partition(b"\n")
            self._heard[:] = rest
            self._give(line)
        match list(self._turns):
            case [Question() as only] if only.fits(self._heard):  # it ends its line without \n
                self._turns.clear()

    def _give(self, line: bytes) -> None:
        if not self._turns:
            return
        first = self._turns[0]
        if first is KEEP or first.fits(line):
            self._turns.popleft()
            return
        first.heard = line.decode("utf-8", "replace").strip()
        if len(self._turns) > 1:
            self._turns.popleft()

    def _search(self) -> None:
        for question in list(self._turns):
            if question is KEEP:
                self._turns.remove(KEEP)
            elif found := question.call.expect and question.call.expect.search(self._heard):
                question.settle(CONFIRMED)
                self._turns.remove(question)
                del self._heard[found.start() : found.end()]
