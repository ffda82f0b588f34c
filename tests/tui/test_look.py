"""Columns are counted in cells, whatever is written in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.look import bar, column, fit, halves, right

TEXT = st.text(st.sampled_from("aB9 #設備プ備ｱ-(）"), max_size=40)
WIDTH = st.integers(3, 50)


@given(TEXT, WIDTH)
def test_a_column_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert column(text, width).cell_len == width
    assert right(text, width).cell_len == width


@given(TEXT, WIDTH)
def test_what_fits_is_not_cut_and_what_is_cut_says_so(text: str, width: int) -> None:
    if cell_len(text) <= width:
        assert fit(text, width).startswith(text)
    else:
        assert "~" in fit(text, width)


@given(TEXT, WIDTH)
def test_two_lines_lose_nothing_that_fits_on_them(text: str, width: int) -> None:
    head, tail = halves(text, width)
    assert cell_len(head) <= width
    assert cell_len(tail) <= width
    if cell_len(text) <= 2 * width - 2:
        assert (head + tail).replace(" ", "") == text.replace(" ", "")


@given(st.floats(-1, 2))
def test_a_bar_never_leaves_its_frame(fraction: float) -> None:
    assert len(bar(fraction, 10)) == 12
    assert set(bar(fraction, 10)) <= set("[#-]")
