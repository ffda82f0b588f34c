"""What goes out next, and whether it may join what is out already."""

from __future__ import annotations

from equipment_drivers.devices.marlin_lines import Line, SentLines
from equipment_drivers.devices.marlin_outbox import Outbox, Request, Stream
from equipment_drivers.gcode import NUMBERING

WIDEST = 4
RENUMBER = "M110 N0"
MOVES = ("G0 ", "G1 ")
LONG_RUNNING = frozenset(
    {"G4", "G28", "G29", "G30", "M109", "M190", "M191", "M226", "M303", "M400", "M600"}
)


class Feed:
    """Numbers what the outbox holds. One line is out, or several moves where there is room.

    Only moves: they are queued anyway, everything else must be over before the next is sent.
    `places` is the room of the printer's queue as its acknowledgements tell it; 0: they do not.
    They count what is queued as taken, so the most ever told is the room there is.
    """

    def __init__(self, sent: SentLines, outbox: Outbox, window: int, rx_bytes: int) -> None:
        self._sent, self._outbox = sent, outbox
        self._window, self._rx_bytes = min(window, WIDEST), rx_bytes
        self.places = 0

    def next(self) -> Line | None:
        """Nothing is out: the next command, or the job's next line."""
        request = self._outbox.next_request()
        if request is None:
            return self._next_of_job()
        if request.command == RENUMBER:
            self._sent.restart()
        return self._number(request.command, request)

    def joining(self) -> Line | None:
        """The job's next move, if it may follow the moves that are out."""
        if self._window == 1:
            return None
        sent = self._sent
        if sent.out >= self._window or sent.out >= self.places or self._outbox.waiting:
            return None
        if not sent.line(sent.last).command.startswith(MOVES):
            return None
        following = self._outbox.next_line()
        if following is None or not following.startswith(MOVES):
            return None
        if sent.bytes_out + len(following) + NUMBERING > self._rx_bytes:
            return None
        return self._next_of_job()

    def is_long_running(self) -> bool:
        """Whether the printer may be at what is out for longer than usual."""
        command = self._sent.line(self._sent.first).command
        return not command.startswith(MOVES) and command.partition(" ")[0] in LONG_RUNNING

    def _next_of_job(self) -> Line | None:
        found = self._outbox.take_line()
        return self._number(*found) if found else None

    def _number(self, command: str, owner: Request | Stream) -> Line:
        line = self._sent.append(command)
        self._outbox.went_out(line.number, owner)
        return line
