"""Trials as they travel: plans in and out, runs with their counts, in the reader's language."""

from __future__ import annotations

import secrets
import typing
from dataclasses import asdict

from lab_controller.services.stop_notes import rule_met
from lab_controller.services.trial_books import RunCounts
from lab_controller.wire_trials import (
    MetShape,
    PlanLeftShape,
    PlanShape,
    PlanVersionShape,
    ProtocolShape,
    RunShape,
    TemplateShape,
    TrialShape,
)
from trial_logs import plan_templates
from trial_logs.model import (
    Band,
    Condition,
    Confidentiality,
    Limit,
    Trial,
    TrialDraft,
    Verdict,
)
from trial_logs.plan_versions import changed_keys
from trial_logs.plan_versions import draft_of as draft_of_text
from trial_logs.protocol import (
    Baseline,
    Factor,
    Lot,
    Protocol,
    SampleSize,
    StopCause,
    StopKind,
    StopRule,
)
from trial_logs.run_order import Made, expand, plan_left

WORDS = ("title", "question", "part", "material", "baseline")


class Booked(typing.Protocol):
    """Of a booking, whose it is and what it is of."""

    @property
    def id(self) -> str: ...

    @property
    def party_id(self) -> str: ...

    @property
    def equipment_id(self) -> str: ...


def draft_of(wanted: PlanShape, booking: Booked) -> TrialDraft:
    """The plan as the rules know it; randomised without a seed, one is drawn."""
    protocol = protocol_of(wanted.protocol)
    conditions = tuple(
        Condition(each.name, each.settings, tuple(Band(**band.model_dump()) for band in each.bands))
        for each in wanted.conditions
    )
    return TrialDraft(
        booking_id=booking.id,
        party_id=booking.party_id,
        equipment_id=booking.equipment_id,
        **{name: getattr(wanted, name) for name in WORDS},
        confidentiality=Confidentiality(wanted.confidentiality),
        limits=tuple(Limit(**limit.model_dump()) for limit in wanted.limits),
        conditions=conditions + (expand(protocol.factors) if wanted.expand else ()),
        protocol=protocol,
    )


def protocol_of(given: ProtocolShape) -> Protocol:
    """A protocol as the rules know it."""
    baseline = given.baseline.model_dump() | {"cycle_times_s": tuple(given.baseline.cycle_times_s)}
    drawn = secrets.randbits(31) if given.randomised and given.seed is None else given.seed
    return Protocol(
        template=given.template,
        baseline=Baseline(**baseline),
        factors=tuple(Factor(each.name, tuple(each.levels), each.unit) for each in given.factors),
        lots=tuple(Lot(**each.model_dump()) for each in given.lots),
        sample=SampleSize(**given.sample.model_dump()),
        stop_rules=tuple(StopRule(StopKind(each.kind), each.value) for each in given.stop_rules),
        stop_causes=tuple(StopCause(**each.model_dump()) for each in given.stop_causes),
        planned_cycle_s=given.planned_cycle_s,
        microstop_s=given.microstop_s,
        randomised=given.randomised,
        seed=drawn,
    )


def plan(draft: TrialDraft) -> PlanShape:
    """A stored plan as a plan file holds it."""
    return PlanShape.model_validate(
        {name: getattr(draft, name) for name in WORDS}
        | {
            "confidentiality": draft.confidentiality.value,
            "limits": [asdict(limit) for limit in draft.limits],
            "conditions": [
                {
                    "name": each.name,
                    "settings": dict(each.settings),
                    "bands": [asdict(band) for band in each.bands],
                }
                for each in draft.conditions
            ],
            "protocol": asdict(draft.protocol),
        }
    )


def run(found: RunCounts, language: str) -> RunShape:
    """One run and its counts."""
    one, counts = found.run, found.by_verdict
    return RunShape(
        id=one.id,
        trial=one.trial_id,
        number=one.number,
        condition=one.condition,
        state=one.state,
        simulated=one.simulated,
        started=one.started,
        ended=one.ended,
        good=counts[Verdict.GOOD],
        scrap=counts[Verdict.SCRAP],
        rework=counts[Verdict.REWORK],
        unjudged=counts[Verdict.UNJUDGED],
        operator=one.operator,
        cause=one.cause,
        lot=one.lot,
        rehearsal=one.rehearsal,
        stop_rules_met=[MetShape(kind=r.kind, text=rule_met(r, language)) for r in found.met],
    )


def trial(one: Trial, runs: list[RunCounts], language: str) -> TrialShape:
    """A trial with its plan, its runs and what of the plan is left."""
    draft, shown = one.draft, plan(one.draft)
    left = plan_left(draft, [Made(found.run, found.produced) for found in runs])
    return TrialShape(
        id=one.id,
        booking=draft.booking_id,
        equipment=draft.equipment_id,
        **{name: getattr(draft, name) for name in WORDS},
        confidentiality=draft.confidentiality,
        limits=shown.limits,
        conditions=shown.conditions,
        protocol=shown.protocol,
        runs=[run(found, language) for found in runs],
        plan_version=len(one.versions) or 1,
        left=PlanLeftShape.model_validate(left),
    )


def versions(one: Trial, runs: list[RunCounts]) -> list[PlanVersionShape]:
    """Every version of a trial's plan, with what it changed and the runs begun before it."""
    before = [None, *one.versions]
    return [
        PlanVersionShape(
            number=each.number,
            made=each.made,
            by=each.by,
            why=each.why,
            sha256=each.sha256,
            changed=list(changed_keys(last.plan, each.plan)) if last else [],
            runs_before=[
                found.run.id
                for found in runs
                if last and found.run.started is not None and found.run.started < each.made
            ],
            plan=plan(draft_of_text(each.plan)),
        )
        for last, each in zip(before, one.versions, strict=False)
    ]


def template(name: str, language: str) -> TemplateShape:
    """A plan to begin with."""
    found = plan_templates.template(name, language)
    return TemplateShape(
        name=found.name,
        title=found.title,
        summary=found.summary,
        bring=list(found.bring),
        baseline_questions=list(found.baseline_questions),
        plan=PlanShape.model_validate(found.plan),
    )
