"""The numbered, checksummed line protocol: each line exactly once, in order.

The printer takes only the line after its last one, so a line sent twice is executed once, and
`Resend: k` tells where it stands. Replies carry no checksum and may be damaged, lost or doubled:

    AWAITING  lines are out. `ok` acknowledges. Anything odd leads to DOUBTING.
    DOUBTING  replies are let run dry for `settle_s`; what they said decides between
              acknowledged and sending again from the line the printer wants.

One line is out at a time. Where acknowledgements name their line (ADVANCED_OK) and `window` allows
it, moves may follow each other without waiting, at most as many as the printer has room for and as
its receive buffer can hold; after the first oddity lines go one by one until all that was out is
taken. Only moves: they are queued anyway, everything else must be over before the next is sent.

An `ok` that follows a Resend is not an acknowledgement; some firmwares send it, some do not.
`Resend: k+1` after line k was sent twice is one: the second copy was the surplus. No answer at
all: a further line is sent, whose answer settles both. An acknowledgement taken by mistake is
put right by the next line, so what must be certain is asked back (M114, M105) by the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from equipment_drivers.devices.marlin_alarm import Alarm
from equipment_drivers.devices.marlin_feed import RENUMBER, Feed
from equipment_drivers.devices.marlin_lines import Line, SentLines
from equipment_drivers.devices.marlin_outbox import Job, Outbox, Permit, always
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
PROBE = "M105"


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Real seconds and counts; see the connection options of the driver for their meaning."""

    ok_s: float = 3.0
    long_ok_s: float = 30.0
    settle_s: float = 0.1
    timeouts: int = 3
    resends: int = 10
    window: int = 1
    rx_bytes: int = 128


class Wire(Protocol):
    """What the link needs of a serial line."""

    def write(self, data: bytes) -> None: ...


class State(Enum):
    """Where what is out stands."""

    IDLE = auto()
    AWAITING = auto()
    DOUBTING = auto()


# As names of the module: looked up in the enumeration at every line they cost a tenth of it.
IDLE, AWAITING, DOUBTING = State


@dataclass(slots=True)
class Doubt:
    """What was heard since the answer to what is out became uncertain."""

    acknowledged: bool
    several: bool
    wanted: int | None = None
    last_line: int | None = None
    oks: int = 0


