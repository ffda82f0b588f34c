"""The own log of a long job: every line that went out, in a file of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

log = logging.getLogger(__name__)


class JobLog:
    """A job's own log file, one line each; short commands have none.

    A log that cannot be written is told once and ends no job.
    """

    def __init__(self, path: Path, *, lasting: bool) -> None:
        self._path = path
        self._file: TextIO | None = None
        if lasting:
            with self._giving_up_on_fault():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Callable[[str], None]:
        return self._write

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with self._giving_up_on_fault():
                self._file.close()

    def _write(self, line: str) -> None:
        if self._file is not None:
            with self._giving_up_on_fault():
                self._file.write(line + "\n")

    @contextmanager
    def _giving_up_on_fault(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            log.error("job log %s cannot be written: %s", self._path.name, error)
            file, self._file = self._file, None
            with suppress(OSError):
                if file is not None:
                    file.close()
