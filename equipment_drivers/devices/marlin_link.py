"""The numbered, checksummed line protocol, one line in flight: each line exactly once, in order.

The printer takes only the line after its last one, so a line sent twice is executed once, and
`Resend: k` tells where it stands. Replies carry no checksum and may be damaged, lost or doubled:

    AWAITING  one line is out. `ok` acknowledges it. Anything odd leads to DOUBTING.
    DOUBTING  replies are let run dry for `settle_s`; what they said decides between
              acknowledged and sending again from the line the printer wants.

An `ok` that follows a Resend is not an acknowledgement; some firmwares send it, some do not.
`Resend: k+1` after line k was sent twice is one: the second copy was the surplus. No answer at
all: a further line is sent, whose answer settles both. An acknowledgement taken by mistake is
put right by the next line, so what must be certain is asked back (M114, M105) by the caller.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from equipment_drivers.devices.marlin_lines import SentLines
from equipment_drivers.devices.marlin_replies import Kind, Reply, classify
from equipment_drivers.errors import (
    DriverError,
    Faulted,
    LinkLost,
    OutcomeUnknown,
    PeerSilent,
    ProtocolFault,
    WireFault,
)

STRANGE_LIMIT = 3
CALM_STREAK = 2
NOISE_WEIGHT = 0.01
RENUMBER = "M110 N0"
PROBE = "M105"
LONG_RUNNING = frozenset(
    {"G4", "G28", "G29", "G30", "M109", "M190", "M191", "M226", "M303", "M400", "M600"}
)


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Real seconds and counts; see the connection options of the driver for their meaning."""

    ok_s: float = 3.0
    long_ok_s: float = 30.0
    settle_s: float = 0.1
    timeouts: int = 3
    resends: int = 10


class Wire(Protocol):
    """What the link needs of a serial line."""

    def write(self, data: bytes) -> None: ...


class State(Enum):
    """Where the line in flight stands."""

    IDLE = auto()
    AWAITING = auto()
    DOUBTING = auto()


@dataclass(slots=True)
class Request:
    """One command of a caller, until its answer is complete."""

    command: str
    answer: asyncio.Future[list[str]]
    replies: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Doubt:
    """What was heard since the answer to the line in flight became uncertain."""

    acknowledged: bool
    wanted: int | None = None
    last_line: int | None = None
    oks: int = 0


