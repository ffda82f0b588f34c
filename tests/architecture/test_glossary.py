"""The glossary and the code use the same words."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest

from booking.states import State
from equipment_drivers.model import Link, Operation, Quality, Safety
from tests.architecture.rooms import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")


@pytest.mark.parametrize("axis", [Link, Operation, Safety, Quality])
def test_an_axis_has_the_glossary_values(axis: type[StrEnum]) -> None:
    row = re.search(rf"^\| {axis.__name__} \| ([^|]*) \|", GLOSSARY, re.M)
    assert row
    assert row[1].split(", ") == list(axis)


def test_booking_states_are_the_glossary_rows() -> None:
    table = GLOSSARY.partition("| booking state |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| (\w+) \|", table, re.M)) == set(State)
