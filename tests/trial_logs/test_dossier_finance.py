"""Payback, present value and rate of return against published worked examples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trial_logs.dossier import finance

# Brealey, Myers, Allen, Principles of Corporate Finance, ch. 5.2: three projects at 10 %.
PROJECTS = {
    "A": ([-2000, 500, 500, 5000], 3, 2624),
    "B": ([-2000, 500, 1800, 0], 2, -58),
    "C": ([-2000, 1800, 500, 0], 2, 50),
}


@pytest.mark.parametrize(("flows", "years", "worth"), PROJECTS.values(), ids=PROJECTS)
def test_payback_and_present_value_as_in_the_textbook(
    flows: list[int], years: int, worth: int
) -> None:
    found = finance.payback(flows)
    assert found is not None
    assert math.ceil(found) == years
    assert round(finance.npv(flows, 0.10)) == worth


def test_the_rate_of_return_of_the_textbook() -> None:
    # Brealey, Myers, Allen, ch. 5.3: the present value of -4,000, 2,000, 4,000 is zero at 28.08 %.
    rate, code = finance.irr([-4000, 2000, 4000])
    assert (round((rate or 0) * 100, 2), code) == (28.08, "")


# The examples of the functions NPV and IRR in the manual of Microsoft Excel.
def test_present_value_as_in_the_spreadsheet_manual() -> None:
    assert finance.npv([0, -10000, 3000, 4200, 6800], 0.10) == pytest.approx(1188.44, abs=0.005)
    flows = [-40000, 8000, 9200, 10000, 12000, 14500]
    assert finance.npv(flows, 0.08) == pytest.approx(1922.06, abs=0.005)
    assert finance.npv([*flows, -9000], 0.08) == pytest.approx(-3749.47, abs=0.005)


@pytest.mark.parametrize(("years", "percent"), [(5, 8.7), (4, -2.1), (2, -44.4)])
def test_rate_of_return_as_in_the_spreadsheet_manual(years: int, percent: float) -> None:
    flows = [-70000, 12000, 15000, 18000, 21000, 26000][: years + 1]
    rate, _ = finance.irr(flows)
    assert round((rate or 0) * 100, 1) == percent


def test_where_there_is_no_rate_a_code_says_so() -> None:
    assert finance.irr([-100, 0, 0]) == (None, finance.IRR_NONE)
    assert finance.irr([-100, 230, -132]) == (None, finance.IRR_AMBIGUOUS)  # zero at 10 and 20 %
    assert finance.irr([-100, -10, -10]) == (None, finance.IRR_NONE)


def test_what_never_comes_back_has_no_payback() -> None:
    assert finance.simple_payback(1000, 0) is None
    assert finance.simple_payback(1000, -5) is None
    assert finance.payback([-1000, 100, 100]) is None
    assert finance.payback([-1000, 600, 600], 0.15) is None
    assert finance.payback([0, 100]) == 0


@given(
    st.integers(1, 10**8),
    st.lists(st.integers(10**3, 10**8), min_size=1, max_size=15),
)
def test_at_its_rate_of_return_a_plan_is_worth_nothing(paid: int, back: list[int]) -> None:
    rate, code = finance.irr([-paid, *back])
    assert code == ""
    assert rate is not None
    worth = [finance.present(flow, rate, year) for year, flow in enumerate([-paid, *back])]
    assert abs(math.fsum(worth)) <= 1e-6 * math.fsum(map(abs, worth))


@given(
    st.integers(1, 10**8),
    st.lists(st.integers(1, 10**8), min_size=1, max_size=15),
    st.floats(0, 0.5),
)
def test_discounting_never_brings_money_back_sooner(
    paid: int, back: list[int], rate: float
) -> None:
    plain, dear = (finance.payback([-paid, *back], each) for each in (0.0, rate))
    if dear is not None:
        assert plain is not None
        assert plain <= dear + 1e-9
        assert dear <= len(back)
