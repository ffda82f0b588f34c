"""The money of a dossier as a workbook: every cell follows the offer, and says what it says."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from tests.trial_logs.purchases import SHEET, before, sheet, tried
from tests.trial_logs.sheets import Sheets
from trial_logs import texts
from trial_logs.dossier.appraisal import appraise
from trial_logs.dossier.economics import Economics
from trial_logs.exports.money_sheet import write_money

EN = texts.load("en")
DATE_US = 1_795_136_400_000_000


def written(path: Path, *money: Economics) -> Sheets:
    write_money(path, "T20261120-01", "0" * 64, DATE_US, money, EN)
    return Sheets(path)


@pytest.fixture
def cases() -> list[Economics]:
    taxed = sheet(tax="included")
    return [
        appraise(sheet(), before(), tried()),
        appraise(taxed, before(), tried(condition="a/b [x]", simulated=True)),
        appraise(sheet(), before(volume_per_year=None), tried()),
        appraise(sheet(), before(cycle_s=None), tried()),
    ]


def test_every_formula_comes_to_the_printed_number(cases: list[Economics], tmp_path: Path) -> None:
    sheets = written(tmp_path / "money.xlsx", *cases)
    assert len(sheets.book.sheetnames) == len(cases)
    found = sheets.formulas()
    assert len(found) > 80
    for place, address in found:
        computed, shown = sheets.value(place, address), sheets.shown(place, address)
        assert computed == pytest.approx(shown, rel=1e-9), (place, address)
    marked = [book.cell(1, 1).value == "SIMULATED DATA" for book in sheets.book]
    assert marked == [case.simulated for case in cases]


def test_another_offer_moves_payback_and_worth(cases: list[Economics], tmp_path: Path) -> None:
    sheets = written(tmp_path / "money.xlsx", cases[0])
    page = sheets.book.worksheets[0]
    rows = {row[0].value: row for row in page.iter_rows() if row[0].value}
    (machine,) = [row for title, row in rows.items() if str(title).startswith("Machine")]
    machine[1].value -= 1_000_000
    cheaper = {**SHEET, "line": [dict(SHEET["line"][0], yen=2_500_000), *SHEET["line"][1:]]}
    wanted = appraise(sheet(**cheaper), before(), tried())
    worth, years = rows["Yen"][1], rows["Simple payback"][1]
    assert sheets.value(page.title, worth.coordinate) == wanted.npv.value.estimate
    paid = sheets.value(page.title, years.coordinate)
    assert paid == pytest.approx(wanted.payback.years.estimate)
    later = [sheets.value(page.title, one.coordinate) for one in rows["Discounted payback"][1:4]]
    wanted_years = wanted.discounted_payback.years
    assert later == pytest.approx([wanted_years.estimate, wanted_years.high, wanted_years.low])
    back = sheets.value(page.title, rows["0–1"][1].coordinate)
    assert back == pytest.approx(wanted.irr.estimate, rel=1e-9)


def test_the_same_money_gives_the_same_bytes(cases: list[Economics], tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        written(tmp_path / name, *cases)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    properties = openpyxl.load_workbook(tmp_path / "a.xlsx").properties
    assert properties.keywords == f"MACHIKOBA1:T20261120-01:{'0' * 64}"
