"""The dossier's own pictures: payments summed year by year, and what moves the result most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trial_logs.dossier.economics import Npv, Sensitivity, SensitivityRow
from trial_logs.plots import (
    GREY,
    INKS,
    Plot,
    axis,
    bar,
    dot,
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
from trial_logs.shown import minus

Words = Mapping[str, str]
FLOW_MM, BAR_ROW_MM = 44, 9
TEN_THOUSAND = 10_000
"""Yen are drawn in 万円."""


def cash_flow(npv: Npv, words: Words) -> Plot | None:
    """The discounted payments summed year by year, with both ends as a band."""
    known = [each for each in npv.years if each.cumulative.estimate is not None]
    if len(known) < 2:
        return None
    sums = [each.cumulative for each in known]
    ends = [
        yen / TEN_THOUSAND
        for each in sums
        for yen in (each.estimate, each.low, each.high)
        if yen is not None
    ]
    xs = [float(each.year) for each in known]
    ys = nice_ticks(min(*ends, 0.0), max(*ends, 0.0), 5)
    plot = empty_plot(FLOW_MM, alt=_flow_alt(npv, words), left=19)
    plot["x"] = axis(xs, words["picture.years"])
    plot["y"] = axis(ys, words["picture.man_yen"])

    def path(side: str) -> list[list[float]]:
        values = [getattr(each, side) for each in sums]
        return [
            [scale(x, xs), scale(value / TEN_THOUSAND, ys)]
            for x, value in zip(xs, values, strict=True)
            if value is not None
        ]

    low, middle, high = (path(side) for side in ("low", "estimate", "high"))
    if low and high and low != high:
        plot["bands"].append({"points": [*high, *reversed(low)], "ink": INKS[0]})
        plot["lines"] += [line(side, INKS[0], width=0.5, dash="dashed") for side in (low, high)]
        plot["legend"].append(line_sign(words["picture.ends"], INKS[0], dash="dashed", width=0.6))
    plot["lines"] += [level(scale(0, ys), GREY, width=1.0), line(middle, INKS[0], width=1.6)]
    plot["dots"] = [dot(each, INKS[0]) for each in middle]
    sign = words["picture.cumulative"].format(rate=f"{npv.rate_percent:g}")
    plot["legend"].insert(0, line_sign(sign, INKS[0], width=1.6))
    return plot


def tornado(sensitivity: Sensitivity, base_yen: int | None, words: Words) -> Plot | None:
    """Per factor, how far the net present value moves when it is lower or higher than planned."""
    if base_yen is None:
        return None
    pairs = [(factor, _ends(sensitivity.rows, factor)) for factor in sensitivity.order]
    known = [(factor, ends) for factor, ends in pairs if ends]
    if not known:
        return None
    worth = [row.npv_yen for _, ends in known for row in ends if row.npv_yen is not None]
    worth += [base_yen, 0]
    xs = nice_ticks(min(worth) / TEN_THOUSAND, max(worth) / TEN_THOUSAND, 6)
    plot = empty_plot(BAR_ROW_MM * len(known) + 2, alt=_tornado_alt(known, words), left=38)
    plot["x"] = axis(xs, words["picture.npv"])
    plot["y"] = rows_axis([words[f"sensitivity.{factor}"] for factor, _ in known])
    base = scale(base_yen / TEN_THOUSAND, xs)
    for row, (_, ends) in enumerate(known):
        middle = 1 - (row + 0.5) / len(known)
        for each in ends:
            _side(plot, each, xs, base, middle, 0.3 / len(known))
    plot["lines"] += [upright(base, INKS[0], width=1.2), upright(scale(0, xs), GREY, width=1.0)]
    plot["legend"] = [
        fill_sign(words["picture.less"], INKS[1], "rising"),
        fill_sign(words["picture.more"], INKS[0], "light"),
        line_sign(words["picture.as_planned"], INKS[0]),
    ]
    return plot


def _ends(rows: Sequence[SensitivityRow], factor: str) -> list[SensitivityRow]:
    """The largest change down and up of a factor that has a result."""
    own = [row for row in rows if row.factor == factor and row.npv_yen is not None]
    down = min((row for row in own if row.change < 0), key=lambda row: row.change, default=None)
    up = max((row for row in own if row.change > 0), key=lambda row: row.change, default=None)
    return [row for row in (down, up) if row is not None]


def _side(
    plot: Plot, row: SensitivityRow, xs: Sequence[float], base: float, middle: float, half: float
) -> None:
    if row.npv_yen is None:
        return
    end = scale(row.npv_yen / TEN_THOUSAND, xs)
    ink, pattern = (INKS[1], "rising") if row.change < 0 else (INKS[0], "light")
    plot["bars"].append(bar([base, middle - half, end, middle + half], ink, pattern))
    side, shift = ("l", 0.008) if end >= base else ("r", -0.008)
    at = end + shift
    if side == "l" and at > 0.92:
        side, at = "r", end - 0.008
    if side == "r" and at < 0.08:
        side, at = "l", end + 0.008
    plot["labels"].append(label([at, middle], minus(f"{row.change:+.0%}"), side))


def _flow_alt(npv: Npv, words: Words) -> str:
    last = npv.years[-1]
    value = last.cumulative.estimate or 0
    return words["picture.alt.cash_flow"].format(
        years=last.year, value=f"{value / TEN_THOUSAND:,.0f}"
    )


def _tornado_alt(known: Sequence[tuple[str, list[SensitivityRow]]], words: Words) -> str:
    lines = [
        words["picture.alt.factor"].format(
            name=words[f"sensitivity.{factor}"],
            change=f"{row.change:+.0%}",
            value=f"{(row.npv_yen or 0) / TEN_THOUSAND:,.0f}",
        )
        for factor, ends in known
        for row in ends
    ]
    return " ".join([words["picture.alt.tornado"], *lines])
