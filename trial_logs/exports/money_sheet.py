"""The money of a purchase dossier as XLSX: a sheet per condition, everything computed live.

Outlay, yearly effect, payback, net present value and rate of return follow the yellow cells, so
that a factory can put in its own offer. The three columns are the estimate and its two ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from trial_logs.digest import mark_text
from trial_logs.dossier.appraisal import DISCOUNTED
from trial_logs.dossier.economics import Economics, InvestmentSheet, Payback, Tax, Yen
from trial_logs.dossier.finance import BEYOND_LIFE, NEVER
from trial_logs.dossier.money import without_tax
from trial_logs.exports.cells import Cell, Formula, letter, put, quoted
from trial_logs.exports.tables import Words
from trial_logs.exports.workbook import OPTIONS
from trial_logs.stamps import from_us

ENDS = ("estimate", "low", "high")
COLUMNS = (
    ("export.item", 34),
    ("export.estimate", 18),
    ("export.low_end", 18),
    ("export.high_end", 18),
)
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
LONGEST_NAME = 31


def write_money(
    path: Path, trial_id: str, digest: str, date_us: int, money: Sequence[Economics], words: Words
) -> None:
    """One sheet for each condition's economics; the file is dated by the trial."""
    with xlsxwriter.Workbook(str(path), dict(OPTIONS)) as file:
        created = from_us(date_us).replace(tzinfo=None)
        mark = mark_text(trial_id, digest)
        file.set_properties({"title": trial_id, "created": created, "keywords": mark})
        for number, economics in enumerate(money, 1):
            name = f"{number} {economics.condition.translate(FORBIDDEN)}"[:LONGEST_NAME].strip()
            Page(file, file.add_worksheet(name), words, economics).write()


