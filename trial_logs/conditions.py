"""The runs of a trial by condition, as the statistics take them in; simulated ones apart."""

from __future__ import annotations

from trial_logs.content import ReportContent, RunSection
from trial_logs.inference.of_run import RunInput


def by_condition(content: ReportContent) -> dict[tuple[str, bool], list[RunSection]]:
    """The runs by condition and whether they are simulated, in the order of the first of each."""
    groups: dict[tuple[str, bool], list[RunSection]] = {}
    for run in content.runs:
        groups.setdefault((run.condition, run.simulated), []).append(run)
    return groups


def run_input(run: RunSection) -> RunInput:
    """One recorded run."""
    counts = run.numbers.counts
    measured = tuple(each for each, _ in run.inference.capability)
    return RunInput(run.cycle_s, counts.good, counts.scrap, counts.rework, measured)
