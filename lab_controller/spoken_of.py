"""Which trial a file speaks of, and whether a folder already holds files of another one."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from lab_controller.errors import LabError

TRIAL = re.compile(rb"T\d{8}-\d{2,4}(?!\d)")


class FolderTaken(LabError):
    """The folder holds files of another trial that would be overwritten."""

    code = "lab.folder_taken"


def trial_in(file: Path) -> str:
    """The trial a file speaks of, from its own words; empty where it names none."""
    try:
        with ZipFile(file) as book:
            return _first(book.read("docProps/core.xml"))
    except (BadZipFile, KeyError):
        pass
    if not file.stat().st_size:
        return ""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as seen:
        return _first(seen)


def keep_others(folder: Path, names: Iterable[str], trial: str) -> None:
    """Raises FolderTaken where one of these files is there already and is another trial's."""
    for name in names:
        file = folder / name
        other = trial_in(file) if file.is_file() else ""
        if other and other != trial:
            raise FolderTaken(folder=folder, file=name, other=other, trial=trial)


def _first(content: bytes | mmap.mmap) -> str:
    found = TRIAL.search(content)
    return found.group().decode() if found else ""
