"""Stop bytes straight onto duplicates of the controller's open descriptors.

While the controller lives it reads the replies and reports `confirmed`; only after its death are
the duplicates read here.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque

from lab_controller.stopper.calls import DescriptorCall
from lab_controller.stopper.verdict import (
    CONFIRMED,
    SENT,
    Attempt,
    Outcome,
    Settled,
    Verdict,
    failed,
)

LONGEST_REPLY = 65536


class DescriptorAttempt:
    """Bytes offered to one line, waiting for proof."""

    def __init__(self, device: str, call: DescriptorCall) -> None:
        self.device = device
        self._call = call
        self._answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._heard = bytearray()
        self._sent = False

    @property
    def open(self) -> bool:
        """Whether it still waits."""
        return not self._answer.done()

    def went_out(self) -> None:
        """All its bytes are with the kernel."""
        self._sent = True
        if self._call.expect is None:
            self.settle(SENT)

    def hear(self, data: bytes) -> None:
        """Bytes the device said (only after the controller's death)."""
        self._heard = (self._heard + data)[-LONGEST_REPLY:]
        if self._call.expect is not None and self._call.expect.search(self._heard):
            self.settle(CONFIRMED)

    def settle(self, verdict: Verdict) -> None:
        """Fix the outcome; the first one stays."""
        if self.open:
            self._answer.set_result(verdict)

    async def proof(self) -> Verdict:
        """The device's reply, or the failure to write."""
        return await asyncio.shield(self._answer)

    def at_deadline(self) -> Verdict:
        """SENT without a reply, or never taken by the line."""
        if self._sent:
            return Verdict(Outcome.SENT, "no_reply")
        return failed("write_failed", "line blocked")


class HeldLine:
    """One duplicate descriptor: what must still go out on it, and who waits for its replies."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[tuple[bytes, DescriptorAttempt]] = deque()
        self._waiting: list[DescriptorAttempt] = []
        os.set_blocking(fd, False)

    def fire(self, device: str, call: DescriptorCall) -> DescriptorAttempt:
        """Write now; what the line does not take goes out as soon as it does."""
        attempt = DescriptorAttempt(device, call)
        self._waiting = [one for one in self._waiting if one.open]
        self._waiting.append(attempt)
        self._outbox.append((call.data, attempt))
        self._pump()
        return attempt

    def confirmed(self, device: str) -> None:
        """The controller saw this device's reply."""
        for attempt in self._waiting:
            if attempt.device == device:
                attempt.settle(CONFIRMED)

    def drop_old_replies(self) -> None:
        """Discard what was said before the stop, so that it proves nothing."""
        try:
            while os.read(self._fd, LONGEST_REPLY):
                pass
        except OSError:
            return

    def read(self) -> None:
        """Start listening: the controller is dead."""
        self._loop.add_reader(self._fd, self._readable)

    def close(self) -> None:
        """Give the duplicate up; what has not gone out fails."""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        for _, attempt in self._outbox:
            attempt.settle(failed("write_failed", "released"))
        self._outbox.clear()

    def _pump(self) -> None:
        while self._outbox:
            data, attempt = self._outbox[0]
            try:
                written = os.write(self._fd, data)
            except BlockingIOError:
                self._loop.add_writer(self._fd, self._pump)
                return
            except OSError as fault:
                attempt.settle(failed("write_failed", fault.strerror))
                written = len(data)
            else:
                if written == len(data):
                    attempt.went_out()
            if written == len(data):
                self._outbox.popleft()
            else:
                self._outbox[0] = (data[written:], attempt)
        self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # hung up: left registered it would fire without end
            self._loop.remove_reader(self._fd)
            return
        for attempt in self._waiting:
            attempt.hear(data)


class Descriptors:
    """All duplicates held, by connection."""

    def __init__(self) -> None:
        self._lines: dict[str, HeldLine] = {}
        self._reading = False

    @property
    def held(self) -> list[str]:
        """Connections whose duplicate is here."""
        return sorted(self._lines)

    def hold(self, connection: str, fd: int) -> None:
        """Own this duplicate from now on, instead of an older one."""
        self.release(connection)
        self._lines[connection] = HeldLine(fd)

    def release(self, connection: str) -> None:
        """Close the duplicate of a connection, if there is one."""
        line = self._lines.pop(connection, None)
        if line is not None:
            line.close()

    def release_all(self) -> None:
        """Close every duplicate."""
        for connection in self.held:
            self.release(connection)

    def listen(self, allowed: bool) -> None:
        """Whether replies may be read here: only when no controller lives."""
        if allowed and not self._reading:
            for line in self._lines.values():
                line.read()
        self._reading = allowed

    def confirmed(self, device: str) -> None:
        """The controller saw a device's reply on some line."""
        for line in self._lines.values():
            line.confirmed(device)

    def fire(self, device: str, connection: str, call: DescriptorCall) -> Attempt:
        """Write a device's stop bytes at once."""
        line = self._lines.get(connection)
        if line is None:
            return Settled(failed("no_descriptor"))
        if self._reading:
            line.drop_old_replies()
        return line.fire(device, call)
