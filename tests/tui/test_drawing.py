"""What is drawn by hand: the board's lines, the plot's stretches, and signs that there is more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.screen import Screen

from lab_controller.wire import BucketShape
from tests.tui.fake_day import at
from tests.tui.rig import desk, picture, press, settled
from tui.widgets.board import Painter
from tui.widgets.panel import Panel
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


async def test_what_is_cut_off_says_so() -> None:
    def last_signs(screen: Screen[object]) -> set[str]:
        return {line.rstrip()[-1:] for line in picture(screen).splitlines()} & {"v", "^", "~"}

    async with desk() as (app, pilot):
        await press(pilot, "5")
        assert last_signs(app.screen) == {"~"}
        await press(pilot, "3")
        app.screen.query_one("#run", Panel).say(Text("\n".join("123456789")))
        await settled(pilot)
        assert picture(app.screen).count("v +2") == 1
        for key, signs in (("question_mark", {"v"}), ("pagedown", {"v", "^"}), ("end", {"^"})):
            await press(pilot, key)
            assert last_signs(app.screen) == signs
