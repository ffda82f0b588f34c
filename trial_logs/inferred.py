"""What can be inferred from one run's record: its plain sequences handed to the statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trial_logs.inference.of_run import Measured, RunInference, RunInput, of_run
from trial_logs.model import Limit
from trial_logs.protocol import Protocol, StopKind
from trial_logs.summary import RunNumbers

Value = tuple[str, str, float]
"""Characteristic, unit, measured value."""


def infer(
    numbers: RunNumbers,
    cycle_s: Sequence[float],
    values: Iterable[Value],
    limits: Iterable[Limit],
    protocol: Protocol | None = None,
) -> RunInference:
    """Intervals, capability and control chart of a run, or of several under one condition."""
    taken = list(values)
    measured = tuple(
        Measured(
            limit.characteristic,
            limit.unit,
            limit.lower,
            limit.upper,
            [v for name, unit, v in taken if (name, unit) == (limit.characteristic, limit.unit)],
        )
        for limit in limits
    )
    counts = numbers.counts
    return of_run(
        RunInput(
            cycle_s=cycle_s,
            good=counts.good,
            scrap=counts.scrap,
            rework=counts.rework,
            measured=measured,
            energy_kwh_per_part=numbers.energy_kwh_per_part.value,
            scrap_limit=scrap_limit(protocol),
        )
    )


def scrap_limit(protocol: Protocol | None) -> float | None:
    """The scrap share at which the protocol stops a run: what the party no longer accepts."""
    rules = protocol.stop_rules if protocol else ()
    return next((rule.value for rule in rules if rule.kind is StopKind.SCRAP_SHARE), None)
