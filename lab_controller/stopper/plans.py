"""Stop plans: data from the drivers, checked here so that a bad one spoils only itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab_controller.stopper.calls import CALLS, BadPlan, Call, mapping_of, text_of

LONGEST_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a plan. `call` is None when the step is malformed; `problem` says why."""

    kind: str
    connection: str
    deadline_s: float
    call: Call | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one device is stopped; no steps and no problem: software cannot stop it.

    `known` False: nobody has seen the device yet, so nobody knows. `estop`: where its physical
    button is, by language.
    """

    device: str
    means: str
    steps: tuple[Step, ...] = ()
    problem: str = ""
    known: bool = True
    estop: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything wrong with it."""
        found = (self.problem, *(step.problem for step in self.steps))
        return tuple(problem for problem in found if problem)


def parse_plans(data: object) -> tuple[dict[str, Plan], list[str]]:
    """Plans by device, and what could not even be given to a device."""
    plans: dict[str, Plan] = {}
    lost: list[str] = []
    for one in data if isinstance(data, list) else [data]:
        try:
            device = text_of(one, "device")
        except BadPlan as problem:
            lost.append(str(problem))
            continue
        repeated = device in plans
        plans[device] = _plan(device, one)
        if repeated:
            plans[device] = replace(plans[device], steps=(), problem="device: given twice")
    return plans, lost


def _plan(device: str, data: Any) -> Plan:
    means, steps, place = data.get("means"), data.get("steps", []), data.get("estop")
    known = data.get("known") is not False
    estop = {str(key): str(text) for key, text in place.items()} if isinstance(place, dict) else {}
    if not isinstance(means, str) or not isinstance(steps, list):
        return Plan(device, str(means), (), "means: a text, steps: a list", known, estop)
    return Plan(device, means, tuple(_step(one) for one in steps), "", known, estop)


def _step(data: object) -> Step:
    known = data if isinstance(data, dict) else {}
    kind, connection = str(known.get("kind", "")), str(known.get("connection", ""))
    try:
        deadline = _deadline(known.get("deadline_s", 1.0))
        if kind not in CALLS:
            raise BadPlan(f"kind: {kind!r} is not one of {', '.join(CALLS)}")
        return Step(kind, connection, deadline, CALLS[kind](mapping_of(data, "payload")))
    except BadPlan as problem:
        return Step(kind, connection, 1.0, None, str(problem))


def _deadline(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadPlan("deadline_s: not a number")
    if not 0 < value <= LONGEST_DEADLINE_S:
        raise BadPlan(f"deadline_s: not in (0, {LONGEST_DEADLINE_S:g}]")
    return float(value)
