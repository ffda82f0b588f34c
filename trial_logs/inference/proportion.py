"""Shares of parts (yield, scrap): Wilson, Clopper-Pearson, and what zero defects prove."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ZeroDefects:
    """What no defect in n parts still allows, one-sided at `level`, as shares."""

    n: int
    level: float
    rule_of_three: float
    """3/n, the rule to say aloud (95 % only), at most 1."""
    exact: float
    """1 − (1 − level)^(1/n)."""
