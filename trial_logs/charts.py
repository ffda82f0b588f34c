"""The report's charts of single runs: every cycle time as a dot, and the recorded curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from trial_logs.content import Curve, ReportContent, RunSection, SpellRow
from trial_logs.model import Verdict
from trial_logs.plots import (
    DASHES,
    INKS,
    Plot,
    Point,
    axis,
    dot,
    empty_plot,
    level,
    line,
    line_sign,
    nice_ticks,
    rows_axis,
    scale,
)
from trial_logs.shown import label

STRIP_ROW_MM = 11
STRIP_COLUMNS = 140
PLOT_MM = {"Cel": 29, "W": 20, "N": 24}


def cycle_strip(content: ReportContent, words: Mapping[str, str]) -> Plot | None:
    """Every part's cycle time as a dot, one row per run, with median and p95 marks."""
    timed = [run for run in content.runs if run.numbers.cycle_time_s.n]
    if not timed:
        return None
    seconds = [s for run in timed for s, _ in _cycles(run)]
    ticks = nice_ticks(min(seconds), max(seconds), 8)
    plot = empty_plot(STRIP_ROW_MM * len(timed) + 2, alt=_strip_alt(timed, words))
    plot["x"] = axis(ticks, words["report.cycle_axis"])
    plot["y"] = rows_axis([_run_name(run, words) for run in timed])
    for row, run in enumerate(timed):
        middle = 1 - (row + 0.5) / len(timed)
        _strip_row(plot, run, ticks, middle, 1 / len(timed), INKS[row % len(INKS)])
    return plot


def _strip_alt(runs: Sequence[RunSection], words: Mapping[str, str]) -> str:
    lines = [
        words["report.alt_strip_run"].format(
            run=_run_name(run, words),
            n=run.numbers.cycle_time_s.n,
            low=f"{run.numbers.cycle_time_s.minimum.value:.2f}",
            median=f"{run.numbers.cycle_time_s.median.value:.2f}",
            high=f"{run.numbers.cycle_time_s.maximum.value:.2f}",
        )
        for run in runs
    ]
    return " ".join([words["report.cycle_chart"], *lines])


def _curve_alt(axis_name: str, run: RunSection, unit: str, words: Mapping[str, str]) -> str:
    means = [
        v for c in run.curves if c.unit == unit for p in c.points for v in p[1:4:2] if v is not None
    ]
    low, high = (f"{pick(means, default=0.0):.1f}" for pick in (min, max))
    return words["report.alt_curve"].format(
        axis=axis_name, run=_run_name(run, words), low=low, high=high
    )


def _run_name(run: RunSection, words: Mapping[str, str]) -> str:
    return words["report.run"].format(number=run.number)


def _cycles(run: RunSection) -> list[tuple[float, str]]:
    return [
        (part.cycle_time_s, part.verdict)
        for part in run.parts
        if part.cycle_time_s is not None and part.verdict != Verdict.VOID
    ]


