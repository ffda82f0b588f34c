"""A run's time as a strip: production, set-up, delay, down; and where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trial_logs.plots import (
    ALARM,
    GREY,
    INKS,
    Plot,
    axis,
    bar,
    dot,
    dot_sign,
    empty_plot,
    fill_sign,
    nice_ticks,
    rows_axis,
    scale,
)
from trial_logs.times import Element, RunTimes

ROW_MM = 10
COLUMNS = 480
"""A strip is drawn no finer than this; about a third of a millimetre each."""
LOOKS: Mapping[Element, tuple[str, str]] = {
    Element.PRODUCTION: (INKS[0], "solid"),
    Element.SETUP: (INKS[2], "rising"),
    Element.DELAY: (INKS[4], "dots"),
    Element.DOWN: (ALARM, "cross"),
    Element.IDLE: (GREY, "level"),
    Element.UNKNOWN: (GREY, "none"),
}


@dataclass(frozen=True, slots=True)
class RunStrip:
    """One run's strip: its name, when it began (µs), and its times."""

    name: str
    started_us: int
    times: RunTimes


def timeline(strips: Sequence[RunStrip], words: Mapping[str, str]) -> Plot | None:
    """The runs below each other from their own beginnings; what is too short to draw is a dot."""
    shown = [each for each in strips if each.times.spans]
    if not shown:
        return None
    longest = max(each.times.spans[-1].t1_us - each.started_us for each in shown)
    xs = nice_ticks(0, longest / 6e7, 8)
    plot = empty_plot(ROW_MM * len(shown) + 2, alt=_alt(shown, words))
    plot["x"] = axis(xs, words["report.minutes"])
    plot["y"] = rows_axis([each.name for each in shown])
    seen: set[Element] = set()
    for row, strip in enumerate(shown):
        middle = 1 - (row + 0.5) / len(shown)
        half = 0.27 / len(shown)
        for t0, t1, element in drawn_spans(strip, xs[-1]):
            seen.add(element)
            ink, pattern = LOOKS[element]
            ends = scale(t0, xs), scale(t1, xs)
            sides = [ends[0], middle - half, ends[1], middle + half]
            plot["bars"].append(bar(sides, ink, pattern, edge=0.15))
        for stop in strip.times.stops[:COLUMNS]:
            at = scale((stop.t0_us - strip.started_us) / 6e7, xs)
            plot["dots"].append(dot([at, middle + 1.5 * half], ALARM, filled=not stop.micro))
    plot["legend"] = [
        fill_sign(words[f"element.{each.value}"], *LOOKS[each]) for each in Element if each in seen
    ]
    for micro, key in ((False, "stop"), (True, "micro_stop")):
        if any(stop.micro is micro for each in shown for stop in each.times.stops):
            plot["legend"].append(dot_sign(words[f"picture.{key}"], ALARM, filled=not micro))
    return plot


def drawn_spans(strip: RunStrip, minutes: float) -> list[tuple[float, float, Element]]:
    """The spans in minutes since the beginning, at most `COLUMNS` of them.

    Of what falls into one column the element with most time is drawn, so that ten thousand
    short cycles make a strip of the same size as ten.
    """
    spans = strip.times.spans
    if len(spans) <= COLUMNS:
        return [
            ((s.t0_us - strip.started_us) / 6e7, (s.t1_us - strip.started_us) / 6e7, s.element)
            for s in spans
        ]
    width = minutes / COLUMNS
    shares: list[dict[Element, float]] = [{} for _ in range(COLUMNS)]
    for span in spans:
        start = (span.t0_us - strip.started_us) / 6e7
        end = (span.t1_us - strip.started_us) / 6e7
        for n in range(int(start / width), min(COLUMNS - 1, int(end / width)) + 1):
            part = min(end, (n + 1) * width) - max(start, n * width)
            shares[n][span.element] = shares[n].get(span.element, 0.0) + max(0.0, part)
    merged: list[tuple[float, float, Element]] = []
    for n, share in enumerate(shares):
        if not share:
            continue
        element = max(share, key=lambda each: share[each])
        if merged and merged[-1][2] is element and merged[-1][1] >= n * width - 1e-9:
            merged[-1] = (merged[-1][0], (n + 1) * width, element)
        else:
            merged.append((n * width, (n + 1) * width, element))
    return merged


def _alt(strips: Sequence[RunStrip], words: Mapping[str, str]) -> str:
    lines = []
    for strip in strips:
        shares = [
            words["picture.alt.element"].format(
                name=words[f"element.{element.value}"], minutes=f"{seconds / 60:.1f}"
            )
            for element, seconds in strip.times.seconds.items()
            if seconds
        ]
        lines.append(f"{strip.name}: {' '.join(shares)}")
    return " ".join([words["picture.alt.timeline"], *lines])
