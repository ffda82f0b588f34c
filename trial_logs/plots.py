"""The parts plots are made of: everything in 0..1 of the plot area, ready to be drawn.

A plot is a JSON-able dict: height and left margin in mm, axis titles and ticks, shades, bands,
bars, lines, dots, labels, a legend, and `alt`, what it shows in words for who cannot see it.
Series differ by dash or pattern, never by colour alone: a report is copied in grey.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from trial_logs.shown import grouped_number, minus

INKS = ("#1b4f8a", "#c2570c", "#2a7f62", "#7a4b9d", "#8a6d1b", "#a83250")
DASHES = ("solid", "dashed", "dotted", "dash-dotted", "densely-dashed", "loosely-dashed")
PATTERNS = ("solid", "rising", "dots", "cross", "level", "upright")
GREY = "#56606b"
ALARM = "#b3261e"
Plot = dict[str, Any]
Point = Sequence[float]


def empty_plot(height: float, *, alt: str, left: float = 15, right: float = 3) -> Plot:
    """A plot with nothing in it, `height` mm high, `left` and `right` mm kept free for labels."""
    return {
        "kind": "plot",
        "height": height,
        "left": left,
        "right": right,
        "alt": alt,
        "x": {"title": "", "ticks": [], "grid": True},
        "y": {"title": "", "ticks": [], "grid": True, "names": False},
        "shades": [],
        "bands": [],
        "bars": [],
        "lines": [],
        "dots": [],
        "labels": [],
        "legend": [],
    }


def nice_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 × a power of ten apart) that enclose [low, high]."""
    if not low < high:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def scale(value: float, ticks: Sequence[float]) -> float:
    """Where a value lies between the first and the last tick, 0..1, never outside."""
    share = (value - ticks[0]) / (ticks[-1] - ticks[0])
    return round(min(1.0, max(0.0, share)), 5)


def axis(ticks: Sequence[float], title: str) -> Plot:
    """An axis with numbers, those of a thousand and more grouped."""
    marks = [[scale(each, ticks), minus(grouped_number(each))] for each in ticks]
    return {"title": title, "ticks": marks, "grid": True, "names": False}


def rows_axis(names: Sequence[str]) -> Plot:
    """An axis with a name per row, the first on top."""
    n = len(names)
    ticks = [[round(1 - (row + 0.5) / n, 5), name] for row, name in enumerate(names)]
    return {"title": "", "ticks": ticks, "grid": False, "names": True}


def line(points: Iterable[Point], ink: str, *, width: float = 0.9, dash: str = "solid") -> Plot:
    """A line through the points."""
    return {"points": [list(point) for point in points], "ink": ink, "width": width, "dash": dash}


def upright(x: float, ink: str, *, width: float = 0.9, dash: str = "solid") -> Plot:
    """A line over the whole height."""
    return line([(x, 0), (x, 1)], ink, width=width, dash=dash)


def level(y: float, ink: str, *, width: float = 0.9, dash: str = "solid") -> Plot:
    """A line over the whole width."""
    return line([(0, y), (1, y)], ink, width=width, dash=dash)


def bar(box: Sequence[float], ink: str, pattern: str = "solid", *, edge: float = 0.4) -> Plot:
    """A filled rectangle: left, bottom, right, top."""
    left, bottom, right, top = box
    sides = [min(left, right), min(bottom, top), max(left, right), max(bottom, top)]
    return {"box": sides, "ink": ink, "pattern": pattern, "edge": edge}


def dot(at: Point, ink: str, *, filled: bool = True) -> Plot:
    """A round mark."""
    return {"at": list(at), "ink": ink, "filled": filled}


def label(at: Point, text: str, side: str = "l", ink: str = GREY) -> Plot:
    """Words in the plot that begin (l), end (r) or are centred (c) at a point."""
    return {"at": list(at), "text": text, "side": side, "ink": ink}


def line_sign(text: str, ink: str, *, dash: str = "solid", width: float = 1.2) -> Plot:
    """A line in the legend."""
    return {"sign": "line", "text": text, "ink": ink, "dash": dash, "width": width}


def fill_sign(text: str, ink: str, pattern: str) -> Plot:
    """A filled box in the legend."""
    return {"sign": "fill", "text": text, "ink": ink, "pattern": pattern}


def dot_sign(text: str, ink: str, *, filled: bool = True) -> Plot:
    """A round mark in the legend."""
    return {"sign": "dot", "text": text, "ink": ink, "filled": filled}
