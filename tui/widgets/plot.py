"""A live plot of one signal; a stretch without values is a gap, never a line across it."""

from __future__ import annotations

from datetime import tzinfo

from textual_plotext import PlotextPlot

from lab_controller.wire import BucketShape, WindowShape

TICKS = 4
LINE = (125, 183, 255)


class Plot(PlotextPlot):
    """The mean of each bucket over local time."""

    def on_mount(self) -> None:
        """Nothing to see yet."""
        self._bare()

    def show(self, window: WindowShape, title: str, zone: tzinfo) -> None:
        """Draw a window of a signal."""
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
        self.refresh()

    def clear(self, title: str) -> None:
        """Nothing to draw, and why."""
        self._bare()
        self.plt.title(title)
        self.refresh()

    def _bare(self) -> None:
        """No frame and no axes: their line glyphs have no agreed width."""
        self.plt.clear_figure()
        self.plt.frame(False)
        self.plt.xaxes(False, False)
        self.plt.yaxes(False, False)


def stretches(buckets: list[BucketShape]) -> list[list[tuple[int, float]]]:
    """The runs of buckets that hold a value, each as (place, mean)."""
    found: list[list[tuple[int, float]]] = []
    for place, bucket in enumerate(buckets):
        if bucket.mean is None:
            continue
        if not found or found[-1][-1][0] != place - 1:
            found.append([])
        found[-1].append((place, bucket.mean))
    return found
