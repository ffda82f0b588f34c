"""A live plot of one signal; a stretch without values is a gap, never a line across it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from itertools import pairwise
from statistics import median

from textual_plotext import PlotextPlot

from lab_controller.wire import BucketShape, WindowShape

TICKS = 4
GAP = 3
LINE = (125, 183, 255)
CURSOR = (255, 212, 121)


class Plot(PlotextPlot):
    """The mean of each bucket over local time."""

    def on_mount(self) -> None:
        """Nothing to see yet."""
        self._bare()

    def show(
        self, window: WindowShape, title: str, zone: tzinfo, at: datetime | None = None
    ) -> None:
        """Draw a window of a signal, with a line across it at an instant that lies in it."""
        self._bare()
        self.plt.title(title)
        for stretch in stretches(window.buckets):
            self.plt.plot(
                [place for place, _ in stretch],
                [value for _, value in stretch],
                marker="braille",
                color=LINE,
            )
        count = len(window.buckets)
        if count > 1:
            places = [n * (count - 1) / (TICKS - 1) for n in range(TICKS)]
            labels = [f"{window.buckets[round(n)].start.astimezone(zone):%H:%M:%S}" for n in places]
            self.plt.xticks(places, labels)
            self.plt.xlim(0, count - 1)
            width = window.buckets[1].start - window.buckets[0].start
            place = (at - window.buckets[0].start) / width if at and width else -1.0
            if 0 <= place <= count:
                self._across(min(place, count - 1), window.buckets)
        self.refresh()

    def clear(self, title: str) -> None:
        """Nothing to draw, and why."""
        self._bare()
        self.plt.title(title)
        self.refresh()

    def _across(self, place: float, buckets: list[BucketShape]) -> None:
        """A line from the lowest to the highest value, in a glyph that has one width."""
        means = [one.mean for one in buckets if one.mean is not None] or [0.0]
        low, high = min(means), max(means)
        if low == high:
            low, high = low - 1, high + 1
        self.plt.plot([place, place], [low, high], marker="|", color=CURSOR)

    def _bare(self) -> None:
        """No frame and no axes: their line glyphs have no agreed width."""
        self.plt.clear_figure()
        self.plt.frame(False)
        self.plt.xaxes(False, False)
        self.plt.yaxes(False, False)


def stretches(buckets: list[BucketShape]) -> list[list[tuple[int, float]]]:
    """The runs of values without a gap, each value as (place, mean).

    Values that come more slowly than one a bucket leave buckets empty: a gap is what is wider
    than three times the usual distance.
    """
    filled = [(n, one.mean) for n, one in enumerate(buckets) if one.mean is not None]
    distances = [after[0] - before[0] for before, after in pairwise(filled)]
    widest = GAP * median(distances) if distances else 0
    found: list[list[tuple[int, float]]] = [filled[:1]] if filled else []
    for distance, value in zip(distances, filled[1:], strict=True):
        if distance > widest:
            found.append([])
        found[-1].append(value)
    return found
