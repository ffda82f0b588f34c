"""The sign that there is more than is seen, without colour alone and without odd glyphs."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment, Segments
from rich.style import Style
from textual.scrollbar import ScrollBarRender

SIGN = Style(color="#1b1400", bgcolor="#ffd479", bold=True)
ABOVE, BELOW = "^", "v"


class PlainScrollBar(ScrollBarRender):
    """A scrollbar of blanks, as part-block glyphs have no agreed width, with a letter at an end
    that is not the last: `^` more above, `v` more below."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]

    @classmethod
    def render_bar(cls, *args: Any, **given: Any) -> Segments:
        """The bar with its letters, as `ScrollBarRender.render_bar`; only the upright one."""
        bar = super().render_bar(*args, **given)
        if given.get("vertical", True) and bar.segments:
            window, whole = given["window_size"], given["virtual_size"]
            if given["position"] > 0:
                bar.segments[0] = _letter(ABOVE, bar.segments[0])
            if window and given["position"] + window < whole:
                bar.segments[-1] = _letter(BELOW, bar.segments[-1])
        return bar


def _letter(letter: str, segment: Segment) -> Segment:
    """A letter in the place of a blank; a click on it still scrolls."""
    return Segment(letter, SIGN + Style(meta=segment.style.meta if segment.style else None))
