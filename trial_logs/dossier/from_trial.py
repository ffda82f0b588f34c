"""From what a trial holds to what the economics and the comparison take in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from trial_logs.dossier.economics import Before, Tried
from trial_logs.inference.interval import LEVEL, Interval, bare
from trial_logs.inference.of_run import RunInference
from trial_logs.inference.proportion import wilson
from trial_logs.inference.sample import mean_interval
from trial_logs.model import Condition, TrialDraft
from trial_logs.protocol import Baseline
from trial_logs.shown import plain

TOLD = "baseline.told"
"""Somebody said so; it was not measured, and how sure it is is not known."""


def before_of(baseline: Baseline, level: float = LEVEL) -> Before:
    """The present way: measured cycle times and counted scrap with intervals, else as told."""
    cycle = None
    if baseline.cycle_times_s:
        cycle = mean_interval(baseline.cycle_times_s, level).never_negative()
    elif baseline.cycle_time_s is not None:
        cycle = bare(baseline.cycle_time_s, 0, TOLD, level=level)
    scrap = None
    if baseline.scrap is not None and baseline.inspected:
        scrap = wilson(baseline.scrap, baseline.inspected, level)
    return Before(
        baseline.method, cycle, baseline.people, scrap, baseline.yearly_volume, baseline.source
    )


def tried_of(
    condition: str,
    found: RunInference,
    *,
    simulated: bool,
    runs: Iterable[str] = (),
    setup_s: Interval | None = None,
    attendance: float | None = None,
    uptime: Interval | None = None,
) -> Tried:
    """One condition's numbers; `found` is of all its comparable runs together."""
    return Tried(
        condition,
        simulated,
        found.cycle_mean_s,
        found.yield_share,
        found.energy_kwh_per_part,
        setup_s,
        attendance,
        uptime,
        tuple(runs),
    )


def circumstances(draft: TrialDraft, condition: Condition) -> Mapping[str, str]:
    """What must be alike before numbers may be set against each other, by aspect, as text.

    What the settings say is one aspect each (`factors.<name>`), so that the one under trial can
    be told from the rest.
    """
    protocol = draft.protocol
    limits = (
        f"{each.characteristic} {_number(each.lower)}…{_number(each.upper)} {each.unit}"
        for each in draft.limits
    )
    rules = (f"{each.kind.value} {_number(each.value)}" for each in protocol.stop_rules)
    sample = protocol.sample
    planned = f"{sample.parts_per_run or '–'} × {sample.runs_per_condition}"
    known = {
        name: value
        for name, value in asdict(protocol.baseline).items()
        if value not in (None, "", ()) and name != "source"
    }
    return {
        "part": draft.part,
        "material": draft.material,
        "limits": "; ".join(sorted(limits)),
        "sample": planned,
        "stop_rules": "; ".join(sorted(rules)),
        "baseline": "; ".join(f"{name} {value}" for name, value in sorted(known.items())),
        **{f"factors.{name}": value for name, value in sorted(condition.settings.items())},
    }


def _number(value: float | None) -> str:
    return "" if value is None else plain(float(value))
