"""Geometry of the report's charts: everything in 0..1 of the plot area, ready to be drawn.

A plot is a JSON-able dict: height in mm, axis labels and ticks, shades, bands, lines, dots, legend.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from trial_logs.content import Curve, ReportContent, RunSection, SpellRow
from trial_logs.model import Verdict
from trial_logs.shown import label, plain

INKS = ("#1b4f8a", "#c2570c", "#2a7f62", "#7a4b9d", "#8a6d1b", "#a83250")
DASHES = ("solid", "dashed", "dotted", "dash-dotted", "densely-dashed", "loosely-dashed")
STRIP_ROW_MM = 11
STRIP_COLUMNS = 140
PLOT_MM = {"Cel": 29, "W": 20}
Plot = dict[str, Any]
Point = tuple[float, float]


def nice_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 × a power of ten apart) that enclose [low, high]."""
    if not low < high:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def _scale(value: float, ticks: Sequence[float]) -> float:
    return round((value - ticks[0]) / (ticks[-1] - ticks[0]), 5)


def _axis(ticks: Sequence[float], title: str) -> dict[str, Any]:
    return {"title": title, "ticks": [[_scale(each, ticks), plain(each)] for each in ticks]}


def cycle_strip(content: ReportContent, words: Mapping[str, str]) -> Plot | None:
    """Every part's cycle time as a dot, one row per run, with median and p95 marks."""
    timed = [run for run in content.runs if run.numbers.cycle_time_s.n]
    if not timed:
        return None
    seconds = [s for run in timed for s, _ in _cycles(run)]
    ticks = nice_ticks(min(seconds), max(seconds), 8)
    plot = _empty_plot(STRIP_ROW_MM * len(timed) + 2, words["report.cycle_axis"], ticks)
    for row, run in enumerate(timed):
        middle = 1 - (row + 0.5) / len(timed)
        plot["y"]["ticks"].append([round(middle, 5), _run_name(run, words)])
        _strip_row(plot, run, ticks, middle, 1 / len(timed), INKS[row % len(INKS)])
    return plot


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
        x = _scale(seconds, ticks)
        column = round(x * STRIP_COLUMNS)
        height = stacked[column] = stacked.get(column, 0) + 1
        side = 1 if height % 2 else -1
        y = middle + side * (height // 2) * min(0.12, 0.9 / _tallest(run, ticks)) * room
        filled = verdict not in (Verdict.SCRAP, Verdict.REWORK)
        plot["dots"].append({"at": [x, round(y, 5)], "ink": ink, "filled": filled})
    plot["dots"].sort(key=lambda dot: not dot["filled"])  # the rare ones on top
    stats = run.numbers.cycle_time_s
    for figure, width, dash in ((stats.median, 1.6, "solid"), (stats.p95, 0.8, "dashed")):
        if figure.value is not None:
            x = _scale(figure.value, ticks)
            ends = [[x, round(middle - 0.42 * room, 5)], [x, round(middle + 0.42 * room, 5)]]
            plot["lines"].append({"points": ends, "ink": ink, "width": width, "dash": dash})


def _tallest(run: RunSection, ticks: Sequence[float]) -> int:
    columns = [round(_scale(seconds, ticks) * STRIP_COLUMNS) for seconds, _ in _cycles(run)]
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
    plot = _empty_plot(PLOT_MM[unit], words["report.minutes"], ticks)
    plot["y"] = _axis(heights, words[f"report.axis.{unit}"])
    plot["shades"] = [_shade(each, run, ticks) for each in run.spells]
    shown = [curve for curve in run.curves if curve.unit == unit][: len(INKS)]
    for n, curve in enumerate(shown):
        look = {"ink": INKS[n], "dash": DASHES[n]}
        for piece in _pieces(curve, run):
            _draw(plot, piece, look, ticks, heights)
        plot["legend"].append({**look, "text": label(content.labels, curve.device, curve.signal)})
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
    return [min(1.0, max(0.0, _scale(end, ticks))) for end in ends]


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
    look: dict[str, str],
    ticks: Sequence[float],
    heights: Sequence[float],
) -> None:
    if not piece:
        return
    xs = [_scale(at / 60, ticks) for at, *_ in piece]
    low, mean, high = ([_scale(point[k], heights) for point in piece] for k in (1, 2, 3))
    if low != high:
        outline = [*zip(xs, high, strict=True), *reversed([*zip(xs, low, strict=True)])]
        plot["bands"].append({"points": outline, "ink": look["ink"]})
    plot["lines"].append({"points": _thinned(xs, mean), "width": 0.9, **look})


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
    return [
        {"points": [[0, _scale(y, heights)], [1, _scale(y, heights)]], "ink": ink, "width": 0.35,
         "dash": "dotted"}
        for y in sides
    ]  # fmt: skip


def _empty_plot(height: float, x_title: str, ticks: Sequence[float]) -> Plot:
    return {
        "kind": "plot",
        "height": height,
        "x": _axis(ticks, x_title),
        "y": {"title": "", "ticks": []},
        "shades": [],
        "bands": [],
        "lines": [],
        "dots": [],
        "legend": [],
    }
