"""The archive of a trial's data as its party gets it: taken apart, each file as it was put in."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from trial_logs.exports.folder import CSV, PACKAGE
from trial_logs.proof import Difference

MEMBERS = (PACKAGE, *CSV)


def is_archive(file: Path) -> bool:
    """Whether the file is an archive of data files, and no workbook, which is packed like one."""
    if not is_zipfile(file):
        return False
    try:
        with ZipFile(file) as packed:
            return not set(MEMBERS).isdisjoint(packed.namelist())
    except BadZipFile:  # its list of contents is damaged: a file nobody knows
        return False


def unpacked(file: Path, folder: Path) -> tuple[list[Path], list[Difference]]:
    """The data files of an archive, laid in `folder`, and what is wrong with the archive itself."""
    told, found = [], []
    with ZipFile(file) as packed:
        names = packed.namelist()
        for name in MEMBERS:
            if names.count(name) != 1:
                told.append(Difference("report.member_missing", {"file": file.name, "name": name}))
                continue
            try:
                with packed.open(name) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
            except (BadZipFile, EOFError, RuntimeError, zlib.error):  # or locked, or packed oddly
                told.append(Difference("report.member_broken", {"file": file.name, "name": name}))
            else:
                found.append(folder / name)
    foreign = [name for name in names if name not in MEMBERS]
    told += [Difference("report.member_foreign", {"file": file.name, "name": n}) for n in foreign]
    return found, told
