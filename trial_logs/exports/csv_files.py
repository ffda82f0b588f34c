"""Tables as CSV for spreadsheets: UTF-8 with BOM, units named, no cell a formula.

Times are ISO 8601 in the lab's zone, to the microsecond; numbers are written in the shortest form
that reads back as the same number.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trial_logs.content import ReportContent
from trial_logs.exports.tables import Column, Kind, Source, Table, Words
from trial_logs.shown import local, reason

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""Full-width ones too: owasp.org/www-community/attacks/CSV_Injection."""
Write = Callable[[Any], Any]


def write_csv(path: Path, table: Table, source: Source, words: Words) -> int:
    """One table of a trial, row by row; returns how many."""
    cells = writers(table, words, source.content, harmless)
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        lines = csv.writer(out)
        lines.writerow([column.heading(words) for column in table.columns])
        for row in table.rows(source):
            lines.writerow([write(cell) for write, cell in zip(cells, row, strict=True)])
            count += 1
    return count


def writers(table: Table, words: Words, content: ReportContent, text: Write) -> list[Write]:
    """For each column, how its cells are written for people; `text` writes free text."""
    return [_writer(column, words, content, text) for column in table.columns]


def _writer(column: Column, words: Words, content: ReportContent, text: Write) -> Write:
    if column.kind is Kind.TEXT:
        return text
    if column.kind is Kind.FLAG:
        flags = {True: words["export.yes"], False: words["export.no"]}
        return flags.__getitem__
    if column.kind is Kind.TIME:
        return Clock(content.zone).iso
    if column.kind is Kind.REASON:
        named = content.protocol.cause_names
        return lambda cell: text(reason(cell, named, words))
    if column.kind is Kind.WORD:
        shown: dict[str | None, str] = {None: ""}
        shown |= {code: words.get(f"{column.prefix}{code}", code) for code in column.codes}
        return shown.__getitem__
    return as_it_is


def as_it_is(cell: Any) -> Any:
    """The cell itself."""
    return cell


class Clock:
    """Stamps in a zone's ISO 8601 form; the whole second is worked out once for all in it."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._second = -1
        self._shown = ("", "")

    def iso(self, stamp_us: int | None) -> str:
        """A µs stamp as text, empty for None."""
        if stamp_us is None:
            return ""
        second, rest = divmod(stamp_us, 1_000_000)
        if second != self._second:
            whole = local(second * 1_000_000, self._zone).isoformat()
            self._second, self._shown = second, (whole[:19], whole[19:])
        return f"{self._shown[0]}.{rest:06}{self._shown[1]}"


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell
