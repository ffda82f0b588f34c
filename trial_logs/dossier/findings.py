"""What the runs of one condition showed together, compared with the present way.

Only runs of the same condition are put together, and simulated ones never with real ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trial_logs.conditions import by_condition, run_input
from trial_logs.content import ReportContent, RunSection
from trial_logs.dossier.comparison import Entry
from trial_logs.dossier.economics import Tried
from trial_logs.dossier.from_trial import circumstances, tried_of
from trial_logs.inference.difference import Known
from trial_logs.inference.interval import NO_METHOD, Interval, bare, joint_level
from trial_logs.inference.of_condition import of_condition
from trial_logs.inference.of_run import Measured, RunInference, RunInput
from trial_logs.inference.of_trial import (
    BaselineInput,
    Comparison,
    ConditionInput,
    RunTally,
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
    tallies: ConditionInput
    made: int
    good: int
    scrap: int
    rework: int
    inference: RunInference
    against: Comparison | None
    joint: Comparison | None
    """`against` with intervals that hold together with those of all other findings."""
    tried: Tried

    @property
    def cycle_s(self) -> tuple[float, ...]:
        """The cycle times of all its runs, in seconds."""
        return tuple(seconds for run in self.tallies.cycles for seconds in run)

    @property
    def timed_runs(self) -> int:
        """How many runs gave cycle times."""
        return sum(bool(run) for run in self.tallies.cycles)

    @property
    def judged(self) -> int:
        """Parts somebody or something has judged."""
        return self.good + self.scrap + self.rework


def findings(content: ReportContent) -> tuple[Finding, ...]:
    """One finding per condition in the plan's order; a condition without runs has none."""
    found = [_finding(content, name, runs) for (name, _), runs in by_condition(content).items()]
    each_level = joint_level(sum(len(differences(each.against)) for each in found))
    baseline = _baseline_input(content.protocol.baseline)
    return tuple(
        replace(each, joint=each.against and against_baseline(baseline, each.tallies, each_level))
        for each in found
    )


def differences(compared: Comparison | None) -> tuple[Interval, ...]:
    """The differences with an interval a comparison holds, cycle time before scrap."""
    both = (compared.cycle_s, compared.scrap_share) if compared else ()
    return tuple(each.difference for each in both if each and each.difference.method)


def _tally(run: RunSection) -> RunTally:
    counts = run.numbers.counts
    judged = counts.good + counts.scrap + counts.rework
    return RunTally(tuple(run.cycle_s), counts.good, counts.scrap, judged)


def _finding(content: ReportContent, condition: str, runs: Sequence[RunSection]) -> Finding:
    counts = [run.numbers.counts for run in runs]
    given = ConditionInput(condition, tuple(_tally(run) for run in runs))
    good, scrap, rework = (
        sum(getattr(each, name) for each in counts) for name in ("good", "scrap", "rework")
    )
    made = sum(each.produced for each in counts)
    inference = of_condition(
        [run_input(run) for run in runs],
        RunInput(
            cycle_s=[seconds for run in given.cycles for seconds in run],
            good=good,
            scrap=scrap,
            rework=rework,
            measured=_measured(runs),
            energy_kwh_per_part=_energy(runs, made),
            scrap_limit=scrap_limit(content.protocol),
        ),
    )
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
        condition, simulated, tuple(runs), given, made, good, scrap, rework, inference,
        against if known else None, None, tried,
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
        tallies=finding.tallies,
    )


def _baseline_input(baseline: Baseline) -> BaselineInput:
    told = baseline.cycle_time_s
    return BaselineInput(
        cycle=None if told is None else Known(told),
        cycle_s=baseline.cycle_times_s,
        scrap=baseline.scrap,
        judged=baseline.inspected,
    )
