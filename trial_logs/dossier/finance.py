"""Worth of a row of yearly cash flows: payback, present value, internal rate of return.

`flows[0]` is paid now, `flows[t]` comes at the end of year t. Financing is none. Depreciation is
no cash and profit tax is left out, so neither appears; who wants them asks the tax accountant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

NEVER = "payback.never"
BEYOND_LIFE = "payback.beyond_life"
IRR_NONE = "irr.none"
IRR_AMBIGUOUS = "irr.ambiguous"

STEPS = 200
LOWEST_RATE = -0.999999
HIGHEST_RATE = 1e9


def present(flow: float, rate: float, year: int) -> float:
    """flow / (1 + rate)^year. Source: Brealey, Myers, Allen, Principles of Corporate Finance,
    ch. 2 (present value)."""
    return flow / (1.0 + rate) ** year


def npv(flows: Sequence[float], rate: float) -> float:
    """Net present value: Σ flows[t] / (1 + rate)^t, t from 0.

    Source: Brealey, Myers, Allen, Principles of Corporate Finance, ch. 5.1.
    """
    return sum(present(flow, rate, year) for year, flow in enumerate(flows))


def simple_payback(outlay: float, yearly: float) -> float | None:
    """outlay / yearly effect, in years; None where the effect does not pay back.

    Source: Blank, Tarquin, Engineering Economy, ch. 13 (payback at 0 % and uniform flow).
    """
    if outlay <= 0:
        return 0.0
    return outlay / yearly if yearly > 0 else None


def payback(flows: Sequence[float], rate: float = 0.0) -> float | None:
    """Years until the (discounted) flows have returned the outlay for good.

    Within the year of the turn the flow is taken as even. None where the last sum is below zero.
    Source: Blank, Tarquin, Engineering Economy, ch. 13 (payback at a stated rate).
    """
    worth = [present(flow, rate, year) for year, flow in enumerate(flows)]
    sums = list(accumulate(worth))
    if sums[-1] < 0:
        return None
    below = [year for year, total in enumerate(sums) if total < 0]
    if not below:
        return 0.0
    year = below[-1]
    return year + -sums[year] / worth[year + 1]


def irr(flows: Sequence[float]) -> tuple[float | None, str]:
    """The rate at which the net present value is zero, and a code where there is none.

    One change of sign makes the root unique (Descartes); with more the rate means nothing.
    Source: Brealey, Myers, Allen, Principles of Corporate Finance, ch. 5.3.
    """
    signs = [flow > 0 for flow in flows if flow]
    changes = sum(left != right for left, right in pairwise(signs))
    if changes != 1:
        return None, IRR_AMBIGUOUS if changes else IRR_NONE
    upper = 1.0
    while (npv(flows, upper) > 0) == (npv(flows, LOWEST_RATE) > 0):
        upper *= 2
        if upper > HIGHEST_RATE:
            return None, IRR_NONE
    return root(lambda rate: npv(flows, rate), LOWEST_RATE, upper), ""


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes its sign between two ends of unlike sign, by bisection."""
    rising = function(high) > 0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if (function(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2
