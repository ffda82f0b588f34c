"""What is to be sent to the printer, and whose each line is that went out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from equipment_drivers.errors import DriverError, Stopped

Permit = Callable[[], bool]
"""Whether a line may still go out; asked at the moment it does, also when it goes out again."""


def always() -> bool:
    """What only asks or calms needs nobody's leave."""
    return True


class Job(Protocol):
    """Lines taken one by one, at the moment the wire has room for them."""

    def may_act(self) -> bool:
        """Whether a line of it may go out, also one that was sent before."""
        ...

    def peek(self) -> str | None:
        """The next line, not yet taken; None: none for now. Raises DriverError to end."""
        ...

    def take(self) -> str | None:
        """The next line, which is now to be sent; None: none for now. Raises DriverError to end."""
        ...

    def taken(self) -> bool:
        """The printer has acknowledged one line more; whether that was the last."""
        ...


@dataclass(slots=True)
class Request:
    """One command of a caller, until its answer is complete."""

    command: str
    answer: asyncio.Future[list[str]]
    permit: Permit = always
    replies: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Stream:
    """A job on its way, and who waits for its end."""

    job: Job
    ended: asyncio.Future[None]


class Outbox:
    """Callers' commands first, each with an answer of its own; between them a job's lines.

    A cancelled answer or a cancelled stream sends nothing further.
    """

    def __init__(self) -> None:
        self.waiting: deque[Request] = deque()
        self._out: deque[tuple[int, Request | Stream]] = deque()
        self._stream: Stream | None = None

    def put(self, command: str, permit: Permit = always) -> asyncio.Future[list[str]]:
        """Wait with this command; the answer is what is said before its acknowledgement.

        It fails with Stopped when `permit` says no at the moment it would be sent.
        """
        request = Request(command, asyncio.get_running_loop().create_future(), permit)
        self.waiting.append(request)
        return request.answer

    def stream(self, job: Job) -> asyncio.Future[None]:
        """Wait with this job; done when its last line is acknowledged."""
        self._stream = Stream(job, asyncio.get_running_loop().create_future())
        return self._stream.ended

    def next_request(self) -> Request | None:
        """The next command somebody still waits for."""
        while self.waiting:
            request = self.waiting.popleft()
            if request.answer.done():
                continue
            if request.permit():
                return request
            request.answer.set_exception(Stopped(command=request.command))
        return None

    def is_permitted(self, number: int) -> bool:
        """Whether line `number` may be sent once more; if not, its owner is told and ends."""
        owner = next((owner for of, owner in self._out if of == number), None)
        match owner:
            case Request() if not owner.permit():
                if not owner.answer.done():
                    owner.answer.set_exception(Stopped(command=owner.command))
                return False
            case Stream() if not owner.job.may_act():
                self._end_stream(Stopped(cause="resend"))
                return False
        return True

    def next_line(self) -> str | None:
        """The job's next line, not yet taken."""
        stream = self._streaming()
        try:
            return stream.job.peek() if stream else None
        except DriverError as fault:
            self._end_stream(fault)
            return None

    def take_line(self) -> tuple[str, Stream] | None:
        """The job's next line, to be sent now."""
        stream = self._streaming()
        if stream is None:
            return None
        try:
            line = stream.job.take()
        except DriverError as fault:
            self._end_stream(fault)
            return None
        return None if line is None else (line, stream)

    def went_out(self, number: int, owner: Request | Stream) -> None:
        """Line `number` was sent for this owner."""
        self._out.append((number, owner))

    def heard(self, line: str) -> None:
        """A reply: it belongs to the oldest command that is out."""
        if self._out and isinstance(owner := self._out[0][1], Request):
            owner.replies.append(line)

    def taken(self, number: int) -> None:
        """The printer has taken all lines up to this one: tell their owners."""
        while self._out and self._out[0][0] <= number:
            _, owner = self._out.popleft()
            if isinstance(owner, Stream):
                if owner.job.taken() and not owner.ended.done():
                    owner.ended.set_result(None)
            elif not owner.answer.done():
                owner.answer.set_result(owner.replies)

    def fail(self, fault: DriverError) -> None:
        """Everybody who waits gets the fault."""
        owners = [owner for _, owner in self._out if isinstance(owner, Request)]
        for request in (*owners, *self.waiting):
            if not request.answer.done():
                request.answer.set_exception(fault)
        self.waiting.clear()
        self._out.clear()
        self._end_stream(fault)

    def _streaming(self) -> Stream | None:
        if self._stream is not None and self._stream.ended.done():
            self._stream = None
        return self._stream

    def _end_stream(self, fault: DriverError) -> None:
        stream, self._stream = self._streaming(), None
        if stream is not None:
            stream.ended.set_exception(fault)
