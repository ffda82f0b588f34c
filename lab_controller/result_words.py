"""A trial's result in a sentence."""

from __future__ import annotations

from lab_controller.i18n import text
from trial_logs.inference.interval import Interval
from trial_logs.shown import percent


def share_line(share: Interval, language: str) -> str:
    """A yield with what so few parts can tell of it; where no part was judged, that."""
    if share.estimate is None or share.low is None or share.high is None:
        return text(language, "result.no_parts")
    ends = {"low": percent(share.low), "high": percent(share.high)}
    told = {"share": percent(share.estimate), "count": share.n, "level": f"{share.level:.0%}"}
    return text(language, "result.yield", {**told, **ends})
