"""The words of a trial: what was asked, under which conditions, and what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

from trial_logs.context import Consumable, ModeSet, OrderEdge, Serial, StopExplained
from trial_logs.errors import Unknown
from trial_logs.protocol import MICROSTOP_S, Protocol, StopCause


class Confidentiality(StrEnum):
    """Who may read the trial: the party alone, the equipment's vendor too, or everybody."""

    PARTY = "party"
    VENDOR = "vendor"
    PUBLIC = "public"


class RunState(StrEnum):
    """Where a run stands. INTERRUPTED is the lab's fault, ABORTED somebody's decision."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"

    @property
    def is_live(self) -> bool:
        """Whether the run holds its equipment."""
        return self in (RunState.RUNNING, RunState.PAUSED)

    @property
    def is_over(self) -> bool:
        """Whether nothing can follow."""
        return self in (RunState.FINISHED, RunState.ABORTED, RunState.INTERRUPTED)


class RunAction(StrEnum):
    """What moves a run from one state to the next."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    ABORT = "abort"
    INTERRUPT = "interrupt"


RUN_TABLE: Mapping[tuple[RunState, RunAction], RunState] = {
    (RunState.PLANNED, RunAction.START): RunState.RUNNING,
    (RunState.RUNNING, RunAction.PAUSE): RunState.PAUSED,
    (RunState.PAUSED, RunAction.RESUME): RunState.RUNNING,
    (RunState.RUNNING, RunAction.FINISH): RunState.FINISHED,
    (RunState.PAUSED, RunAction.FINISH): RunState.FINISHED,
    (RunState.RUNNING, RunAction.ABORT): RunState.ABORTED,
    (RunState.PAUSED, RunAction.ABORT): RunState.ABORTED,
    (RunState.RUNNING, RunAction.INTERRUPT): RunState.INTERRUPTED,
    (RunState.PAUSED, RunAction.INTERRUPT): RunState.INTERRUPTED,
}


class Verdict(StrEnum):
    """Worth of one part. UNJUDGED: made, not yet looked at. VOID: counted by mistake."""

    GOOD = "good"
    SCRAP = "scrap"
    REWORK = "rework"
    UNJUDGED = "unjudged"
    VOID = "void"


JUDGED = "judged"
"""Why of a person's first verdict on a part the device could not judge, where none was given."""


class PartSource(StrEnum):
    """Who said that a part was made."""

    DEVICE = "device"
    OPERATOR = "operator"


class Quality(IntEnum):
    """Worth of one value; the larger number is the worse one."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Series(NamedTuple):
    """Whose values these are: device, signal and UCUM-like unit code, all opaque here."""

    device: str
    signal: str
    unit: str


class Sample(NamedTuple):
    """One value of one series. `value` None: no number was had. Stamps: UTC µs since the epoch.

    `source_us` is the device's own stamp where it differs from the received one.
    """

    series: Series
    t_us: int
    value: float | None
    quality: Quality = Quality.GOOD
    source_us: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Acceptance limit of one characteristic, all in `unit`; `gauge` is what it is measured with.

    Either nominal ± tolerance, or the smallest and largest value allowed, `low` and `high`, of
    which one may be open; a nominal is then optional.
    """

    characteristic: str
    nominal: float | None
    tolerance: float | None
    unit: str
    gauge: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def lower(self) -> float | None:
        """The smallest value allowed, in decimals as written (20 − 0.1 is 19.9); None: open."""
        return self.low if self.tolerance is None else self._side(-1)

    @property
    def upper(self) -> float | None:
        """The largest value allowed; None: open."""
        return self.high if self.tolerance is None else self._side(1)

    def _side(self, sign: int) -> float | None:
        if self.nominal is None or self.tolerance is None:
            return None
        return float(Decimal(repr(self.nominal)) + sign * Decimal(repr(self.tolerance)))


