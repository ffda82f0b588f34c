"""What the runs of one condition showed together, compared with the present way.

Only runs of the same condition are put together, and simulated ones never with real ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trial_logs.content import ReportContent, RunSection
from trial_logs.dossier.comparison import Entry
from trial_logs.dossier.economics import Tried
from trial_logs.dossier.from_trial import circumstances, tried_of
from trial_logs.inference.difference import Known
from trial_logs.inference.interval import NO_METHOD, Interval, bare
from trial_logs.inference.of_run import Measured, RunInference, RunInput, of_run
from trial_logs.inference.of_trial import (
    BaselineInput,
    Comparison,
    ConditionInput,
    against_baseline,
)
from trial_logs.inference.sample import mean_interval
from trial_logs.inferred import scrap_limit
from trial_logs.model import Condition, TrialDraft
from trial_logs.protocol import Baseline
from trial_logs.times import Element, Indicator


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition: its runs, their numbers together, and how it compares with the present way.

    `against` is None where there is nothing to compare.
    """

    condition: str
    simulated: bool
    runs: tuple[RunSection, ...]
    cycle_s: tuple[float, ...]
    made: int
    good: int
    scrap: int
    rework: int
    inference: RunInference
    against: Comparison | None
    tried: Tried

    @property
    def judged(self) -> int:
        """Parts somebody or something has judged."""
        return self.good + self.scrap + self.rework


def findings(content: ReportContent) -> tuple[Finding, ...]:
    """One finding per condition in the plan's order; a condition without runs has none."""
    groups: dict[tuple[str, bool], list[RunSection]] = {}
    for run in content.runs:
        groups.setdefault((run.condition, run.simulated), []).append(run)
    return tuple(_finding(content, name, runs) for (name, _), runs in groups.items())


def _finding(content: ReportContent, condition: str, runs: Sequence[RunSection]) -> Finding:
    counts = [run.numbers.counts for run in runs]
    cycles = tuple(seconds for run in runs for seconds in run.cycle_s)
    good, scrap, rework = (
        sum(getattr(each, name) for each in counts) for name in ("good", "scrap", "rework")
    )
    made = sum(each.produced for each in counts)
    inference = of_run(
        RunInput(
            cycle_s=cycles,
            good=good,
            scrap=scrap,
            rework=rework,
            measured=_measured(runs),
            energy_kwh_per_part=_energy(runs, made),
            scrap_limit=scrap_limit(content.protocol),
        )
    )
    given = ConditionInput(condition, cycles, scrap, good + scrap + rework)
    against = against_baseline(_baseline_input(content.protocol.baseline), given)
    simulated = any(run.simulated for run in runs)
    tried = tried_of(
        condition,
        inference,
        simulated=simulated,
        runs=(run.run_id for run in runs),
        setup_s=_setup(runs),
        uptime=_uptime(runs),
    )
    known = against.cycle_s is not None or against.scrap_share is not None
    return Finding(
        condition, simulated, tuple(runs), cycles, made, good, scrap, rework, inference,
        against if known else None, tried,
    )  # fmt: skip


def _measured(runs: Sequence[RunSection]) -> tuple[Measured, ...]:
    """Each characteristic over all runs, in the order they were made."""
    together: dict[tuple[str, str], list[Measured]] = {}
    for run in runs:
        for measured, _ in run.inference.capability:
            key = (measured.characteristic, measured.unit)
            together.setdefault(key, []).append(measured)
    return tuple(
        Measured(
            name, unit, found[0].lower, found[0].upper, [v for each in found for v in each.values]
        )
        for (name, unit), found in together.items()
    )


def _energy(runs: Sequence[RunSection], made: int) -> float | None:
    """Energy of all runs ÷ all their parts; None where a run's energy is not known."""
    known = [run.numbers.energy_kwh.value for run in runs]
    if not made or None in known:
        return None
    return math.fsum(value for value in known if value is not None) / made


def _setup(runs: Sequence[RunSection]) -> Interval | None:
    """Mean set-up time of the runs that had one."""
    known = [run.numbers.times.seconds.get(Element.SETUP, 0.0) for run in runs]
    taken = [seconds for seconds in known if seconds]
    return mean_interval(taken).never_negative() if taken else None


def _uptime(runs: Sequence[RunSection]) -> Interval | None:
    """可動率 over all runs: wanted time without stops ÷ wanted time."""
    known = [_inputs(run.numbers.times.bekido) for run in runs]
    wanted = math.fsum(each.get("W") or 0.0 for each in known)
    if not wanted:
        return None
    stood = math.fsum(each.get("S") or 0.0 for each in known)
    return bare((wanted - stood) / wanted, len(runs), NO_METHOD)


def _inputs(indicator: Indicator) -> dict[str, float | None]:
    return dict(indicator.inputs)


def entry(
    report: ReportContent, draft: TrialDraft, finding: Finding, *, named: bool = True
) -> Entry:
    """The finding as a column of the comparison; `named`: its machine stands in the heading."""
    inference = finding.inference
    numbers = {
        "cycle_s": inference.cycle_mean_s,
        "throughput_per_h": inference.throughput_per_h,
        "yield_share": inference.yield_share,
        "scrap_share": inference.scrap_share,
        "energy_kwh_per_part": inference.energy_kwh_per_part,
        "setup_s": finding.tried.setup_s,
        "uptime": finding.tried.uptime,
    }
    planned = next((one for one in draft.conditions if one.name == finding.condition), None)
    simulated = " (sim)" if finding.simulated else ""
    return Entry(
        id=f"{report.trial_id} {finding.condition}{simulated}",
        name=f"{report.equipment} {finding.condition}" if named else finding.condition,
        simulated=finding.simulated,
        circumstances=circumstances(draft, planned or Condition(finding.condition)),
        numbers={name: value for name, value in numbers.items() if value is not None},
        cycle_s=finding.cycle_s,
        good=finding.good,
        scrap=finding.scrap,
        judged=finding.judged,
    )


def _baseline_input(baseline: Baseline) -> BaselineInput:
    told = baseline.cycle_time_s
    return BaselineInput(
        cycle=None if told is None else Known(told),
        cycle_s=baseline.cycle_times_s,
        scrap=baseline.scrap,
        judged=baseline.inspected,
    )
