"""One stop from the first write to the report: everything is written before anything is awaited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.plans import Plan, Step
from lab_controller.stopper.verdict import Attempt, Settled, Verdict, best, failed

BOUND_S = 0.25  # after the longest deadline the report is given, whatever is still open

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shot:
    """One step fired: its attempt, when, and the task that waits for its outcome."""

    plan: Plan
    step: Step
    attempt: Attempt
    task: asyncio.Task[tuple[Verdict, float]]


def fire(reach: Reach, plans: Iterable[Plan]) -> list[Shot]:
    """Put out every step of every plan, without waiting for anything."""
    attempts = [
        (plan, step, _fire_one(reach, plan.device, step)) for plan in plans for step in plan.steps
    ]
    return [
        Shot(plan, step, attempt, asyncio.create_task(_settle(attempt, step.deadline_s)))
        for plan, step, attempt in attempts
    ]


def _fire_one(reach: Reach, device: str, step: Step) -> Attempt:
    try:
        return reach.fire(device, step)
    except Exception as fault:
        log.exception("stop.internal device=%s kind=%s", device, step.kind)
        return Settled(failed("internal", repr(fault)))


async def _settle(attempt: Attempt, deadline_s: float) -> tuple[Verdict, float]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(deadline_s):
            verdict = await attempt.proof()
    except TimeoutError:
        verdict = attempt.at_deadline()
    return verdict, loop.time() - begun


async def collect(plans: Sequence[Plan], shots: Sequence[Shot]) -> dict[str, Any]:
    """Wait for the outcomes, bounded, and report per device."""
    if shots:
        longest = max(shot.step.deadline_s for shot in shots)
        await asyncio.wait([shot.task for shot in shots], timeout=longest + BOUND_S)
    return {
        plan.device: _device_report(plan, [shot for shot in shots if shot.plan is plan])
        for plan in plans
    }


def _device_report(plan: Plan, shots: Sequence[Shot]) -> dict[str, Any]:
    ends = [(shot.step, *_end_of(shot)) for shot in shots]
    verdicts = [verdict for _, verdict, _ in ends]
    if plan.problem:
        verdicts.append(failed("bad_plan", plan.problem))
    total = best(verdicts) if verdicts or plan.known else failed("not_known_yet")
    return {
        "outcome": total.outcome,
        "detail": total.detail,
        "info": total.info,
        "means": plan.means,
        "estop": dict(plan.estop),
        "steps": [_step_report(*end) for end in ends],
    }


def _end_of(shot: Shot) -> tuple[Verdict, float]:
    if not shot.task.done():
        shot.task.cancel()
        return shot.attempt.at_deadline(), shot.step.deadline_s + BOUND_S
    fault = shot.task.exception()
    if fault is not None:
        log.error("stop.internal device=%s", shot.plan.device, exc_info=fault)
        return failed("internal", repr(fault)), 0.0
    return shot.task.result()


def _step_report(step: Step, verdict: Verdict, seconds: float) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "connection": step.connection,
        "outcome": verdict.outcome,
        "detail": verdict.detail,
        "info": verdict.info,
        "seconds": round(seconds, 4),
    }