class Alarm:
    """One timer, set anew only when it would ring too late; cheap to put off at every line."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def after(self, seconds: float) -> None:
        """Ring so many seconds from now, and not before."""
        self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._due)

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._due)
        else:
            self._ring()


class MarlinLink:
    """Feeds commands to the printer one at a time, each with its own number.

    `hear` every line of the wire. `on_reply` gets each classified line that is no plain `ok`;
    `on_broken` the fault after which the numbering cannot be trusted and the wire must be reopened.
    """

    def __init__(
        self,
        wire: Wire,
        timing: LinkTiming,
        *,
        on_reply: Callable[[Reply], None],
        on_broken: Callable[[WireFault], None],
    ) -> None:
        self.timing = timing
        self.resends = 0
        self.noise = 0.0
        """Share of the last hundred or so lines that had to be sent again, 0..1."""
        self._wire = wire
        self._on_reply, self._on_broken = on_reply, on_broken
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._state = State.IDLE
        self._sent = SentLines()
        self._due = 0
        self._doubt = Doubt(acknowledged=False)
        self._timeouts = self._again = self._strange = self._streak = 0
        self._fault: DriverError | None = None
        self._alarm = Alarm(self._loop, self._ring)

    # -- sending ----------------------------------------------------------------------------

    def send(self, command: str) -> asyncio.Future[list[str]]:
        """Send after what waits already; the answer is what the printer said before its `ok`.

        A cancelled answer leaves a line that went out to be settled before the next one.
        It fails with OutcomeUnknown (no answer), Faulted (halted or restarted) or a WireFault.
        """
        request = Request(command, self._loop.create_future())
        if self._fault is not None:
            request.answer.set_exception(self._fault)
            return request.answer
        self._waiting.append(request)
        if self._state is State.IDLE:
            self._next()
        return request.answer

    def post(self, command: str) -> asyncio.Future[list[str]]:
        """`send` for those who only listen to `on_reply`: nobody need await the answer."""
        answer = self.send(command)
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer

    async def renumber(self) -> None:
        """Make the printer count from 0 again (twice: noise from before spoils the first line).

        Then replies are let run dry, so that none of them is taken for a later line's.
        """
        await self.send(RENUMBER)
        await self.send(RENUMBER)
        await asyncio.sleep(self.timing.settle_s)

    @property
    def in_flight(self) -> str:
        """The command the printer is at; empty when it owes no answer."""
        return self._current.command if self._current and self._state is not State.IDLE else ""

    def fail(self, fault: DriverError) -> None:
        """Nothing more is sent; every caller gets the fault."""
        if self._fault is None:
            self._fault = fault
        self._state = State.IDLE
        self._alarm.cancel()
        doomed = [self._current] if self._current else []
        for request in (*doomed, *self._waiting):
            if not request.answer.done():
                request.answer.set_exception(self._fault)
        self._current = None
        self._waiting.clear()

    def _next(self) -> None:
        """Number and send the next command that somebody still waits for."""
        self._state, self._current = State.IDLE, None
        while self._waiting and self._current is None:
            request = self._waiting.popleft()
            if not request.answer.done():
                self._current = request
        if self._current is None:
            return
        if self._current.command == RENUMBER:
            self._sent.restart()
        self._sent.append(self._current.command)
        self._timeouts = self._again = self._strange = 0
        self._transmit()

    def _transmit(self) -> None:
        line = self._sent.in_hand()
        line.times += 1
        self._due += 1
        self._state = State.AWAITING
        self._alarm.after(self._patience())
        try:
            self._wire.write(line.frame)
        except LinkLost as fault:
            self._break(fault)

    def _patience(self) -> float:
        command = self._current.command.partition(" ")[0] if self._current else ""
        return self.timing.long_ok_s if command in LONG_RUNNING else self.timing.ok_s

    # -- hearing ----------------------------------------------------------------------------

    def hear(self, line: str) -> None:
        """Take one received line."""
        if line == "ok" and self._state is State.AWAITING and self._due == 1:
            self._acknowledge()
            return
        reply = classify(line)
        if self._current is not None and reply.kind in (Kind.REPORT, Kind.OK):
            self._current.replies.append(line)
        match reply.kind:
            case Kind.OK | Kind.TORN_OK:
                self._ok(reply.number)
            case Kind.REJECTED:
                self._rejected(reply.number)
            case Kind.RESEND:
                self._resend(reply.number)
            case Kind.BUSY | Kind.BLOCKED:
                self._busy()
            case Kind.WAIT:
                self._idle_printer()
            case Kind.START:
                self._restarted()
            case Kind.HALTED:
                self.fail(Faulted(cause=reply.text))
        if line != "ok":
            self._on_reply(reply)

    def _ok(self, number: int | None) -> None:
        """A torn one counts too: were it not ours, the printer would ask for our line again."""
        if number is not None and number < self._sent.number:
            return
        if self._state is State.DOUBTING:
            self._ok_in_doubt()
        elif self._state is State.AWAITING:
            self._due = max(0, self._due - 1)
            if self._due == 0:
                self._acknowledge()
            else:
                self._begin_doubt(acknowledged=True)

    def _ok_in_doubt(self) -> None:
        """The first one after a Resend belongs to the Resend, a second one to our line."""
        doubt = self._doubt
        doubt.oks += 1
        if doubt.acknowledged:
            return
        if doubt.oks > 1:
            doubt.acknowledged = True
        if doubt.oks > 1 or self._streak < CALM_STREAK:
            self._settle()
        else:
            self._alarm.after(self.timing.settle_s)

    def _rejected(self, last_line: int | None) -> None:
        if self._state is not State.IDLE:
            self._begin_doubt(acknowledged=False)
            self._doubt.last_line = last_line

    def _resend(self, wanted: int | None) -> None:
        if self._state is State.IDLE:
            if wanted is None or not self._sent.has(wanted):
                return
            self._sent.number = self._sent.newest
        self._due = max(0, self._due - 1)
        told = self._doubt.last_line if self._state is State.DOUBTING else None
        self._begin_doubt(acknowledged=False)
        if told is not None and wanted is not None and told + 1 != wanted:
            return
        self._doubt.wanted = wanted if wanted is not None else told and told + 1

    def _busy(self) -> None:
        """Something is being executed; it can only be the line in flight."""
        if self._state is State.IDLE:
            return
        if self._state is State.DOUBTING and not self._doubt.acknowledged:
            self._state, self._due = State.AWAITING, max(1, self._due)
        if self._state is State.AWAITING:
            self._timeouts = 0
            self._alarm.after(self._patience())

    def _idle_printer(self) -> None:
        """It waits for a line while one is out: its `ok` was lost."""
        if self._state is State.AWAITING:
            self._due = 0
            self._time_out()

    def _restarted(self) -> None:
        """The board forgot everything; only a handshake goes on from there."""
        if self._state is State.IDLE and self._sent.newest < 0:
            return
        if self._current is not None and self._current.command == RENUMBER:
            self._due = 0
            self._begin_doubt(acknowledged=False)
            return
        self.fail(Faulted(cause="restarted"))
        self._on_broken(LinkLost(cause="restarted"))

    # -- deciding ---------------------------------------------------------------------------

    def _acknowledge(self) -> None:
        """The line in flight was taken; go on to the next, which may be one already sent."""
        self._streak = self._streak + 1 if self._sent.in_hand().times > 1 else 0
        self._due = 0
        self._advance(self._sent.number + 1)

    def _advance(self, number: int) -> None:
        self.noise -= self.noise * NOISE_WEIGHT
        self._timeouts = self._again = self._strange = 0
        self._sent.number = number
        if number <= self._sent.newest:
            self._transmit()
            return
        done = self._current
        self._next()
        if done is not None and not done.answer.done():
            done.answer.set_result(done.replies)

    def _begin_doubt(self, *, acknowledged: bool) -> None:
        self._state = State.DOUBTING
        self._doubt = Doubt(acknowledged)
        self._alarm.after(self.timing.settle_s)

    def _settle(self) -> None:
        """Decide: taken, or send (again) the line the printer wants."""
        doubt = self._doubt
        if doubt.acknowledged:
            self._acknowledge()
            return
        wanted = self._sent.number
        if doubt.wanted is not None and not self._sent.is_handshake:
            wanted = doubt.wanted
        if self._sent.can_be_wanted(wanted):
            self._strange = 0
        else:
            self._strange += 1
            wanted = self._sent.number
        if wanted > self._sent.number:
            self._streak += 1
            self._due = 0
            self._advance(wanted)
            return
        self._sent.number = wanted
        self._send_again()

    def _send_again(self) -> None:
        self.resends += 1
        self._again += 1
        self.noise += NOISE_WEIGHT
        if self._strange >= STRANGE_LIMIT:
            self._break(ProtocolFault(cause="desync", line=self._sent.number))
        elif self._again > self.timing.resends:
            self._break(ProtocolFault(cause="resend_storm", line=self._sent.number))
        else:
            self._transmit()

    def _break(self, fault: WireFault) -> None:
        self.fail(fault)
        self._on_broken(fault)

    # -- time -------------------------------------------------------------------------------

    def _ring(self) -> None:
        if self._state is State.DOUBTING:
            self._due = 0
            self._settle()
        elif self._state is State.AWAITING:
            self._time_out()

    def _time_out(self) -> None:
        """Ask with a further line: taken, it proves the line before; else that one is asked for.

        The line itself sent twice would prove nothing: some firmwares drop it without a word.
        """
        self._timeouts += 1
        if self._timeouts > self.timing.timeouts:
            command = self._current.command if self._current else ""
            self.fail(OutcomeUnknown(cause=f"no answer: {command}"))
            self._on_broken(PeerSilent(line=self._sent.number))
        elif self._sent.is_handshake:
            self._send_again()
        else:
            self._sent.append(PROBE)
            self._transmit()
