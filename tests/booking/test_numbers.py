"""Numbers can be read out, codes cannot be guessed, and both can be typed sloppily."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.numbers import CODE_ALPHABET, make_code, make_number, same_code, tidy_number


def test_numbers_have_four_digits_and_grow_past_them() -> None:
    assert make_number(2026, 412) == "2026-0412"
    assert make_number(2026, 12345) == "2026-12345"


def test_a_code_has_three_segments_without_confusable_letters() -> None:
    letters = "".join(make_code() for _ in range(500))
    assert re.fullmatch(
        rf"([{CODE_ALPHABET}]{{4}}-[{CODE_ALPHABET}]{{4}}-[{CODE_ALPHABET}]{{4}})+", letters
    )
    assert not set("01ILO2Z5S8BUV") & set(letters)
    assert set(letters) == {*CODE_ALPHABET, "-"}


def test_codes_differ() -> None:
    assert len({make_code() for _ in range(1000)}) == 1000


FULL_WIDTH = "2026-0412".translate({ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789-"})


@pytest.mark.parametrize(
    "typed", ["2026-0412", " 2026-0412 ", FULL_WIDTH, "2026ー0412", "2026−0412", "2026—0412"]
)
def test_a_number_typed_on_a_japanese_keyboard_is_found(typed: str) -> None:
    assert tidy_number(typed) == "2026-0412"


@pytest.mark.parametrize(
    "typed", ["K7QM-3XWD-P9RT", "k7qm3xwdp9rt", "K7QM 3XWD P9RT", "K7QMー3XWDーP9RT"]
)
def test_a_code_typed_sloppily_is_the_same(typed: str) -> None:
    assert same_code("K7QM-3XWD-P9RT", typed)


@settings(deadline=None)
@given(st.text(alphabet=CODE_ALPHABET, max_size=14))
def test_another_code_is_another_code(typed: str) -> None:
    assert same_code("K7QM-3XWD-P9RT", typed) == (typed == "K7QM3XWDP9RT")


@settings(deadline=None)
@given(st.text())
def test_any_typed_text_is_only_compared(typed: str) -> None:
    assert isinstance(same_code("K7QM-3XWD-P9RT", typed), bool)
    assert isinstance(tidy_number(typed), str)