@dataclass(frozen=True, slots=True)
class Band:
    """Where a signal should stay, ends included; None leaves a side open.

    A value counts until the next one, at most `hold_s`: after that nobody knows.
    """

    device: str
    signal: str
    low: float | None
    high: float | None
    hold_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One named set of settings a run is made under; settings are shown as written."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialDraft:
    """What a party wants to find out, on which equipment, judged by which limits."""

    booking_id: str
    party_id: str
    equipment_id: str
    title: str
    question: str = ""
    part: str = ""
    material: str = ""
    baseline: str = ""
    confidentiality: Confidentiality = Confidentiality.PARTY
    limits: tuple[Limit, ...] = ()
    conditions: tuple[Condition, ...] = ()
    protocol: Protocol = field(default_factory=Protocol)


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A trial's plan as it stood from `made` on: who changed it and why (both empty for the first),
    its canonical text and the SHA-256 of that."""

    number: int
    made: datetime
    by: str
    why: str
    plan: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A stored trial; `id` is the number printed on its report. `draft` is the newest version."""

    id: str
    created: datetime
    draft: TrialDraft
    versions: tuple[PlanVersion, ...] = ()

    @property
    def plan_sha256(self) -> str:
        """The digest of the plan in force; empty for a plan that was stored without one."""
        return self.versions[-1].sha256 if self.versions else ""

    def condition(self, name: str) -> Condition | None:
        """The condition of that name, if the plan has it."""
        return next((each for each in self.draft.conditions if each.name == name), None)

    def planned(self, name: str) -> Condition:
        """The condition of that name. Raises Unknown `trial.unknown_condition`."""
        found = self.condition(name)
        if found is None:
            known = ", ".join(each.name for each in self.draft.conditions)
            raise Unknown("trial.unknown_condition", trial=self.id, condition=name, known=known)
        return found


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A time the run spent running or paused; `until` None: still does."""

    state: RunState
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded execution of one condition; `rehearsal`: of a plan played beforehand."""

    id: str
    trial_id: str
    equipment_id: str
    number: int
    condition: str
    operator: str
    simulated: bool
    state: RunState
    started: datetime | None = None
    ended: datetime | None = None
    cause: str = ""
    spans: tuple[StateSpan, ...] = ()
    lot: str = ""
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What the evidence of a run must know of its trial, so that its numbers need no other file.

    `energy` names the cumulative counters (unit kW.h) whose differences are this run's energy,
    `machines` the devices whose states decide what a moment of the run is counted as;
    `plan_sha256` is the digest of the plan in force when it began.
    """

    run_id: str
    trial_id: str
    number: int
    equipment_id: str
    condition: Condition
    operator: str
    simulated: bool
    limits: tuple[Limit, ...] = ()
    energy: tuple[tuple[str, str], ...] = ()
    lot: str = ""
    rehearsal: bool = False
    planned_cycle_s: float | None = None
    microstop_s: float = MICROSTOP_S
    stop_causes: tuple[StopCause, ...] = ()
    machines: tuple[str, ...] = ()
    plan_sha256: str = ""


@dataclass(frozen=True, slots=True)
class PartEvent:
    """One part made."""

    at: datetime
    verdict: Verdict
    source: PartSource
    cycle_time_s: float | None = None
    cause: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value measured by hand; `part_no` is the part's number within the run."""

    at: datetime
    characteristic: str
    value: float
    unit: str
    gauge: str
    by: str
    part_no: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote down during the run."""

    at: datetime
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class DeviceStateSeen:
    """A device's three axes from this moment on; `cause` is the code behind a fault or stop."""

    at: datetime
    device: str
    link: str
    operation: str
    safety: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class GapEdge:
    """Recording of a device stopped (`opened`) or came back. Device `*`: of everything."""

    at: datetime
    device: str
    opened: bool
    cause: str = ""


@dataclass(frozen=True, slots=True)
class RunMoved:
    """The run entered a state."""

    at: datetime
    state: RunState
    by: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A later word on a part or a measurement: the first word stays, the last one counts.

    `about` is `part_event` or `measurement`, `row` its number. A part takes a verdict,
    a measurement a value or the verdict VOID.
    """

    at: datetime
    about: str
    row: int
    by: str
    why: str
    verdict: Verdict | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one evidence segment adds, each in the order it happened."""

    readings: Sequence[Sample] = ()
    parts: Sequence[PartEvent] = ()
    measurements: Sequence[Measurement] = ()
    notes: Sequence[Note] = ()
    states: Sequence[DeviceStateSeen] = ()
    gaps: Sequence[GapEdge] = ()
    moves: Sequence[RunMoved] = ()
    corrections: Sequence[Correction] = ()
    modes: Sequence[ModeSet] = ()
    explained: Sequence[StopExplained] = ()
    consumables: Sequence[Consumable] = ()
    orders: Sequence[OrderEdge] = ()
    serials: Sequence[Serial] = ()
