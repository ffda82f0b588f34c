"""The sheet of a trial: the newest counts, the older ones stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlite_utils import Database

from tests.trial_logs.day import NOW
from tests.trial_logs.purchases import sheet
from trial_logs.errors import Unknown
from trial_logs.stores.investment_sheets import enter_sheet, newest_sheet, sheets_of

TRIAL = "T20261120-01"


def test_the_newest_sheet_counts_and_the_older_ones_stay(lab: Database) -> None:
    with pytest.raises(Unknown) as nothing:
        newest_sheet(lab, TRIAL)
    assert nothing.value.code == "sheet.none"
    with pytest.raises(Unknown) as nowhere:
        enter_sheet(lab, "T20200101-01", sheet(), "鈴木", NOW)
    assert nowhere.value.code == "trial.unknown"
    first = enter_sheet(lab, TRIAL, sheet(), "鈴木", NOW)
    again = enter_sheet(lab, TRIAL, sheet(), "佐藤", NOW + timedelta(hours=1))
    assert again == first
    other = enter_sheet(lab, TRIAL, sheet(title="別"), "佐藤", NOW + timedelta(hours=1))
    assert newest_sheet(lab, TRIAL) == other
    assert [one.by for one in sheets_of(lab, TRIAL)] == ["佐藤", "鈴木"]
    assert first.sheet == sheet()
