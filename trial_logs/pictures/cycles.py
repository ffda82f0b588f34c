"""Pictures of cycle times: how they spread, in which order they came, and side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trial_logs.inference.control_chart import IndividualsChart
from trial_logs.inference.interval import Interval
from trial_logs.metrics import quantile
from trial_logs.plots import (
    ALARM,
    GREY,
    INKS,
    PATTERNS,
    Plot,
    axis,
    bar,
    dot,
    dot_sign,
    empty_plot,
    fill_sign,
    label,
    level,
    line,
    line_sign,
    nice_ticks,
    rows_axis,
    scale,
    upright,
)

Words = Mapping[str, str]
HISTOGRAM_MM, CHART_MM, BOX_ROW_MM = 36, 34, 13
MOST_BINS = 40
MOST_POINTS = 400
FEWEST_POINTS = 5
"""Of fewer parts a control chart shows nothing but its own limits."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The cycle times of one condition in seconds, with the interval of their mean."""

    name: str
    seconds: Sequence[float]
    mean: Interval


def histogram(
    seconds: Sequence[float],
    mean: Interval,
    median: Interval,
    p95: Interval,
    words: Words,
    before: float | None = None,
) -> Plot | None:
    """How often each length came, with mean and its interval, median, p95 and the present way."""
    if len(seconds) < 2:
        return None
    lines = [("mean", mean.estimate, "solid", 0), ("median", median.estimate, "dashed", 2),
             ("p95", p95.estimate, "dotted", 3), ("before", before, "dash-dotted", 1)]  # fmt: skip
    shown = [(name, value, dash, ink) for name, value, dash, ink in lines if value is not None]
    xs = nice_ticks(*_ends([*seconds, *(value for _, value, *_ in shown)]), 8)
    edges = _edges(min(seconds), max(seconds), len(seconds), xs)
    counts = _counts(seconds, edges)
    ys = nice_ticks(0, max(counts), 4)
    plot = empty_plot(HISTOGRAM_MM, alt=_alt("histogram", seconds, words))
    plot["x"] = axis(xs, words["report.cycle_axis"])
    plot["y"] = axis([y for y in ys if y == int(y)] if len(ys) > 2 else ys, words["picture.parts"])
    plot["bars"] = [
        bar([scale(a, xs), 0, scale(b, xs), scale(n, ys)], INKS[0], "light")
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
        if n
    ]
    if mean.low is not None and mean.high is not None:
        low, high = scale(mean.low, xs), scale(mean.high, xs)
        plot["bands"] = [{"points": [[low, 0], [low, 1], [high, 1], [high, 0]], "ink": INKS[0]}]
    for name, value, dash, ink in shown:
        plot["lines"].append(upright(scale(value, xs), INKS[ink], width=1.1, dash=dash))
        text = words[f"picture.{name}"].format(value=f"{value:.2f}")
        plot["legend"].append(line_sign(text, INKS[ink], dash=dash))
    return plot


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _edges(low: float, high: float, n: int, ticks: Sequence[float]) -> list[float]:
    """About √n bins of a round width that divides the axis: a bin's edge falls on each tick."""
    wanted = min(MOST_BINS, max(5, math.isqrt(n) + 1))
    step = ticks[1] - ticks[0]
    part = next((k for k in (1, 2, 5, 10, 20) if k * (high - low) / step >= wanted), 20)
    width = step / part
    first, last = math.floor(low / width + 1e-9), math.floor(high / width + 1e-9) + 1
    return [k * width for k in range(first, last + 1)]


def _counts(seconds: Sequence[float], edges: Sequence[float]) -> list[int]:
    width = edges[1] - edges[0]
    counts = [0] * (len(edges) - 1)
    for each in seconds:
        counts[min(len(counts) - 1, max(0, math.floor((each - edges[0]) / width + 1e-9)))] += 1
    return counts


def control_chart(chart: IndividualsChart, words: Words) -> Plot | None:
    """Cycle times in the order they came, with centre, limits and the points a rule speaks at."""
    if chart.centre is None or len(chart.values) < FEWEST_POINTS:
        return None
    values = chart.values
    sides = [each for each in (chart.lower, chart.upper) if each is not None]
    ys = nice_ticks(*_ends([*values, *sides]), 4)
    xs = nice_ticks(1, len(values), 8)
    plot = empty_plot(CHART_MM, alt=_chart_alt(chart, words), right=27)
    plot["x"] = axis([x for x in xs if x == int(x)] if len(xs) > 2 else xs, words["picture.order"])
    plot["y"] = axis(ys, words["report.cycle_axis"])
    points = [[scale(n, xs), scale(value, ys)] for n, value in enumerate(values, 1)]
    plot["lines"].append(line(_few(points), INKS[0], width=0.7))
    if len(points) <= 120:
        plot["dots"] = [dot(each, INKS[0]) for each in points]
    for name, value, dash in (
        ("centre", chart.centre, "solid"),
        ("upper", chart.upper, "dashed"),
        ("lower", chart.lower, "dashed"),
    ):
        if value is not None:
            plot["lines"].append(level(scale(value, ys), GREY, width=0.8, dash=dash))
            text = words[f"picture.{name}"].format(value=f"{value:.2f}")
            plot["labels"].append(label([1.01, scale(value, ys)], text))
    spoken = sorted({signal.index for signal in chart.signals})
    plot["dots"] += [dot(points[n], ALARM, filled=False) for n in spoken]
    if spoken:
        plot["legend"].append(dot_sign(words["picture.signal"], ALARM, filled=False))
    return plot