class Page:
    """One condition's sheet, written from top to bottom; `row` is the next free one, from 0."""

    def __init__(self, file: Any, sheet: Any, words: Words, money: Economics) -> None:
        self._sheet, self._words, self._money = sheet, words, money
        self._bold = file.add_format({"bold": True, "bottom": 1, "bg_color": "#F1F5F9"})
        self._alarm = file.add_format({"bold": True, "font_color": "#B3261E"})
        self._given = file.add_format({"bg_color": "#FFF9DB", "num_format": "#,##0.##"})
        self._yen = file.add_format({"num_format": "#,##0"})
        self._fine = file.add_format({"num_format": "0.0##"})
        self._row = 0

    def write(self) -> None:
        """The whole sheet."""
        for column, (_, width) in enumerate(COLUMNS):
            self._sheet.set_column(column, column, width)
        self._sheet.set_column(len(COLUMNS), len(COLUMNS) + 1, 26)
        if self._money.simulated:
            self._sheet.write_string(0, 0, self._words["report.simulated"], self._alarm)
            self._sheet.write_string(0, 1, self._words["report.simulated_note"], self._alarm)
            self._row = 1
        plan = self._money.sheet
        self._head(plan.title, self._words["export.plan_value"])
        tax = self._plan("tax_percent", plan.tax_percent)
        rate = self._plan("discount_percent", plan.discount_percent)
        residual = self._plan("residual", plan.residual_yen)
        outlay = self._outlay(plan, tax)
        total = self._effect()
        self._payback(outlay, total, rate)
        self._present_value(plan, outlay, total, rate, residual)

    def _head(self, *titles: str) -> None:
        self._row += bool(self._row)
        for column, title in enumerate(titles):
            self._sheet.write_string(self._row, column, title, self._bold)
        self._row += 1

    def _line(self, title: str, cells: Sequence[Cell], style: Any = None) -> int:
        """A line of cells; returns its row as formulas count."""
        put(self._sheet, self._row, 0, title)
        for column, cell in enumerate(cells, 1):
            if isinstance(cell, Formula):
                text = f"={cell.text}"
                self._sheet.write_formula(self._row, column, text, style or self._yen, cell.value)
            elif isinstance(cell, int | float):
                self._sheet.write_number(self._row, column, cell, style or self._yen)
            else:
                put(self._sheet, self._row, column, cell)
        self._row += 1
        return self._row

    def _plan(self, name: str, value: float) -> str:
        return f"$B${self._line(self._words[f'export.{name}'], [value], self._given)}"

    def _outlay(self, plan: InvestmentSheet, tax: str) -> str:
        """The lines of the investment, each freed from tax; returns the cell of their sum."""
        words = self._words
        self._head(*(words[f"export.{name}"] for name in ("outlay", "yen", "without_tax")))
        first = self._row + 1
        for line in plan.lines:
            bare = f"ROUNDDOWN(B{self._row + 1}*100/(100+{tax}),0)"
            if plan.tax is Tax.EXCLUDED:
                bare = f"B{self._row + 1}"
            name = f"{words[f'cost_kind.{line.kind}']} {line.name}"
            self._sheet.write_number(self._row, 1, line.yen, self._given)
            cells = [None, Formula(bare, without_tax(line.yen, plan)), line.vendor, line.quote]
            self._line(name, cells)
        paid = Formula(f"SUM(C{first}:C{self._row})" if plan.lines else "0", self._money.outlay_yen)
        return f"$C${self._line(words['export.total'], [None, paid])}"

    def _effect(self) -> int:
        """The parts of the yearly effect; returns the row of their sum."""
        words, effect = self._words, self._money.effect
        self._head(words["effect.total"], *(words[title] for title, _ in COLUMNS[1:]))
        first = self._row + 1
        for part in effect.parts:
            self._line(words[f"effect.{part.name}"], self._ends(part.yen), self._given)
        sums = [
            Formula(f"SUM({column}{first}:{column}{self._row})", value) if known else value
            for column, value, known in self._columns(effect.total)
        ]
        return self._line(words["export.total"], sums)

    def _ends(self, yen: Yen) -> list[Cell]:
        return [value for _, value, _ in self._columns(yen)]

    def _columns(self, yen: Yen) -> Iterator[tuple[str, float | str, bool]]:
        """Each end's column, what stands there, and whether it is a number."""
        none = self._words["report.none"]
        for number, end in enumerate(ENDS, 1):
            value: int | None = getattr(yen, end)
            yield letter(number), none if value is None else value, value is not None

    def _payback(self, outlay: str, total: int, rate: str) -> None:
        """Simple and discounted payback of each end, as the effect's own ends are ordered."""
        money, words = self._money, self._words
        self._head(words["export.years"], *(words[title] for title, _ in COLUMNS[1:]))
        for payback, formula in (
            (money.payback, self._simple),
            (money.discounted_payback, self._discounted),
        ):
            cells: list[Cell] = []
            known = (payback.years.estimate, payback.years.high, payback.years.low)
            ends = zip(self._columns(money.effect.total), known, strict=True)
            for (column, value, is_known), years in ends:
                if not is_known or isinstance(value, str):
                    cells.append(value)
                    continue
                text = formula(f"{column}{total}", outlay, rate)
                cells.append(Formula(text, self._when_never(payback, value, years)))
            self._line(words[payback.method], cells, self._fine)

    def _when_never(self, payback: Payback, yearly: float, years: float | None) -> float | str:
        if years is not None:
            return years
        late = payback.method == DISCOUNTED and yearly > 0
        return self._words[BEYOND_LIFE if late else NEVER]

    def _simple(self, yearly: str, outlay: str, rate: str) -> str:
        return f"IF({yearly}<=0,{quoted(self._words[NEVER])},{outlay}/{yearly})"

    def _discounted(self, yearly: str, outlay: str, rate: str) -> str:
        """The year before the turn by NPER, and the part of the next one that is still needed."""
        r, life = f"{rate}/100", self._money.sheet.life_years
        late, never = (quoted(self._words[code]) for code in (BEYOND_LIFE, NEVER))
        before = f"ROUNDDOWN(NPER({r},{yearly},-{outlay}),0)"
        part = f"({outlay}+PV({r},{before},{yearly}))*(1+{r})^({before}+1)/{yearly}"
        return (
            f"IF(-PV({r},{life},{yearly})<{outlay},IF({yearly}>0,{late},{never}),"
            f"IF({outlay}<=0,0,{before}+{part}))"
        )

    def _present_value(
        self, plan: InvestmentSheet, outlay: str, total: int, rate: str, residual: str
    ) -> None:
        words, npv = self._words, self._money.npv
        titles = ("year", "flow", "present", "cumulative")
        self._head(*(words[f"export.{name}"] for name in titles))
        first = self._row + 1
        for year in npv.years:
            row = self._row + 1
            flow = f"-{outlay}" if year.year == 0 else f"$B${total}"
            flow += f"+{residual}" if year.year == plan.life_years else ""
            present = f"ROUND(B{row}/(1+{rate}/100)^A{row},0)"
            so_far = f"C{row}" if year.year == 0 else f"D{row - 1}+C{row}"
            self._sheet.write_number(self._row, 0, year.year)
            texts = ((flow, year.flow), (present, year.present), (so_far, year.cumulative))
            for column, (text, yen) in enumerate(texts, 1):
                self._value(column, text, yen)
            self._row += 1
        last = self._row
        self._head(words["npv"])
        self._value(1, f"D{last}", npv.value)
        self._line(words["export.yen"], [])
        back = self._money.irr.estimate
        self._head(words["irr"])
        share: Cell = words.get(self._money.irr.code, words["report.none"])
        if back is not None:
            share = Formula(f"IRR(B{first}:B{first + plan.life_years})", back)
        self._line("0–1", [share], self._fine)

    def _value(self, column: int, text: str, yen: Yen) -> None:
        if yen.estimate is None:
            put(self._sheet, self._row, column, self._words["report.none"])
        else:
            self._sheet.write_formula(self._row, column, f"={text}", self._yen, yen.estimate)