def _strip_row(
    plot: Plot, run: RunSection, ticks: Sequence[float], middle: float, room: float, ink: str
) -> None:
    stacked: dict[int, int] = {}
    for seconds, verdict in _cycles(run):
        x = scale(seconds, ticks)
        column = round(x * STRIP_COLUMNS)
        height = stacked[column] = stacked.get(column, 0) + 1
        side = 1 if height % 2 else -1
        y = middle + side * (height // 2) * min(0.12, 0.9 / _tallest(run, ticks)) * room
        filled = verdict not in (Verdict.SCRAP, Verdict.REWORK)
        plot["dots"].append(dot([x, round(y, 5)], ink, filled=filled))
    plot["dots"].sort(key=lambda mark: not mark["filled"])  # the rare ones on top
    stats = run.numbers.cycle_time_s
    for figure, width, dash in ((stats.median, 1.6, "solid"), (stats.p95, 0.8, "dashed")):
        if figure.value is not None:
            x = scale(figure.value, ticks)
            ends = [[x, round(middle - 0.42 * room, 5)], [x, round(middle + 0.42 * room, 5)]]
            plot["lines"].append(line(ends, ink, width=width, dash=dash))


def _tallest(run: RunSection, ticks: Sequence[float]) -> int:
    columns = [round(scale(seconds, ticks) * STRIP_COLUMNS) for seconds, _ in _cycles(run)]
    return max(columns.count(column) for column in set(columns))


def curve_plots(content: ReportContent, run: RunSection, words: Mapping[str, str]) -> list[Plot]:
    """Temperature and power of one run over time, on scales shared by all runs of the report."""
    minutes = max((r.ended_us - r.started_us) / 6e7 for r in content.runs)
    ticks = nice_ticks(0, minutes or 1, 8)
    units = [unit for unit in PLOT_MM if any(c.unit == unit for c in run.curves)]
    plots = [_curve_plot(content, run, unit, ticks, words) for unit in units]
    for plot in plots[:-1]:
        plot["x"]["title"] = ""
    return plots


def _curve_plot(
    content: ReportContent,
    run: RunSection,
    unit: str,
    ticks: Sequence[float],
    words: Mapping[str, str],
) -> Plot:
    heights = nice_ticks(*_range(content, unit), 4)
    name = words[f"report.axis.{unit}"]
    plot = empty_plot(PLOT_MM[unit], alt=_curve_alt(name, run, unit, words))
    plot["x"] = axis(ticks, words["report.minutes"])
    plot["y"] = axis(heights, name)
    plot["shades"] = [_shade(each, run, ticks) for each in run.spells]
    shown = [curve for curve in run.curves if curve.unit == unit][: len(INKS)]
    for n, curve in enumerate(shown):
        for piece in _pieces(curve, run):
            _draw(plot, piece, n, ticks, heights)
        name = label(content.labels, curve.device, curve.signal)
        plot["legend"].append(line_sign(name, INKS[n], dash=DASHES[n]))
        plot["lines"] += _limits_of(run, curve, heights, INKS[n])
    return plot


def _range(content: ReportContent, unit: str) -> tuple[float, float]:
    curves = [curve for run in content.runs for curve in run.curves if curve.unit == unit]
    values = [v for curve in curves for point in curve.points for v in point[1:] if v is not None]
    floor = [0.0] if unit == "W" else []
    return min([*values, *floor], default=0.0), max([*values, *floor], default=1.0)


def _shade(spell: SpellRow, run: RunSection, ticks: Sequence[float]) -> list[float]:
    start = (spell.t_us - run.started_us) / 6e7
    ends = (start, start + spell.seconds / 60)
    return [min(1.0, max(0.0, scale(end, ticks))) for end in ends]


def _pieces(curve: Curve, run: RunSection) -> Iterable[list[tuple[float, float, float, float]]]:
    holes = [
        (each.t_us - run.started_us) / 1e6
        for each in run.spells
        if each.kind == "gap" and each.device in (curve.device, "*")
    ]
    piece: list[tuple[float, float, float, float]] = []
    before = -math.inf
    for at, low, mean, high in curve.points:
        if low is None or mean is None or high is None or any(before < h <= at for h in holes):
            yield piece
            piece = []
        if low is not None and mean is not None and high is not None:
            piece.append((at, low, mean, high))
        before = at
    yield piece


def _draw(
    plot: Plot,
    piece: list[tuple[float, float, float, float]],
    look: int,
    ticks: Sequence[float],
    heights: Sequence[float],
) -> None:
    if not piece:
        return
    xs = [scale(at / 60, ticks) for at, *_ in piece]
    low, mean, high = ([scale(point[k], heights) for point in piece] for k in (1, 2, 3))
    if low != high:
        outline = [*zip(xs, high, strict=True), *reversed([*zip(xs, low, strict=True)])]
        plot["bands"].append({"points": outline, "ink": INKS[look]})
    plot["lines"].append(line(_thinned(xs, mean), INKS[look], dash=DASHES[look]))


def _thinned(xs: Sequence[float], ys: Sequence[float]) -> list[Point]:
    # a flat stretch needs its two ends only
    points = [*zip(xs, ys, strict=True)]
    inner = [
        b
        for (a, b), c in zip(pairwise(points), points[2:], strict=False)
        if not a[1] == b[1] == c[1]
    ]
    return [points[0], *inner, points[-1]]


def _limits_of(run: RunSection, curve: Curve, heights: Sequence[float], ink: str) -> list[Plot]:
    bands = [each.band for each in run.numbers.bands]
    sides = [
        side
        for band in bands
        if (band.device, band.signal) == (curve.device, curve.signal)
        for side in (band.low, band.high)
        if side is not None and heights[0] <= side <= heights[-1]
    ]
    return [level(scale(y, heights), ink, width=0.35, dash="dotted") for y in sides]
