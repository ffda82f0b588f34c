"""The own log of a long job: every line that went out, in a file of its own."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

log = logging.getLogger(__name__)


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a job's log; empty when it has none. Blocks: not for the loop."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except FileNotFoundError:
        return []


class JobLog:
    """A job's own log file, one line each; short commands have none.

    A log that cannot be written is told once and ends no job.
    """

    def __init__(self, path: Path, *, lasting: bool) -> None:
        self._path = path
        self._file: TextIO | None = None
        if lasting:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("a", encoding="utf-8")
            except OSError as error:
                self._give_up(error)

    def __enter__(self) -> Callable[[str], None]:
        return self._write

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._give_up(error)

    def _write(self, line: str) -> None:
        if self._file is not None:
            try:
                self._file.write(line + "\n")
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        log.error("job log %s cannot be written: %s", self._path.name, error)
        file, self._file = self._file, None
        with suppress(OSError):
            if file is not None:
                file.close()