def _few(points: list[list[float]]) -> list[list[float]]:
    """At most some hundred points; of each stretch its lowest and highest are kept in order."""
    if len(points) <= MOST_POINTS:
        return points
    stretch = math.ceil(len(points) / (MOST_POINTS // 2))
    kept = []
    for start in range(0, len(points), stretch):
        piece = points[start : start + stretch]
        ends = min(piece, key=lambda p: p[1]), max(piece, key=lambda p: p[1])
        kept += sorted(ends)
    return kept


def boxes(samples: Sequence[Sample], words: Words, before: float | None = None) -> Plot | None:
    """Each condition as a box of its middle half with median, ends, and mean with interval."""
    shown = [each for each in samples if each.seconds]
    if not shown:
        return None
    known = [s for each in shown for s in each.seconds] + ([] if before is None else [before])
    xs = nice_ticks(*_ends(known), 8)
    plot = empty_plot(BOX_ROW_MM * len(shown) + 2, alt=_boxes_alt(shown, words), left=38)
    plot["x"] = axis(xs, words["report.cycle_axis"])
    plot["y"] = rows_axis([each.name for each in shown])
    for row, sample in enumerate(shown):
        _box(plot, sample, xs, 1 - (row + 0.5) / len(shown), 1 / len(shown), row % len(INKS))
    plot["legend"] = [
        fill_sign(words["picture.middle_half"], GREY, "none"),
        line_sign(words["picture.median_line"], GREY, width=2),
        dot_sign(words["picture.mean_interval"], GREY),
    ]
    if before is not None:
        plot["lines"].append(upright(scale(before, xs), INKS[1], width=1.1, dash="dash-dotted"))
        text = words["picture.before"].format(value=f"{before:.2f}")
        plot["legend"].append(line_sign(text, INKS[1], dash="dash-dotted"))
    return plot


def _box(
    plot: Plot, sample: Sample, xs: Sequence[float], middle: float, room: float, look: int
) -> None:
    ordered = sorted(sample.seconds)
    low, q1, median, q3, high = (scale(quantile(ordered, p), xs) for p in (0, 0.25, 0.5, 0.75, 1))
    ink, half = INKS[look], 0.24 * room
    body = middle + 0.1 * room
    plot["bars"].append(bar([q1, body - half, q3, body + half], ink, PATTERNS[1 + look % 5]))
    for a, b in ((low, q1), (q3, high)):
        plot["lines"].append(line([(a, body), (b, body)], ink))
    for end in (low, high):
        plot["lines"].append(line([(end, body - half / 2), (end, body + half / 2)], ink))
    plot["lines"].append(line([(median, body - half), (median, body + half)], ink, width=2))
    below, mean = middle - 0.36 * room, sample.mean
    if mean.estimate is not None:
        plot["dots"].append(dot([scale(mean.estimate, xs), round(below, 5)], ink))
    if mean.low is not None and mean.high is not None:
        ends = [(scale(side, xs), below) for side in (mean.low, mean.high)]
        plot["lines"].append(line(ends, ink, width=1.4))


def _alt(name: str, seconds: Sequence[float], words: Words) -> str:
    low, high = _ends(seconds)
    return words[f"picture.alt.{name}"].format(n=len(seconds), low=f"{low:.2f}", high=f"{high:.2f}")


def _chart_alt(chart: IndividualsChart, words: Words) -> str:
    spoken = len({signal.index for signal in chart.signals})
    return words["picture.alt.control"].format(
        n=len(chart.values), centre=f"{chart.centre:.2f}", signals=spoken
    )


def _boxes_alt(samples: Sequence[Sample], words: Words) -> str:
    lines = [
        words["picture.alt.box"].format(
            name=each.name, n=len(each.seconds), median=f"{quantile(sorted(each.seconds), 0.5):.2f}"
        )
        for each in samples
    ]
    return " ".join([words["picture.alt.boxes"], *lines])
