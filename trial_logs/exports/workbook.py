"""A trial as an XLSX workbook: every value with its unit, the summary computed live from the rows.

Text is never run as a formula. The file is dated by the trial, so that the same content gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import xlsxwriter

from trial_logs.content import ReportContent, RunSection
from trial_logs.digest import mark_text
from trial_logs.exports import indicator_sheet
from trial_logs.exports.cells import Block, Cell, Formula, letter, put, quoted
from trial_logs.exports.csv_files import as_it_is, writers
from trial_logs.exports.summary_sheet import FIRST_RUN, Ask, column_of, facts, lines
from trial_logs.exports.tables import (
    CONSUMABLES,
    CORRECTIONS,
    MACHINE_STOPS,
    MEASUREMENTS,
    NOTES,
    PARTS,
    STOPS,
    Source,
    Table,
    Words,
)
from trial_logs.model import Verdict
from trial_logs.shown import label, unit_symbol
from trial_logs.stamps import from_us

WIDTHS = {
    "time": 33, "source_time": 33, "item": 34, "corrected_why": 30, "corrected_at": 33, "why": 30,
    "cause": 24, "meaning": 28, "note": 60, "indicator": 26, "formula": 60, "symbol_1": 22,
    "symbol_2": 22, "symbol_3": 22, "remark": 30,
}  # fmt: skip
READING_COLUMNS = (
    "run", "simulated", "device", "signal", "unit", "count", "minimum", "mean", "maximum", "bad",
)  # fmt: skip
OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "in_memory": True,
    "use_future_functions": True,
}
Blocks = dict[str, Block]


def write_workbook(path: Path, source: Source, words: Words) -> None:
    """The trial as XLSX: summary, indicators, parts, measurements, corrections and what belongs."""
    content = source.content
    with xlsxwriter.Workbook(str(path), dict(OPTIONS)) as file:
        created = from_us(content.date_us).replace(tzinfo=None)
        mark = mark_text(content.trial_id, source.digest)
        file.set_properties({"title": content.title, "created": created, "keywords": mark})
        book = Book(file, content, words)
        summary, indicators = book.sheet("summary"), book.sheet("indicators")
        parts = book.table(PARTS, source, counted=True)
        measured = book.table(MEASUREMENTS, source)
        cells = _summary(book, summary, source, parts, measured)
        _indicators(book, indicators, cells)
        for table in (CORRECTIONS, MACHINE_STOPS, STOPS, CONSUMABLES, NOTES):
            book.table(table, source)
        readings = (book.title(name) for name in READING_COLUMNS)
        book.plain("readings", [*readings], _reading_lines(content, words))
        units = (book.title(name) for name in ("code", "symbol", "meaning"))
        book.plain("units", [*units], _unit_lines(content, words))


class Book:
    """An open workbook whose every sheet begins with the simulated flag, where there is one."""

    def __init__(self, file: Any, content: ReportContent, words: Words) -> None:
        self._file, self._content, self.words = file, content, words
        self._bold = file.add_format({"bold": True, "bottom": 1, "bg_color": "#F1F5F9"})
        self._alarm = file.add_format({"bold": True, "font_color": "#B3261E"})
        self.top = 1 if content.simulated else 0

    @property
    def runs(self) -> Sequence[RunSection]:
        """The runs of the trial."""
        return self._content.runs

    @property
    def content(self) -> ReportContent:
        """The trial as its report shows it."""
        return self._content

    def title(self, name: str) -> tuple[str, int]:
        """A column's heading and width."""
        return self.words[f"export.{name}"], WIDTHS.get(name, 16)

    def sheet(self, name: str) -> Any:
        """A new sheet, under its name for people."""
        sheet = self._file.add_worksheet(self.words[f"export.{name}"])
        if self._content.simulated:
            sheet.write_string(0, 0, self.words["report.simulated"], self._alarm)
            sheet.write_string(0, 1, self.words["report.simulated_note"], self._alarm)
        return sheet

    def head(self, sheet: Any, columns: Sequence[tuple[str, int]]) -> None:
        """The line of headings."""
        for number, (title, width) in enumerate(columns):
            sheet.set_column(number, number, width)
            sheet.write_string(self.top, number, title, self._bold)
        sheet.freeze_panes(self.top + 1, 1)

    def plain(
        self, name: str, columns: Sequence[tuple[str, int]], rows: Iterator[list[Cell]]
    ) -> None:
        """A sheet of rows nothing refers to."""
        sheet = self.sheet(name)
        self.head(sheet, columns)
        for number, row in enumerate(rows, self.top + 1):
            for column, cell in enumerate(row):
                put(sheet, number, column, cell)

    def table(self, table: Table, source: Source, *, counted: bool = False) -> Blocks:
        """A declared table; returns where each run's rows lie.

        `counted` adds the cycle time of the parts that count: a part taken back has none.
        """
        sheet = self.sheet(table.name)
        heads = [(c.heading(self.words), WIDTHS.get(c.name, 16)) for c in table.columns]
        letters = {column.name: letter(n) for n, column in enumerate(table.columns)}
        if counted:
            letters["counted"] = letter(len(heads))
            heads.append(self.title("counted"))
        self.head(sheet, heads)
        show = writers(table, self.words, source.content, as_it_is)
        blocks: Blocks = {}
        line = self.top + 1
        for run, rows in groupby(table.rows(source), key=lambda row: row[0]):
            first = line + 1
            for row in rows:
                for column, cell in enumerate(row):
                    put(sheet, line, column, show[column](cell))
                if counted:
                    put(sheet, line, len(row), self._counted(line + 1, row, table, letters))
                line += 1
            blocks[str(run)] = Block(self.words[table.title], first, line, letters)
        return blocks

    def _counted(
        self, line: int, row: Sequence[Any], table: Table, letters: dict[str, str]
    ) -> Cell:
        names = [column.name for column in table.columns]
        verdict, cycle = row[names.index("verdict")], row[names.index("cycle_time")]
        void = quoted(self.words[f"verdict.{Verdict.VOID}"])
        at, its = f"{letters['verdict']}{line}", f"{letters['cycle_time']}{line}"
        value = "" if verdict == Verdict.VOID or cycle is None else cycle
        return Formula(f'IF(OR({at}={void},{its}=""),"",{its})', value)


