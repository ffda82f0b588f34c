"""Office and recording work: minutes for one piece before and after, in the place of cycle times.

A sensor on an old machine or a business software makes no parts faster; it saves writing, copying
and adding up. A piece of such work is reckoned as a part is, with the person in the place of the
machine: always there, nothing scrapped, no electricity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trial_logs.content import RunSection
from trial_logs.dossier.economics import Before, InvestmentSheet, TaskTime, Tried
from trial_logs.dossier.findings import Finding
from trial_logs.dossier.from_trial import TOLD
from trial_logs.inference.between_runs import mean_of_runs
from trial_logs.inference.interval import LEVEL, Interval, bare

SECONDS: Mapping[str, float] = {"s": 1.0, "min": 60.0, "h": 3600.0}
"""Units a time may have been measured in."""


def worked(
    sheet: InvestmentSheet, before: Before, finding: Finding
) -> tuple[InvestmentSheet, Before, Tried]:
    """What the economics take in: of a sheet with a task its pieces of work, else the parts."""
    task = sheet.task
    if task is None:
        return sheet, before, finding.tried
    now, then = seconds_before(task), seconds_after(task, finding.runs)
    return (
        replace(sheet, volume_per_year=task.times_per_year, extra=None, scrap_yen_per_part=0),
        replace(before, cycle_s=now, people=1.0, scrap_share=_exactly(0.0)),
        replace(
            finding.tried,
            cycle_s=then,
            yield_share=_exactly(1.0),
            energy_kwh_per_part=_exactly(0.0),
            setup_s=None,
            attendance=1.0,
            uptime=_exactly(1.0),
        ),
    )


def seconds_before(task: TaskTime) -> Interval:
    """A piece in the present way, from the minutes the factory timed (one alone was told)."""
    return _mean([minutes * 60 for minutes in task.minutes_before])


def seconds_after(task: TaskTime, runs: Sequence[RunSection]) -> Interval:
    """A piece in the new way: as measured in the runs, else from the minutes on the sheet."""
    measured = _measured(task, runs)
    return _mean(*measured) if measured else _mean([each * 60 for each in task.minutes_after])


def runs_measured(task: TaskTime, runs: Sequence[RunSection]) -> int:
    """In how many runs the time after was measured; 0: it comes from the sheet."""
    return len(_measured(task, runs))


def _measured(task: TaskTime, runs: Sequence[RunSection]) -> list[list[float]]:
    """The times after of each run that measured them, in seconds."""
    groups = (
        [
            row.value * SECONDS[row.unit]
            for row in run.measurements
            if row.characteristic == task.measured and row.value is not None and row.unit in SECONDS
        ]
        for run in runs
    )
    return [each for each in groups if each]


def _mean(*seconds: Sequence[float]) -> Interval:
    """The mean of one run or over several, as that of cycle times is made."""
    if len(seconds) == 1 and len(seconds[0]) == 1:
        return bare(seconds[0][0], 0, TOLD, level=LEVEL)
    return mean_of_runs(seconds).never_negative()


def _exactly(value: float) -> Interval:
    return Interval(value, value, value, LEVEL, 0, "")
