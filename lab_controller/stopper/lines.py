"""JSON lines over a Unix socket, with descriptors beside them (SCM_RIGHTS).

Sending never waits: what the other side does not take is queued, and a peer that lets more than
`LONGEST_QUEUE` bytes pile up is cut off, so that a frozen one cannot hold up a stop.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from lab_controller.stopper.errors import LineTooLong, Refused, StopFault

Message = dict[str, Any]

LONGEST_LINE = 1 << 20
LONGEST_QUEUE = 1 << 20
FULL_INBOX = 256
CHUNK = 65536


class LineSocket:
    """One connected Unix stream socket on the running loop."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._partial = bytearray()
        self._inbox: deque[Message | StopFault] = deque()
        self._arrived = asyncio.Event()
        self._descriptors: deque[int] = deque()
        self._outbox: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._waiting = 0
        self._ended = False
        self.closed = False
        self._loop.add_reader(sock, self._readable)

    @property
    def peer_pid(self) -> int:
        """Process id of the other side at the time it connected."""
        credentials = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[:4], "little")

    async def receive(self) -> Message | None:
        """The next message, None at the end. Raises StopFault for a line that is none."""
        while not self._inbox:
            if self._ended or self.closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        found = self._inbox.popleft()
        if len(self._inbox) == FULL_INBOX - 1 and not (self._ended or self.closed):
            self._loop.add_reader(self._sock, self._readable)
        if isinstance(found, StopFault):
            raise found
        return found

    def take_descriptor(self) -> int | None:
        """The oldest descriptor received and not yet taken; the caller owns it."""
        return self._descriptors.popleft() if self._descriptors else None

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Queue a message and put out what the socket takes now."""
        if self.closed:
            return
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._outbox.append((data, tuple(descriptors)))
        self._waiting += len(data)
        self._writable()
        if self._waiting > LONGEST_QUEUE:
            self.close()

    def close(self) -> None:
        """Close the socket and every descriptor nobody took. May be called twice."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())
        self._arrived.set()

    def _readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, CHUNK, 16)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        for fd in descriptors:
            os.set_inheritable(fd, False)
            self._descriptors.append(fd)
        if data:
            self._split(data)
        else:
            self._end()
        if len(self._inbox) >= FULL_INBOX:
            self._loop.remove_reader(self._sock)
        self._arrived.set()

    def _split(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._partial += piece
            if self._partial.strip():
                self._inbox.append(_parsed(bytes(self._partial)))
            self._partial.clear()
        self._partial += rest
        if len(self._partial) > LONGEST_LINE:
            self._inbox.append(LineTooLong(limit=LONGEST_LINE))
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._loop.remove_reader(self._sock)

    def _writable(self) -> None:
        while self._outbox:
            data, descriptors = self._outbox[0]
            try:
                sent = self._put(data, descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._writable)
                return
            except OSError:
                self._outbox.clear()  # the reader sees the end and tells
                self._waiting = 0
                break
            self._waiting -= sent
            if sent == len(data):
                self._outbox.popleft()
            else:
                self._outbox[0] = (data[sent:], ())
        self._loop.remove_writer(self._sock)

    def _put(self, data: bytes, descriptors: Sequence[int]) -> int:
        if descriptors:
            return socket.send_fds(self._sock, [data], descriptors)
        return self._sock.send(data)


def _parsed(line: bytes) -> Message | StopFault:
    try:
        message = json.loads(line)
    except ValueError:
        return Refused("stop.bad_message", problem="not JSON")
    if not isinstance(message, dict):
        return Refused("stop.bad_message", problem="not an object")
    return message


async def dial(path: os.PathLike[str]) -> LineSocket:
    """Connect to a Unix socket. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, os.fspath(path))
    except BaseException:
        sock.close()
        raise
    return LineSocket(sock)