def _summary(
    book: Book, sheet: Any, source: Source, parts: Blocks, measured: Blocks
) -> dict[str, dict[str, str]]:
    """Write the summary; returns its cells by run and line."""
    words, top = book.words, book.top
    names = [words["report.run"].format(number=run.number) for run in book.runs]
    book.head(sheet, [book.title("item"), book.title("unit"), *((name, 20) for name in names)])
    rows: dict[str, int] = {}
    asks = [
        Ask(run, parts.get(run.run_id), measured.get(run.run_id), column_of(n), rows, words)
        for n, run in enumerate(book.runs)
    ]
    row = top + 1
    for line in lines(book.content, words):
        rows[line.key] = row + 1
        put(sheet, row, 0, line.title)
        put(sheet, row, 1, line.unit)
        for number, ask in enumerate(asks):
            put(sheet, row, FIRST_RUN + number, line.cell(ask))
        row += 1
    for name, text in facts(book.content, source.digest, words):
        row += 1
        put(sheet, row, 0, name)
        put(sheet, row, FIRST_RUN, text or words["report.none"])
    place = words["export.summary"].replace("'", "''")
    return {
        ask.run.run_id: {key: f"'{place}'!{ask.column}{at}" for key, at in rows.items()}
        for ask in asks
    }


def _indicators(book: Book, sheet: Any, summary: dict[str, dict[str, str]]) -> None:
    book.head(sheet, [book.title(name) for name in indicator_sheet.COLUMNS])
    row = book.top + 1
    for run in book.runs:
        for line in indicator_sheet.lines(run, row + 1, summary[run.run_id], book.words):
            for column, cell in enumerate(line):
                put(sheet, row, column, cell)
            row += 1


def _reading_lines(content: ReportContent, words: Words) -> Iterator[list[Cell]]:
    for run in content.runs:
        for each in run.series:
            yield [
                run.run_id,
                words["export.yes" if run.simulated else "export.no"],
                label(content.labels, each.device),
                label(content.labels, each.device, each.signal),
                unit_symbol(each.unit),
                each.readings,
                each.minimum,
                each.mean,
                each.maximum,
                each.bad,
            ]


def _unit_lines(content: ReportContent, words: Words) -> Iterator[list[Cell]]:
    codes = {each.unit for run in content.runs for each in run.series}
    codes |= {each.unit for run in content.runs for each in run.measurements}
    for code in sorted(codes | {"s"}):
        yield [code, unit_symbol(code), words.get(f"unit.{code}", "")]
