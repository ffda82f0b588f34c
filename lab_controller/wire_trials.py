"""The shapes of trials: their plan, runs, what people add to them, and reports; as in `wire`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab_controller.wire import Request, Shape


class PlanPart(BaseModel):
    """Base of what a plan is made of; it travels both ways, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class LimitShape(PlanPart):
    """What a characteristic should measure: nominal ± tolerance, or `low` and `high` (one open)."""

    characteristic: str
    nominal: float | None = None
    tolerance: float | None = None
    unit: str
    gauge: str = ""
    low: float | None = None
    high: float | None = None


class BandShape(PlanPart):
    """Where a signal should stay; None leaves a side open; a value counts for `hold_s`."""

    device: str
    signal: str
    low: float | None = None
    high: float | None = None
    hold_s: float = 15.0


class ConditionShape(PlanPart):
    """One condition of a trial plan."""

    name: str
    settings: dict[str, str] = Field(default_factory=dict)
    bands: list[BandShape] = Field(default_factory=list)


class BaselineShape(PlanPart):
    """How the work is done today; what is not known is None."""

    method: str = ""
    cycle_time_s: float | None = None
    cycle_times_s: list[float] = Field(default_factory=list)
    people: float | None = None
    scrap: int | None = None
    inspected: int | None = None
    cost_per_hour_yen: int | None = None
    yearly_volume: int | None = None
    source: str = ""


class FactorShape(PlanPart):
    """What is varied, with its levels."""

    name: str
    levels: list[str]
    unit: str = ""


class LotShape(PlanPart):
    """Parts or material that came together."""

    name: str
    quantity: int | None = None
    note: str = ""


class SampleShape(PlanPart):
    """Parts in each run (None: not fixed) and runs of each condition."""

    parts_per_run: int | None = None
    runs_per_condition: int = 1


class StopRuleShape(PlanPart):
    """What ends a run early."""

    kind: Literal["scrap_count", "scrap_share", "minutes", "parts", "stops", "safety_stop"]
    value: float | None = None


class StopCauseShape(PlanPart):
    """A cause of a stop the operator names with one key."""

    code: str
    name: str


class ProtocolShape(PlanPart):
    """How a trial is to be carried out, beside its conditions and limits."""

    template: str = ""
    baseline: BaselineShape = Field(default_factory=BaselineShape)
    factors: list[FactorShape] = Field(default_factory=list)
    lots: list[LotShape] = Field(default_factory=list)
    sample: SampleShape = Field(default_factory=SampleShape)
    stop_rules: list[StopRuleShape] = Field(default_factory=list)
    stop_causes: list[StopCauseShape] = Field(default_factory=list)
    planned_cycle_s: float | None = None
    microstop_s: float = 300.0
    randomised: bool = False
    seed: int | None = None


class PlanShape(PlanPart):
    """A whole plan, as a plan file holds it. `expand` adds all combinations of the factors."""

    title: str
    question: str = ""
    part: str = ""
    material: str = ""
    baseline: str = ""
    confidentiality: Literal["party", "vendor", "public"] = "party"
    limits: list[LimitShape] = Field(default_factory=list)
    conditions: list[ConditionShape] = Field(default_factory=list)
    protocol: ProtocolShape = Field(default_factory=ProtocolShape)
    expand: bool = False


class TrialRequest(PlanShape):
    """A new trial for a booking."""

    booking: str


class AmendRequest(Request):
    """Another plan for a trial, with why; `after_runs`: although runs have been made."""

    plan: TrialRequest
    why: str
    after_runs: bool = False


class PlanVersionShape(Shape):
    """One version of a trial's plan: what it changed, and which runs had begun before it."""

    number: int
    made: datetime
    by: str
    why: str
    sha256: str
    changed: list[str]
    runs_before: list[str]
    plan: PlanShape


class PlannedShape(Shape):
    """A run the plan asks for."""

    lot: str
    condition: str
    repeat: int


class ConditionLeftShape(Shape):
    """What of a condition is done and left."""

    condition: str
    runs_planned: int
    runs_done: int
    runs_left: int
    parts_missing: int | None


class PlanLeftShape(Shape):
    """Where the plan stands, and the run that comes next."""

    conditions: list[ConditionLeftShape]
    next_run: PlannedShape | None
    is_done: bool


class MetShape(Shape):
    """A stop rule that is met, in words."""

    kind: str
    text: str


class TemplateShape(Shape):
    """A plan to begin with: what to bring, what to ask about today's work, the plan itself."""

    name: str
    title: str
    summary: str
    bring: list[str]
    baseline_questions: list[str]
    plan: PlanShape


class RunShape(Shape):
    """One run and its counts so far."""

    id: str
    trial: str
    number: int
    condition: str
    state: str
    simulated: bool
    started: datetime | None
    ended: datetime | None
    good: int
    scrap: int
    rework: int
    unjudged: int
    operator: str
    cause: str = ""
    lot: str = ""
    rehearsal: bool = False
    stop_rules_met: list[MetShape] = Field(default_factory=list)


class TrialShape(Shape):
    """A trial with its plan and runs."""

    id: str
    booking: str
    equipment: str
    title: str
    question: str
    part: str
    material: str
    baseline: str
    limits: list[LimitShape]
    conditions: list[ConditionShape]
    runs: list[RunShape]
    confidentiality: str = "party"
    protocol: ProtocolShape = Field(default_factory=ProtocolShape)
    left: PlanLeftShape | None = None
    plan_version: int = 1


class RunRequest(Request):
    """A new run under one of the plan's conditions."""

    condition: str
    operator: str = ""
    lot: str = ""


class PartRequest(Request):
    """One part counted by the operator."""

    verdict: Literal["good", "scrap", "rework"]
    cause: str = ""


class MeasurementRequest(Request):
    """A value read from a gauge."""

    characteristic: str
    value: float
    unit: str
    part: int | None = None
    gauge: str = ""


class NoteRequest(Request):
    """A remark for the record."""

    text: str = Field(min_length=1)


class EndRequest(Request):
    """Why a run is ended early."""

    reason: str = ""


class ReportShape(Shape):
    """The files of a trial report: name → bytes."""

    trial: str
    files: dict[str, int]
    warnings: list[str] = Field(default_factory=list)


class DossierRequest(Shape):
    """Trials to set beside the one the dossier is of, and the condition it is about (empty: the
    one with the best evidence)."""

    others: list[str] = Field(default_factory=list)
    condition: str = ""


class SheetShape(Shape):
    """The investment sheet of a trial, as the table its file holds."""

    trial: str
    entered: datetime
    by: str
    sheet: dict[str, Any]


class GrantPackShape(Shape):
    """A pack of grant rules: how far it can be trusted, and whether it counts today."""

    id: str
    name: str
    issuer: str
    fiscal_year: int
    valid_from: date
    valid_until: date
    status: str
    status_text: str
    validity: str
    validity_text: str
    source: str
    schemes: list[str]
