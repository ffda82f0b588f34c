"""One process that has the simulators imported; each connection makes it fork one of them.

A simulator is as much a process of its own as one that was started: it can be frozen, killed and
seen dead. Only the seconds its imports take are spent once and not hundreds of times.
`python -m tests.sims.nursery FD` serves the listening socket it inherits until its standard input
is closed, and takes its simulators with it.
"""

from __future__ import annotations

import gc
import json
import os
import random
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(slots=True)
class Born:
    """A forked simulator and the connection it speaks over; dead, it stays unreaped until let go.

    So nobody else gets its number while somebody may still send it a signal.
    """

    pid: int
    line: socket.socket
    told: bool = False


class Nursery:
    """Forks on request, tells how each child ended, ends those nobody holds on to any more."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._born: dict[int, Born] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(door, selectors.EVENT_READ, self._come_in)
        self._selector.register(0, selectors.EVENT_READ, None)
        self._rung, bell = socket.socketpair()
        self._bell = bell
        self._rung.setblocking(False)
        bell.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(bell.fileno())
        self._selector.register(self._rung, selectors.EVENT_READ, self._look)

    def run(self) -> None:
        """Until the standard input is closed."""
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    for born in self._born.values():
                        os.kill(born.pid, signal.SIGKILL)
                    return
                key.data(key.fileobj)

    def _come_in(self, door: socket.socket) -> None:
        line, _ = door.accept()
        asked = b""
        while not asked.endswith(b"\n"):
            asked += (more := line.recv(65_536))
            if not more:
                line.close()
                return
        wanted = json.loads(asked)
        module = import_module(wanted["module"])  # by the parent: the next one has it
        gc.freeze()
        if not (pid := os.fork()):
            self._be(module, wanted, line)
        self._born[line.fileno()] = Born(pid, line)
        self._selector.register(line, selectors.EVENT_READ, self._let_go)

    def _be(self, module: Any, wanted: dict[str, Any], line: socket.socket) -> None:
        """In the child: become the simulator, and never come back."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(line.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for each in (self._door, self._rung, self._bell, line, self._selector):
                each.close()
            for born in self._born.values():
                born.line.close()
            os.environ.clear()
            os.environ.update(wanted["environ"])
            os.chdir(wanted["folder"])
            random.seed()
            sys.argv = [module.__file__, *wanted["arguments"]]
            sys.stdout.write(json.dumps({"pid": os.getpid()}) + "\n")
            sys.stdout.flush()
            code = module.main()
        except SystemExit as told:
            code = told.code if isinstance(told.code, int) else 1
        except BaseException:  # noqa: BLE001 - whatever it is, the nursery must not go on here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _let_go(self, line: socket.socket) -> None:
        """Nothing is ever sent here after the request: readable means closed."""
        self._selector.unregister(line)
        born = self._born.pop(line.fileno())
        line.close()
        os.kill(born.pid, signal.SIGKILL)
        os.waitpid(born.pid, 0)

    def _look(self, rung: socket.socket) -> None:
        rung.recv(4096)
        for born in self._born.values():
            if not born.told and (code := _ended(born.pid)) is not None:
                born.told = True
                with suppress(OSError):  # let go of just now
                    born.line.sendall(json.dumps({"ended": code}).encode() + b"\n")


def _ended(pid: int) -> int | None:
    """The exit code, negative for a signal, as `subprocess` has it; None while it lives."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        Nursery(listening).run()
