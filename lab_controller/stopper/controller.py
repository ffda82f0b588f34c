"""What the stopper knows of the controller: its channel, its process, its last heartbeat."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from lab_controller.stopper.errors import Refused
from lab_controller.stopper.lines import LineSocket, Message

PERMIT_S = 1.5  # how long one heartbeat's permit is good for, in real seconds


class ControllerChannel:
    """The one channel that has said hello, and the process behind it."""

    def __init__(self) -> None:
        self._on_gone: Callable[[], None] = lambda: None
        self._on_dead: Callable[[], None] = lambda: None
        self._line: LineSocket | None = None
        self._pidfd: int | None = None
        self.pid: int | None = None
        self.last_beat = 0.0
        self.hung = False
        self.departed = False
        self.has_plans = False
        self.greetings = 0

    def watch(self, on_gone: Callable[[], None], on_dead: Callable[[], None]) -> None:
        """Call `on_gone` when the channel ends without farewell, `on_dead` when the process has."""
        self._on_gone = on_gone
        self._on_dead = on_dead

    @property
    def living(self) -> bool:
        """Whether a controller is on the channel and beats."""
        return self._line is not None and not self.hung

    @property
    def word(self) -> str:
        """`absent`, `living` or `hung`."""
        if self._line is None:
            return "absent"
        return "hung" if self.hung else "living"

    def is_me(self, line: LineSocket) -> bool:
        """Whether this connection is the controller's."""
        return line is self._line

    def greet(self, line: LineSocket) -> None:
        """Take this connection as the controller's. Raises Refused while another holds it."""
        if self._line is not None and self._line is not line:
            raise Refused("stop.controller_present", pid=self.pid)
        self._forget_process()
        self._line = line
        self.pid = line.peer_pid
        self.departed = self.has_plans = False
        self.greetings += 1
        self.beat()
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return  # dead since it spoke: the channel's end is on its way
        asyncio.get_running_loop().add_reader(self._pidfd, self._process_ended)

    def beat(self) -> None:
        """It lives."""
        self.last_beat = asyncio.get_running_loop().time()
        self.hung = False

    def farewell(self) -> None:
        """It shuts down in good order."""
        self.departed = True

    def push(self, message: Message) -> None:
        """Tell it something, without waiting."""
        if self._line is not None:
            self._line.send(message)

    def left(self, line: LineSocket) -> None:
        """A connection ended; when it was the controller's without farewell, that is a death."""
        if line is not self._line:
            return
        self._line = None
        self.hung = False
        if not self.departed:
            self._on_gone()

    def close(self) -> None:
        """Stop watching."""
        self._forget_process()
        if self._line is not None:
            self._line.close()

    def _process_ended(self) -> None:
        self._forget_process()
        self._on_dead()

    def _forget_process(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
