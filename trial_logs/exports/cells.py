"""Cells of a workbook: values, and live formulas that carry the value they come to.

A formula's own value is written beside it, so that a viewer that does not calculate shows it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trial_logs.exports.tables import Words
from trial_logs.metrics import Figure


@dataclass(frozen=True, slots=True)
class Formula:
    """A live formula (without `=`) and what it comes to."""

    text: str
    value: float | str


Cell = Formula | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one run on a data sheet, counted from 1; `columns` by name, as letters."""

    sheet: str
    first: int
    last: int
    columns: dict[str, str]

    def range(self, column: str) -> str:
        """The cells of one column of it, as a formula names them."""
        letter = self.columns[column]
        sheet = self.sheet.replace("'", "''")
        return f"'{sheet}'!${letter}${self.first}:${letter}${self.last}"


def letter(column: int) -> str:
    """A column's letters, from 0 = A."""
    high, low = divmod(column, 26)
    return (letter(high - 1) if high else "") + chr(ord("A") + low)


def quoted(text: str) -> str:
    """A text inside a formula."""
    return '"' + text.replace('"', '""') + '"'


def exactly(text: str) -> str:
    """A text as a COUNTIF criterion that matches it and nothing else."""
    for sign in "~*?":
        text = text.replace(sign, f"~{sign}")
    return quoted(f"={text}")


def missing(code: str, words: Words) -> str:
    """What stands where there is no number: a dash and why."""
    return f"{words['report.none']} ({words.get(code, code)})"


def shown(figure: Figure, words: Words) -> float | str:
    """A figure's number, or why there is none."""
    return missing(figure.code, words) if figure.value is None else figure.value


def unless(condition: str, code: str, then: str, words: Words) -> str:
    """A formula that says why there is no number where `condition` holds."""
    return f"IF({condition},{quoted(missing(code, words))},{then})"


def put(sheet: Any, row: int, column: int, cell: Cell) -> None:
    """Write one cell; text never becomes a formula."""
    if isinstance(cell, Formula):
        sheet.write_formula(row, column, f"={cell.text}", None, cell.value)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif cell is not None:
        sheet.write(row, column, cell)
