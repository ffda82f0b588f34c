"""What is drawn by hand: the board's lines and the plot's stretches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from lab_controller.wire import BucketShape
from tests.tui.fake_lab import at
from tui.widgets.board import Painter
from tui.widgets.plot import stretches

PLAIN = Style()


def painted(painter: Painter) -> str:
    """The line as text."""
    return painter.strip().text


@given(st.lists(st.tuples(st.integers(-5, 25), st.text("a使用中~", max_size=8)), max_size=6))
def test_a_line_keeps_its_width_whatever_is_written_over_what(
    writes: list[tuple[int, str]],
) -> None:
    painter = Painter(20, PLAIN)
    for x, text in writes:
        painter.put(x, text, PLAIN)
        painter.line_at(x)
    assert cell_len(painted(painter)) == 20


def test_a_wide_character_cut_in_two_becomes_a_blank() -> None:
    painter = Painter(6, PLAIN)
    painter.put(0, "使用中", PLAIN)
    painter.put(1, "x", PLAIN)
    assert painted(painter) == " x用中"


def test_the_line_for_now_never_erases_text() -> None:
    painter = Painter(6, PLAIN)
    painter.put(0, "使", PLAIN)
    painter.line_at(1)
    painter.line_at(4)
    assert painted(painter) == "使  | "
    assert painter.cells[0][1].bgcolor is not None


def buckets(*means: float | None) -> list[BucketShape]:
    """Buckets with these means."""
    return [
        BucketShape(start=at(10), mean=one, low=one, high=one, count=1, quality="GOOD")
        for one in means
    ]


def test_a_gap_is_not_drawn_over() -> None:
    found = stretches(buckets(1, 2, 3, None, None, None, 4, 5))
    assert found == [[(0, 1), (1, 2), (2, 3)], [(6, 4), (7, 5)]]


def test_values_slower_than_buckets_are_still_a_line() -> None:
    assert len(stretches(buckets(1, None, None, 2, None, None, 3, None, None, 4))) == 1


def test_nothing_and_one_value() -> None:
    assert stretches(buckets(None, None)) == []
    assert stretches(buckets(None, 3)) == [[(1, 3)]]
