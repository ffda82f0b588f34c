"""What a protocol must be: every problem at once, each at its key as a plan file writes it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from trial_logs.errors import Problem
from trial_logs.model import Condition, Limit
from trial_logs.protocol import Baseline, Factor, Protocol, SampleSize, StopKind, StopRule
from trial_logs.run_order import level_text, planned_runs
from trial_logs.units import is_unit, likely_unit

MOST_RUNS = 500
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
NEEDS_NO_VALUE = frozenset({StopKind.SAFETY_STOP})


def protocol_problems(protocol: Protocol, conditions: Sequence[Condition]) -> Iterator[Problem]:
    """Everything wrong with a protocol and with conditions that do not fit its factors."""
    yield from _baseline_problems(protocol.baseline)
    for place, factor in enumerate(protocol.factors, 1):
        yield from _factor_problems(f"protocol.factors[{place}]", factor)
    yield from repeated("protocol.factors", "name", [each.name for each in protocol.factors])
    for place, condition in enumerate(conditions, 1):
        yield from _level_problems(f"conditions[{place}].settings", condition, protocol.factors)
    yield from _sample_problems(protocol.sample)
    yield from _lot_problems(protocol, conditions)
    yield from _stop_problems(protocol.stop_rules)
    yield from _cause_problems(protocol)
    yield from _time_problems(protocol)


def unit_problems(key: str, unit: str) -> Iterator[Problem]:
    """A unit nobody knows, with the code that was probably meant."""
    if not is_unit(unit):
        meant = likely_unit(unit) or "mm, um, deg, s, %, N, kg, Cel, 1"
        yield Problem(key, "trial.unknown_unit", {"unit": unit, "meant": meant})


def limit_problems(key: str, limit: Limit) -> Iterator[Problem]:
    """An acceptance limit without a name, in an unknown unit, or with sides that make no sense."""
    if not limit.characteristic.strip():
        yield Problem(f"{key}.characteristic", "trial.field_missing", {"field": "characteristic"})
    if not _is_sound(limit):
        yield Problem(key, "trial.bad_limit", {"name": limit.characteristic})
    yield from unit_problems(f"{key}.unit", limit.unit)


def repeated(key: str, name: str, names: Sequence[str]) -> Iterator[Problem]:
    """A problem at every place that repeats an earlier name."""
    for place, each in enumerate(names, 1):
        if each in names[: place - 1]:
            yield Problem(f"{key}[{place}].{name}", "trial.repeated_name", {"name": each})


def _is_sound(limit: Limit) -> bool:
    """Either nominal ± tolerance, or low ≤ high of which one may be open; never both ways."""
    given = [each for each in (limit.nominal, limit.low, limit.high) if each is not None]
    if not all(math.isfinite(each) for each in given):
        return False
    if limit.tolerance is not None:
        simple = limit.low is None and limit.high is None and limit.nominal is not None
        return simple and 0 <= limit.tolerance < math.inf
    sides = [each for each in (limit.low, limit.high) if each is not None]
    return bool(sides) and sides == sorted(sides)


def _baseline_problems(baseline: Baseline) -> Iterator[Problem]:
    numbers: Mapping[str, float | None] = {
        name: getattr(baseline, name)
        for name in (
            "cycle_time_s", "people", "scrap", "inspected", "cost_per_hour_yen", "yearly_volume",
        )
    }  # fmt: skip
    for name, value in numbers.items():
        if value is not None and not 0 <= value < math.inf:
            yield _bad_number(f"protocol.baseline.{name}", name)
    for place, value in enumerate(baseline.cycle_times_s, 1):
        if not 0 < value < math.inf:
            yield _bad_number(f"protocol.baseline.cycle_times_s[{place}]", "cycle_times_s")
    if baseline.scrap is not None and baseline.scrap > (baseline.inspected or 0):
        params = {"scrap": str(baseline.scrap), "inspected": str(baseline.inspected or 0)}
        yield Problem("protocol.baseline.scrap", "trial.scrap_above_inspected", params)


def _factor_problems(key: str, factor: Factor) -> Iterator[Problem]:
    if not factor.name.strip():
        yield Problem(f"{key}.name", "trial.field_missing", {"field": "name"})
    if not factor.levels or not all(level.strip() for level in factor.levels):
        yield Problem(f"{key}.levels", "trial.no_level", {"name": factor.name})
    for level in sorted({each for each in factor.levels if factor.levels.count(each) > 1}):
        yield Problem(f"{key}.levels", "trial.repeated_name", {"name": level})
    if factor.unit:
        yield from unit_problems(f"{key}.unit", factor.unit)


def _level_problems(key: str, condition: Condition, factors: Sequence[Factor]) -> Iterator[Problem]:
    for factor in factors:
        named = {"condition": condition.name, "factor": factor.name}
        levels = {text for each in factor.levels for text in (each, level_text(factor, each))}
        chosen = condition.settings.get(factor.name)
        if chosen is None:
            yield Problem(key, "trial.level_missing", named)
        elif chosen not in levels:
            known = ", ".join(level_text(factor, each) for each in factor.levels)
            yield Problem(key, "trial.unknown_level", {**named, "level": chosen, "known": known})


def _sample_problems(sample: SampleSize) -> Iterator[Problem]:
    if sample.parts_per_run is not None and sample.parts_per_run < 1:
        yield _too_small("protocol.sample.parts_per_run", "parts_per_run")
    if sample.runs_per_condition < 1:
        yield _too_small("protocol.sample.runs_per_condition", "runs_per_condition")


def _lot_problems(protocol: Protocol, conditions: Sequence[Condition]) -> Iterator[Problem]:
    yield from repeated("protocol.lots", "name", [each.name for each in protocol.lots])
    runs = planned_runs(protocol, len(conditions))
    if runs > MOST_RUNS:
        yield Problem(
            "protocol.sample.runs_per_condition",
            "trial.plan_too_large",
            {"runs": str(runs), "most": str(MOST_RUNS)},
        )
    in_each_lot = runs // max(1, len(protocol.lots)) * (protocol.sample.parts_per_run or 0)
    for place, lot in enumerate(protocol.lots, 1):
        key = f"protocol.lots[{place}]"
        if not lot.name.strip():
            yield Problem(f"{key}.name", "trial.field_missing", {"field": "name"})
        if lot.quantity is not None and lot.quantity < max(1, in_each_lot):
            params = {"name": lot.name, "quantity": str(lot.quantity), "needed": str(in_each_lot)}
            yield Problem(f"{key}.quantity", "trial.lot_too_small", params)


def _stop_problems(rules: Sequence[StopRule]) -> Iterator[Problem]:
    yield from repeated("protocol.stop_rules", "kind", [rule.kind for rule in rules])
    for place, rule in enumerate(rules, 1):
        key, value = f"protocol.stop_rules[{place}].value", rule.value
        if rule.kind in NEEDS_NO_VALUE:
            continue
        if value is None:
            yield Problem(key, "trial.stop_value_missing", {"kind": rule.kind})
        elif not 0 < value < math.inf or (rule.kind is StopKind.SCRAP_SHARE and value > 1):
            yield Problem(key, "trial.bad_stop_value", {"kind": rule.kind, "value": f"{value:g}"})


def _cause_problems(protocol: Protocol) -> Iterator[Problem]:
    causes = protocol.stop_causes
    yield from repeated("protocol.stop_causes", "code", [each.code for each in causes])
    for place, cause in enumerate(causes, 1):
        key = f"protocol.stop_causes[{place}]"
        if not CODE.fullmatch(cause.code):
            yield Problem(f"{key}.code", "trial.bad_cause_code", {"code": cause.code})
        if not cause.name.strip():
            yield Problem(f"{key}.name", "trial.field_missing", {"field": "name"})


def _time_problems(protocol: Protocol) -> Iterator[Problem]:
    planned = protocol.planned_cycle_s
    if planned is not None and not 0 < planned < math.inf:
        yield _too_small("protocol.planned_cycle_s", "planned_cycle_s")
    if not 0 <= protocol.microstop_s < math.inf:
        yield _bad_number("protocol.microstop_s", "microstop_s")
    if protocol.randomised and protocol.seed is None:
        yield Problem("protocol.seed", "trial.field_missing", {"field": "seed"})
    if protocol.seed is not None and not 0 <= protocol.seed < 2**63:
        yield _bad_number("protocol.seed", "seed")


def _bad_number(key: str, name: str) -> Problem:
    return Problem(key, "trial.bad_number", {"field": name})


def _too_small(key: str, name: str) -> Problem:
    return Problem(key, "trial.must_be_above_zero", {"field": name})
