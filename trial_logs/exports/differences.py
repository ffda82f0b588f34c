"""The first place in which two files of the same kind differ, named as people would find it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from trial_logs.exports.parquet import is_possible
from trial_logs.typeset.foreign import texts

Cells = dict[str, Any]
CHUNK = 1 << 16
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class Place(NamedTuple):
    """Where, what stands in the first file, and what in the second."""

    where: str
    recorded: str
    found: str


def first_place(recorded: Path, found: Path) -> Place | None:
    """The first difference of two files; None where their bytes are equal."""
    at = _first_byte(recorded, found)
    if at is None:
        return None
    look = READERS.get(recorded.suffix)
    try:
        place = look(recorded, found) if look else None
    except (OSError, ValueError, KeyError, BadZipFile, ElementTree.ParseError, csv.Error):
        place = None
    return place or Place(f"byte {at}", "", "")


def first_value(recorded: Any, found: Any, *, older: bool = False, where: str = "") -> Place | None:
    """The first difference of two JSON values; `older`: names only the second has are passed by."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        names = list(recorded) if older else list(dict.fromkeys([*recorded, *found]))
        pairs = [(f"{where}.{n}".lstrip("."), recorded.get(n), found.get(n)) for n in names]
        missing = set(recorded) ^ set(found) if not older else set(recorded) - set(found)
        for name, (place, before, after) in zip(names, pairs, strict=True):
            if name in missing and before == after:
                return Place(place, "", "")
            if inner := first_value(before, after, older=older, where=place):
                return inner
        return None
    if isinstance(recorded, list) and isinstance(found, list):
        for n, (before, after) in enumerate(zip_longest(recorded, found)):
            if inner := first_value(before, after, older=older, where=f"{where}[{n}]"):
                return inner
        return None if len(recorded) == len(found) else Place(where, "", "")
    if recorded == found and type(recorded) is type(found):
        return None
    return Place(where, _shown(recorded), _shown(found))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _first_byte(recorded: Path, found: Path) -> int | None:
    at = 0
    with recorded.open("rb") as one, found.open("rb") as two:
        while True:
            before, after = one.read(CHUNK), two.read(CHUNK)
            if before != after:
                pairs = zip_longest(before, after)
                return at + next(n for n, pair in enumerate(pairs) if pair[0] != pair[1])
            if not before:
                return None
            at += len(before)


def _in_csv(recorded: Path, found: Path) -> Place | None:
    with (
        recorded.open(encoding="utf-8-sig", newline="") as one,
        found.open(encoding="utf-8-sig", newline="") as two,
    ):
        heads: list[str] = []
        pairs = zip_longest(csv.reader(one), csv.reader(two), fillvalue=())
        for line, (before, after) in enumerate(pairs, 1):
            heads = heads or list(before)
            for cell, (old, new) in enumerate(zip_longest(before, after, fillvalue="")):
                if old != new:
                    name = heads[cell] if cell < len(heads) else str(cell + 1)
                    return Place(f"{line}: {name}", old, new)
    return None


def _in_json(recorded: Path, found: Path) -> Place | None:
    read = (json.loads(path.read_text(encoding="utf-8")) for path in (recorded, found))
    return first_value(*read)


def _in_workbook(recorded: Path, found: Path) -> Place | None:
    with ZipFile(recorded) as one, ZipFile(found) as two:
        sheets = zip(_sheets(one), _sheets(two), strict=False)
        for (name, before), (_, after) in sheets:
            for cell in dict.fromkeys([*before, *after]):
                if before.get(cell) != after.get(cell):
                    return Place(f"{name}!{cell}", before.get(cell, ""), after.get(cell, ""))
    return None


def _sheets(book: ZipFile) -> Iterator[tuple[str, dict[str, str]]]:
    """Every sheet's name with its cells as text, a formula with the value it shows."""
    parts = set(book.namelist())
    texts: list[str] = []
    if "xl/sharedStrings.xml" in parts:
        found = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(item.itertext()) for item in found.iter(f"{SHEET}si")]
    named = ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{SHEET}sheet")
    for number, sheet in enumerate(named, 1):
        rows = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        cells = {str(cell.get("r")): _cell(cell, texts) for cell in rows.iter(f"{SHEET}c")}
        yield str(sheet.get("name")), cells


def _cell(cell: ElementTree.Element, texts: list[str]) -> str:
    value = cell.findtext(f"{SHEET}v") or ""
    formula = cell.findtext(f"{SHEET}f")
    if cell.get("t") == "s" and re.fullmatch(r"\d+", value):
        value = texts[int(value)]
    return f"={formula} → {value}" if formula else value


def _in_parquet(recorded: Path, found: Path) -> Place | None:
    """The row, counted from 1, and the column; None also where pyarrow is not installed."""
    if not is_possible():
        return None
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(recorded) as one, pyarrow.parquet.ParquetFile(found) as two:
        row = 0
        for pair in zip_longest(one.iter_batches(), two.iter_batches()):
            old, new = ([] if each is None else each.to_pylist() for each in pair)
            if old != new:
                return next(_cells(old, new, row))
            row += len(old)
    return None


def _cells(old: list[Cells], new: list[Cells], row: int) -> Iterator[Place]:
    nothing: Cells = {}
    for number, (before, after) in enumerate(zip_longest(old, new, fillvalue=nothing), row + 1):
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                told, seen = (str(each.get(name, "")) for each in (before, after))
                yield Place(f"{number}: {name}", told, seen)


def _in_pdf(recorded: Path, found: Path) -> Place | None:
    """The page and its first line that reads differently; None where only its looks differ."""
    for page, (before, after) in enumerate(zip_longest(texts(recorded), texts(found)), 1):
        if before != after:
            lines = zip_longest((before or "").splitlines(), (after or "").splitlines())
            told, seen = next((a or "", b or "") for a, b in lines if a != b)
            return Place(f"p. {page}", told, seen)
    return None


READERS: dict[str, Callable[[Path, Path], Place | None]] = {
    ".csv": _in_csv,
    ".json": _in_json,
    ".xlsx": _in_workbook,
    ".parquet": _in_parquet,
    ".pdf": _in_pdf,
}
"""How two files with this ending are compared."""
