"""The words of a trial's protocol: compared with what, varied how, how much, until when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MICROSTOP_S = 300.0
"""A stop shorter than this is a チョコ停, a longer one a 停止; usual in shops: five minutes."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """How the work is done today (現状). None is "not known", never zero.

    `cycle_time_s` is one figure told, `cycle_times_s` are measured ones. `people` may be a part of
    a person (0.5), `scrap` of `inspected` parts, `source` says where the figures come from.
    """

    method: str = ""
    cycle_time_s: float | None = None
    cycle_times_s: tuple[float, ...] = ()
    people: float | None = None
    scrap: int | None = None
    inspected: int | None = None
    cost_per_hour_yen: int | None = None
    yearly_volume: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Factor:
    """What is varied, with its levels as people write them; `unit` may be empty."""

    name: str
    levels: tuple[str, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Lot:
    """Parts or material that came together; with lots the plan is made once in each."""

    name: str
    quantity: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How much is enough: parts in each run (None: not fixed) and runs of each condition."""

    parts_per_run: int | None = None
    runs_per_condition: int = 1


class StopKind(StrEnum):
    """What ends a run early. SCRAP_SHARE is a share 0..1, MINUTES are of running time."""

    SCRAP_COUNT = "scrap_count"
    SCRAP_SHARE = "scrap_share"
    MINUTES = "minutes"
    PARTS = "parts"
    STOPS = "stops"
    SAFETY_STOP = "safety_stop"


@dataclass(frozen=True, slots=True)
class StopRule:
    """A run is stopped when `kind` reaches `value`; SAFETY_STOP needs no value."""

    kind: StopKind
    value: float | None = None


@dataclass(frozen=True, slots=True)
class StopCause:
    """A cause of a stop the operator can name with one key: stable code and name shown."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a trial is to be carried out, beside its conditions and limits.

    `planned_cycle_s` is the cycle the machine should reach (the ideal of an OEE), `microstop_s`
    the length that parts チョコ停 from 停止. Randomised, the order of runs follows from `seed`.
    """

    template: str = ""
    baseline: Baseline = Baseline()
    factors: tuple[Factor, ...] = ()
    lots: tuple[Lot, ...] = ()
    sample: SampleSize = SampleSize()
    stop_rules: tuple[StopRule, ...] = ()
    stop_causes: tuple[StopCause, ...] = ()
    planned_cycle_s: float | None = None
    microstop_s: float = MICROSTOP_S
    randomised: bool = False
    seed: int | None = None

    @property
    def cause_names(self) -> dict[str, str]:
        """What the plan's own causes of stops are called, by code."""
        return {each.code: each.name for each in self.stop_causes}
