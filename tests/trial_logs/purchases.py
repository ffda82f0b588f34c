"""Investment sheets and trial numbers for the tests of the purchase dossier."""

from __future__ import annotations

from typing import Any

from trial_logs.dossier.economics import Before, InvestmentSheet, Tried
from trial_logs.dossier.investment import read
from trial_logs.inference.interval import Interval

SHEET: dict[str, Any] = {
    "title": "協働ロボットによる取り出し",
    "tax": "excluded",
    "purposes": ["labour_saving"],
    "work": {"days_per_year": 240, "hours_per_day": 8.0, "wage_yen_per_h": 2500},
    "present": {"volume_per_year": 60000, "scrap_yen_per_part": 300},
    "plan": {"life_years": 7, "discount_percent": 3.0, "attendance_percent": 20.0},
    "running": {"energy_yen_per_kwh": 30.0, "maintenance_yen": 100000},
    "line": [
        {"kind": "machine", "name": "ロボット", "yen": 3500000, "quote": "見積-1.pdf"},
        {"kind": "hand", "name": "ハンド", "yen": 500000},
        {"kind": "si", "name": "組込み", "yen": 1000000},
    ],
}


def sheet(**changes: Any) -> InvestmentSheet:
    """The sheet with top-level keys changed."""
    return read({**SHEET, **changes})


def told(value: float) -> Interval:
    """A number somebody named, nobody measured."""
    return Interval(value, None, None, 0.95, 0, "")


def measured(estimate: float, low: float | None, high: float | None) -> Interval:
    """A number of thirty parts with its interval."""
    return Interval(estimate, low, high, 0.95, 30, "interval.student_t")


def before(**changes: Any) -> Before:
    """By hand, 90 s a part, one in twenty scrapped."""
    given: dict[str, Any] = {
        "method": "手作業",
        "cycle_s": told(90.0),
        "people": 1.0,
        "scrap_share": told(0.05),
        "volume_per_year": 60000,
    }
    return Before(**{**given, **changes})


def tried(**changes: Any) -> Tried:
    """On the machine, 80 s a part with its intervals."""
    given: dict[str, Any] = {
        "condition": "標準",
        "simulated": False,
        "cycle_s": measured(80.0, 78.0, 82.0),
        "yield_share": measured(0.98, 0.90, 0.995),
        "energy_kwh_per_part": measured(0.01, 0.009, 0.012),
    }
    return Tried(**{**given, **changes})
