"""The controller as a child process, watched without a thread."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab_controller.stopper.errors import CommandFailed
from lab_controller.stopper.place import SOCKET_ENV


class Child:
    """One life of the controller, in a process group of its own so that Ctrl-C passes by us."""

    def __init__(self, command: Sequence[str], socket: Path, niceness: int) -> None:
        environment = {**os.environ, SOCKET_ENV: str(socket)}
        try:
            self._process = subprocess.Popen(command, env=environment, process_group=0)
        except OSError as fault:
            raise CommandFailed(command=command[0], cause=fault.strerror) from fault
        os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    async def exit_code(self) -> int:
        """Wait for its end; a death by signal counts 128 and the signal, as in a shell."""
        code = await asyncio.shield(self._ended)
        return code if code >= 0 else 128 - code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if not self._ended.done():
            self._process.send_signal(number)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set_result(self._process.wait())
