"""The shapes of trials: their plan, runs, what people add to them, and reports; as in `wire`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lab_controller.wire import Request, Shape


class LimitShape(BaseModel):
    """What a characteristic should measure: nominal ± tolerance."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    characteristic: str
    nominal: float
    tolerance: float
    unit: str


class BandShape(BaseModel):
    """Where a signal should stay; None leaves a side open; a value counts for `hold_s`."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    device: str
    signal: str
    low: float | None = None
    high: float | None = None
    hold_s: float = 15.0


class ConditionShape(BaseModel):
    """One condition of a trial plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    name: str
    settings: dict[str, str] = {}
    bands: list[BandShape] = []


class TrialRequest(Request):
    """A new trial for a booking."""

    booking: str
    title: str
    question: str = ""
    part: str = ""
    material: str = ""
    baseline: str = ""
    limits: list[LimitShape] = Field(default_factory=list)
    conditions: list[ConditionShape] = Field(default_factory=list)


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


class RunRequest(Request):
    """A new run under one of the plan's conditions."""

    condition: str
    operator: str = ""


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
