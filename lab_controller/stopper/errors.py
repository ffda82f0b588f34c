"""What the stopper refuses, and what keeps it from being reached.

StopFault
├── StopperUnreachable   stop.unreachable          (nobody answers at the socket)
├── AlreadyRunning       stop.already_running      (a second stopper on the same data)
├── DataDirUnusable      stop.data_dir_unusable    (it cannot be created or written)
├── RuntimeDirUnsafe     stop.runtime_dir_unsafe   (the socket's folder belongs to somebody else)
├── CommandFailed        stop.command_failed       (the controller's program cannot be started)
├── LineTooLong          stop.line_too_long        (a message past the limit; the socket is closed)
└── Refused              stop.<why>                (an answer with ok = false)
"""

from __future__ import annotations


class StopFault(Exception):
    """Base of the room: a stable `code` and text parameters; the text is chosen at the edge."""

    code = "stop.error"

    def __init__(self, **params: object) -> None:
        self.params = {key: str(value) for key, value in params.items()}
        super().__init__(self.code, self.params)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.code}({shown})"


class StopperUnreachable(StopFault):
    """Nobody answers at the stopper's socket: use the buttons on the machines."""

    code = "stop.unreachable"


class AlreadyRunning(StopFault):
    """Another stopper owns this data directory."""

    code = "stop.already_running"


class DataDirUnusable(StopFault):
    """The data directory cannot be created or written."""

    code = "stop.data_dir_unusable"


class RuntimeDirUnsafe(StopFault):
    """The folder for the socket exists and others could write to it."""

    code = "stop.runtime_dir_unsafe"


class CommandFailed(StopFault):
    """The controller's program cannot be started."""

    code = "stop.command_failed"


class LineTooLong(StopFault):
    """A message without an end: the socket is closed."""

    code = "stop.line_too_long"


class Refused(StopFault):
    """The stopper answered no; `code` says why (one of the `stop.*` codes of `door`)."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        super().__init__(**params)