class MarlinLink:
    """Feeds commands and a job's lines to the printer, each with its own number.

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
        self.resends, self.noise = 0, 0.0
        """Lines sent again; share (0..1) of the last hundred that were damaged, there or back."""
        self._wire = wire
        self._on_reply, self._on_broken = on_reply, on_broken
        self._outbox = Outbox()
        self._state = IDLE
        self._sent = SentLines()
        self._feed = Feed(self._sent, self._outbox, timing.window, timing.rx_bytes)
        self._due = 0
        self._doubt = Doubt(acknowledged=False, several=False)
        self._timeouts = self._again = self._strange = self._streak = 0
        self._fault: DriverError | None = None
        self._alarm = Alarm(asyncio.get_running_loop(), self._ring)

    # -- sending ----------------------------------------------------------------------------

    def send(self, command: str, permit: Permit = always) -> asyncio.Future[list[str]]:
        """Send after what waits already; the answer is what the printer said before its `ok`.

        `permit` is asked when the line goes out, and again when it has to go out again (Stopped).
        A cancelled answer leaves a line that went out to be settled before the next one. It fails
        with OutcomeUnknown (no answer), Faulted (halted or restarted) or a WireFault.
        """
        answer = self._outbox.put(command, permit)
        self.go_on()
        return answer

    def post(self, command: str) -> asyncio.Future[list[str]]:
        """`send` for those who only listen to `on_reply`: nobody need await the answer."""
        answer = self.send(command)
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer

    def stream(self, job: Job) -> asyncio.Future[None]:
        """Send a job's lines; done when the last is acknowledged. Fails as `send` or the job."""
        ended = self._outbox.stream(job)
        self.go_on()
        return ended

    def go_on(self) -> None:
        """Look again for something to send: the job has a line now, or has come to its end."""
        if self._fault is not None:
            self._outbox.fail(self._fault)
        elif self._state is IDLE:
            self._next()

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
        return "" if self._state is IDLE else self._sent.line(self._sent.first).command

    @property
    def is_crowded(self) -> bool:
        """Whether commands wait for their turn."""
        return bool(self._outbox.waiting)

    def fail(self, fault: DriverError) -> None:
        """Nothing more is sent; every caller gets the fault."""
        if self._fault is None:
            self._fault = fault
        self._state = IDLE
        self._alarm.cancel()
        self._outbox.fail(self._fault)

    def _next(self) -> None:
        """Nothing is out: send the next command or line."""
        self._state = IDLE
        self._start(self._feed.next())

    def _start(self, line: Line | None) -> None:
        """Send this line, and the moves that may join it."""
        while line is not None:
            self._transmit(line)
            line = self._feed.joining() if self._state is AWAITING else None

    def _transmit(self, line: Line) -> None:
        if line.times and not self._outbox.is_permitted(line.number):
            self._sent.make_harmless(line, PROBE)
        line.times += 1
        self._due += 1
        self._state = AWAITING
        try:
            self._wire.write(line.frame)
        except LinkLost as fault:
            self._break(fault)
            return
        self._alarm.after(self._patience())

    def _patience(self) -> float:
        return self.timing.long_ok_s if self._feed.is_long_running() else self.timing.ok_s

    # -- hearing ----------------------------------------------------------------------------

    def hear(self, line: str) -> None:
        """Take one received line."""
        if line == "ok" and self._state is AWAITING and self._due == 1:
            self._acknowledge(self._sent.last)
            return
        reply = classify(line)
        if reply.kind in (Kind.REPORT, Kind.OK):
            self._outbox.heard(line)
        match reply.kind:
            case Kind.OK | Kind.TORN_OK:
                self._feed.places = max(self._feed.places, reply.places)
                self.noise += NOISE_WEIGHT if reply.kind is Kind.TORN_OK else 0.0
                self._ok(reply.number)
            case Kind.REJECTED if self._state is not IDLE:
                self._begin_doubt(acknowledged=False)
                self._doubt.last_line = reply.number
            case Kind.RESEND:
                self._resend(reply.number)
            case Kind.BUSY | Kind.BLOCKED if self._state is not IDLE:
                self._busy()
            case Kind.WAIT if self._state is AWAITING:
                self._due = 0  # it waits for a line while one is out: its `ok` was lost
                self._time_out()
            case Kind.START:
                self._restarted()
            case Kind.HALTED:
                self.fail(Faulted(cause=reply.text))
        if line != "ok":
            self._on_reply(reply)

    def _ok(self, number: int | None) -> None:
        """A torn one counts too: were it not ours, the printer would ask for our line again."""
        sent = self._sent
        if number is not None and number < sent.first:
            return
        if self._state is DOUBTING:
            self._ok_in_doubt()
        elif self._state is AWAITING:
            self._due = max(0, self._due - 1)
            if sent.out > 1 and number is not None and number < sent.last:
                self._acknowledge(number)
            elif self._due == 0 or (sent.out > 1 and number == sent.last):
                self._acknowledge(sent.last)
            elif sent.out == 1:
                self._begin_doubt(acknowledged=True)

    def _ok_in_doubt(self) -> None:
        """The first one after a Resend belongs to the Resend, a second one to our line."""
        doubt = self._doubt
        doubt.oks += 1
        if doubt.acknowledged:
            return
        if doubt.several:
            self._alarm.after(self.timing.settle_s)
            return
        if doubt.oks > 1:
            doubt.acknowledged = True
        if doubt.oks > 1 or self._streak < CALM_STREAK:
            self._settle()
        else:
            self._alarm.after(self.timing.settle_s)

    def _resend(self, wanted: int | None) -> None:
        if self._state is IDLE:
            if wanted is None or not self._sent.has(wanted):
                return
            self._sent.hold_only(self._sent.newest)
        self._due = max(0, self._due - 1)
        told = self._doubt.last_line if self._state is DOUBTING else None
        self._begin_doubt(acknowledged=False)
        if told is not None and wanted is not None and told + 1 != wanted:
            return
        self._doubt.wanted = wanted if wanted is not None else told and told + 1

    def _busy(self) -> None:
        """Something is being executed; a line alone can only be that."""
        if self._state is DOUBTING and self._doubt.several:
            self._alarm.after(self.timing.settle_s)
            return
        if self._state is DOUBTING and not self._doubt.acknowledged:
            self._state, self._due = AWAITING, max(1, self._due)
        if self._state is AWAITING:
            self._timeouts = 0
            self._alarm.after(self._patience())

    def _restarted(self) -> None:
        """The board forgot everything; only a handshake goes on from there."""
        if self._state is IDLE and self._sent.newest < 0:
            return
        if self.in_flight == RENUMBER:
            self._due = 0
            self._begin_doubt(acknowledged=False)
            return
        self.fail(Faulted(cause="restarted"))
        self._on_broken(LinkLost(cause="restarted"))

    # -- deciding ---------------------------------------------------------------------------

    def _acknowledge(self, number: int) -> None:
        """Lines up to this one were taken; go on to the next, which may be one already sent."""
        self._streak = self._streak + 1 if self._sent.line(number).times > 1 else 0
        self._advance(number + 1)

    def _advance(self, number: int) -> None:
        sent = self._sent
        self.noise -= self.noise * NOISE_WEIGHT
        self._timeouts = self._again = self._strange = 0
        sent.first = number
        self._due = max(0, sent.out)
        if number <= sent.last:
            self._alarm.after(self._patience())
            self._start(self._feed.joining())
        elif number <= sent.newest:
            self._transmit(sent.hold_only(number))
        else:
            sent.last = number - 1
            self._next()
        self._outbox.taken(number - 1)  # last: the printer is at work already

    def _begin_doubt(self, *, acknowledged: bool) -> None:
        still = self._state is DOUBTING and self._doubt.several
        self._state = DOUBTING
        self._doubt = Doubt(acknowledged, several=still or self._sent.out > 1)
        self._alarm.after(self.timing.settle_s)

    def _settle(self) -> None:
        """Decide: taken, or send (again) the line the printer wants."""
        doubt, sent = self._doubt, self._sent
        if doubt.acknowledged:
            self._acknowledge(sent.last)
            return
        wanted = sent.first
        if doubt.wanted is not None and not sent.is_handshake:
            wanted = doubt.wanted
        if sent.can_be_wanted(wanted):
            self._strange = 0
        else:
            self._strange += 1
            wanted = sent.first
        if wanted > sent.last:
            self._streak += 1
            self._advance(wanted)
            return
        self._outbox.taken(wanted - 1)
        self._send_again(sent.hold_only(wanted))

    def _send_again(self, line: Line) -> None:
        self.resends += 1
        self._again += 1
        self.noise += NOISE_WEIGHT
        if self._strange >= STRANGE_LIMIT:
            self._break(ProtocolFault(cause="desync", line=line.number))
        elif self._again > self.timing.resends:
            self._break(ProtocolFault(cause="resend_storm", line=line.number))
        else:
            self._transmit(line)

    def _break(self, fault: WireFault) -> None:
        self.fail(fault)
        self._on_broken(fault)

    def _ring(self) -> None:
        if self._state is DOUBTING:
            self._due = 0
            self._settle()
        elif self._state is AWAITING:
            self._time_out()

    def _time_out(self) -> None:
        """Ask with a further line: taken, it proves the lines before; else one is asked for again.

        A line itself sent twice would prove nothing: some firmwares drop it without a word.
        """
        sent = self._sent
        self._timeouts += 1
        if self._timeouts > self.timing.timeouts:
            self.fail(OutcomeUnknown(cause=f"no answer: {sent.line(sent.first).command}"))
            self._on_broken(PeerSilent(line=sent.first))
        elif sent.is_handshake:
            self._send_again(sent.line(sent.first))
        else:
            self._transmit(sent.hold_only(sent.append(PROBE).number))
