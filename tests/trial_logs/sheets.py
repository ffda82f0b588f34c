"""An evaluator of workbook formulas of our own, written from their definitions, for the tests."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.formula import Tokenizer

Cells = list[Any]


class Sheets:
    """A workbook whose formulas are worked out from the values of other cells, never from cache."""

    def __init__(self, path: Path) -> None:
        self.book = openpyxl.load_workbook(path)
        self.cached = openpyxl.load_workbook(path, data_only=True)

    def formulas(self) -> list[tuple[str, str]]:
        """Every formula cell, as (sheet, address)."""
        return [
            (sheet.title, cell.coordinate)
            for sheet in self.book
            for row in sheet.iter_rows()
            for cell in row
            if cell.data_type == "f"
        ]

    def value(self, sheet: str, address: str) -> Any:
        """What a cell comes to."""
        cell = self.book[sheet][address]
        if cell.data_type != "f":
            return cell.value
        return Formula(self, sheet, str(cell.value)).value()

    def shown(self, sheet: str, address: str) -> Any:
        """What a viewer that does not calculate shows."""
        return self.cached[sheet][address].value

    def cells(self, sheet: str, reference: str) -> Cells:
        """A range, or one cell, as a list of values."""
        if "!" in reference:
            place, _, reference = reference.rpartition("!")
            sheet = place.strip("'").replace("''", "'")
        found = self.book[sheet][reference.replace("$", "")]
        rows = found if isinstance(found, tuple) else ((found,),)
        return [
            self.value(sheet, cell.coordinate)
            for row in rows
            for cell in (row if isinstance(row, tuple) else (row,))
        ]


class Blank(int):
    """An empty cell: zero to a sum, the empty text to a comparison."""

    def __eq__(self, other: object) -> bool:
        return other in ("", 0)

    __hash__ = int.__hash__


def numbers(values: Cells) -> list[float]:
    """The numbers among the values of a range; texts and blanks are passed over."""
    return [each for each in values if isinstance(each, int | float)]


def meets(criterion: str) -> Callable[[Any], bool]:
    """A COUNTIF criterion."""
    sign, wanted = re.fullmatch(r"(<>|>=|<=|=)(.*)", criterion, re.S).groups()  # type: ignore[union-attr]
    if sign in ("=", "<>"):
        text = re.sub(r"~([~*?])", r"\1", wanted)
        return lambda cell: (str("" if cell is None else cell) == text) == (sign == "=")
    limit = float(wanted)
    below = sign == "<="
    return lambda cell: (
        isinstance(cell, int | float) and (cell <= limit if below else cell >= limit)
    )


def countifs(*arguments: Any) -> int:
    """Rows in which every (range, criterion) pair holds."""
    pairs = list(zip(arguments[::2], (meets(each) for each in arguments[1::2]), strict=True))
    return sum(all(test(cells[n]) for cells, test in pairs) for n in range(len(pairs[0][0])))


def percentile(values: Cells, p: float) -> float:
    """PERCENTILE.INC, by the inclusive method of the standard library."""
    return statistics.quantiles(numbers(values), n=100, method="inclusive")[round(p * 100) - 1]


def irr(flows: Cells) -> float:
    """IRR, as the root of the present value by the secant method."""
    before, rate = 0.0, 0.1
    for _ in range(100):
        old, new = (sum(f / (1 + r) ** n for n, f in enumerate(flows)) for r in (before, rate))
        if abs(new - old) < 1e-12:
            break
        before, rate = rate, rate - new * (rate - before) / (new - old)
    return rate


def nper(rate: float, paid: float, worth: float) -> float:
    """NPER, as the year in which the payments' present value reaches what was paid for them."""
    total, year = 0.0, 0
    while total + paid / (1 + rate) ** (year + 1) <= -worth:
        year += 1
        total += paid / (1 + rate) ** year
    return year


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "SUM": lambda values: sum(numbers(values)),
    "COUNT": lambda values: len(numbers(values)),
    "COUNTIF": countifs,
    "COUNTIFS": countifs,
    "AVERAGE": lambda values: statistics.fmean(numbers(values)),
    "MEDIAN": lambda values: statistics.median(numbers(values)),
    "MIN": lambda values: min(numbers(values)),
    "MAX": lambda values: max(numbers(values)),
    "_xlfn.STDEV.S": lambda values: statistics.stdev(numbers(values)),
    "_xlfn.PERCENTILE.INC": percentile,
    "SQRT": math.sqrt,
    "IRR": irr,
    "PV": lambda rate, years, paid: -sum(paid / (1 + rate) ** n for n in range(1, int(years) + 1)),
    "NPER": nper,
    "ROUNDDOWN": lambda value, digits: math.trunc(value * 10**digits) / 10**digits,
    "ROUND": lambda value, digits: math.copysign(
        math.floor(abs(value) * 10**digits + 0.5) / 10**digits, value
    ),
    "OR": lambda *tests: any(tests),
}
SIGNS = {"=": "==", "<>": "!=", "^": "**"}


class Formula:
    """One formula, turned into an expression; arguments of IF are worked out when chosen."""

    def __init__(self, sheets: Sheets, sheet: str, text: str) -> None:
        self._sheets, self._sheet = sheets, sheet
        self._code = "".join(self._piece(token) for token in Tokenizer(text).items)

    def value(self) -> Any:
        """What it comes to."""
        return eval(self._code, {"__builtins__": {}, **self._names()})  # our own grammar

    def _names(self) -> dict[str, Any]:
        return {
            "CALL": lambda name, *given: FUNCTIONS[name](*(each() for each in given)),
            "IF": lambda _, test, yes, no: yes() if test() else no(),
            "RANGE": lambda text: self._sheets.cells(self._sheet, text),
            "CELL": self._cell,
        }

    def _cell(self, text: str) -> Any:
        (found,) = self._sheets.cells(self._sheet, text)
        return Blank() if found is None else found

    def _piece(self, token: Any) -> str:
        if token.type == "FUNC" and token.subtype == "OPEN":
            name = token.value[:-1]
            return f"{'IF' if name == 'IF' else 'CALL'}({name!r},lambda:("
        if token.type in ("FUNC", "PAREN") and token.subtype == "CLOSE":
            return "))" if token.type == "FUNC" else ")"
        if token.type == "SEP":
            return "),lambda:("
        if token.type == "OPERAND" and token.subtype == "TEXT":
            return repr(token.value[1:-1].replace('""', '"'))
        if token.type == "OPERAND" and token.subtype == "RANGE":
            return f"{'RANGE' if ':' in token.value else 'CELL'}({token.value!r})"
        return SIGNS.get(token.value, token.value)
