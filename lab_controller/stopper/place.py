"""Where the stopper is found: its socket, its lock, its latch file."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path

from lab_controller.stopper.errors import AlreadyRunning, DataDirUnusable, RuntimeDirUnsafe

SOCKET_ENV = "MACHIKOBA_STOPPER"
SOCKET_NAME = "stopper.sock"
LOCK_NAME = "stopper.lock"
LATCH_NAME = "stop.latch"
LONGEST_PATH = 107  # bytes of a Unix socket's path, without the closing zero


def runtime_dir(data_dir: Path) -> Path:
    """The folder of the socket; in /tmp when the session's own folder is missing or too deep."""
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    name = f"machikoba-{os.getuid()}-{digest}"
    preferred = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / name
    if len(os.fsencode(preferred / SOCKET_NAME)) > LONGEST_PATH:
        return Path("/tmp") / name
    return preferred


def socket_path(data_dir: Path) -> Path:
    """Where the stopper of this data directory listens.

    A running stopper says so in its lock file: another login may have another runtime folder.
    """
    try:
        noted = json.loads((data_dir / LOCK_NAME).read_text(encoding="utf-8"))
        return Path(noted["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        return runtime_dir(data_dir) / SOCKET_NAME


def make_runtime_dir(data_dir: Path) -> Path:
    """Create the socket's folder with mode 0700. Raises RuntimeDirUnsafe when it is not ours."""
    folder = runtime_dir(data_dir)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not ours or stat.S_IMODE(found.st_mode) & 0o077:
            raise RuntimeDirUnsafe(path=folder) from None
    return folder


def lock(data_dir: Path) -> int:
    """Take the data directory for this stopper and note the socket. Raises AlreadyRunning
    or DataDirUnusable.

    The descriptor returned holds the lock until it is closed or the process ends.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        fd = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise DataDirUnusable(path=data_dir, cause=fault.strerror) from fault
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise AlreadyRunning(data_dir=data_dir) from None
    noted = {"pid": os.getpid(), "socket": str(runtime_dir(data_dir) / SOCKET_NAME)}
    with suppress(OSError):  # on a full disk the stopper still starts; the path can be computed
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(noted).encode(), 0)
    return fd
