"""The last thing a person said of a part, taken back: a correction more, nothing deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from trial_logs import record
from trial_logs.errors import NotPossibleNow
from trial_logs.model import Correction, PartSource, Verdict
from trial_logs.record import Evidence, Part

UNDONE = "undone"
"""Why of what was taken back by the undo key, where none was given."""


def undo(db: Evidence, *, by: str, why: str, now: datetime) -> Correction:
    """Take back the newest part or verdict a person gave.

    A verdict given later goes back to the first one (a machine's part waits for it again), a part
    that only a person counted becomes VOID.
    Raises NotPossibleNow `trial.nothing_to_undo`.
    """
    newest = _newest(db)
    if newest is None:
        raise NotPossibleNow("trial.nothing_to_undo")
    _, no, verdict = newest
    return Correction(now, "part_event", no, by, why or UNDONE, verdict)


def undo_part(db: Evidence) -> int | None:
    """The part `undo` would take back or give its first verdict again; None where there is none."""
    newest = _newest(db)
    return None if newest is None else newest[1]


def _newest(db: Evidence) -> tuple[datetime, int, Verdict] | None:
    return max(_given(record.parts(db)), key=lambda each: each[:2], default=None)


def _given(parts: list[Part]) -> Iterator[tuple[datetime, int, Verdict]]:
    for part in parts:
        first, fix = part.event.verdict, part.corrected
        if part.verdict is Verdict.VOID:
            continue
        if fix is not None and part.verdict is not first:
            yield fix.at, part.no, first
        elif part.event.source is PartSource.OPERATOR:
            yield (fix or part.event).at, part.no, Verdict.VOID
