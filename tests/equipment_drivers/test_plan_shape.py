"""The suite's check of stop plans agrees with the parser of the stopper that carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from equipment_drivers.conformance.plan_shape import problems
from equipment_drivers.contract import StopPlan, StopStep
from lab_controller.stopper.plans import parse_plans

GOOD: Mapping[str, dict[str, Any]] = {
    "descriptor": {"write_hex": "0a4d313132", "expect": r"halted|kill\(\)"},
    "socket": {
        "host": "192.0.2.1",
        "port": 29999,
        "write_hex": "73746f70",
        "expect": "Stopped",
        "greeting": "Connected",
        "keep_hex": "",
    },
    "opcua_call": {
        "endpoint": "opc.tcp://192.0.2.1:4840",
        "object": [["urn:x", "Controls"]],
        "method": ["urn:x", "Stop"],
        "args": [["Int64", 0]],
        "confirm": {"path": [["urn:x", "State"]], "equals": ["Idle"]},
        "security": None,
        "user": "",
        "password": "",
    },
    "http": {
        "method": "POST",
        "url": "http://192.0.2.1:8123/api/services/switch/turn_off",
        "headers": {"Authorization": "Bearer x"},
        "body": "{}",
        "confirm": {"url": "http://192.0.2.1:8123/api/states/x", "key": "state", "equals": "off"},
    },
}
WRONG: tuple[Any, ...] = (None, 7, "", "\n", [], [[]], {}, "zz", "(", True, {"url": ""}, [["x"]])


def refused(kind: str, payload: Mapping[str, Any], deadline_s: float = 1.0) -> tuple[bool, bool]:
    """Whether the suite's check and whether the stopper's parser find something wrong."""
    step = StopStep(kind, "wire", payload, deadline_s)
    data = {
        "device": "d",
        "means": "stop.means.none",
        "steps": [
            {"kind": kind, "connection": "wire", "payload": payload, "deadline_s": deadline_s}
        ],
    }
    plans, _ = parse_plans([data])
    ours = problems(StopPlan("d", "stop.means.none", (step,)), "d", "wire")
    return ours != [], bool(plans["d"].problems)


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_plan_is_good_for_both(kind: str) -> None:
    assert refused(kind, GOOD[kind]) == (False, False)


@pytest.mark.parametrize("kind", GOOD)
def test_what_the_stopper_refuses_does_not_conform(kind: str) -> None:
    """The suite may ask for more than the parser, never for less."""
    for key in GOOD[kind]:
        changed = [{name: value for name, value in GOOD[kind].items() if name != key}]
        changed += [{**GOOD[kind], key: wrong} for wrong in WRONG]
        for payload in changed:
            by_suite, by_stopper = refused(kind, payload)
            assert by_suite or not by_stopper, payload


@pytest.mark.parametrize("deadline_s", [0.0, -1.0, 11.0, float("nan")])
def test_deadlines_are_bounded_in_both(deadline_s: float) -> None:
    assert refused("descriptor", GOOD["descriptor"], deadline_s) == (True, True)


def test_an_unknown_kind_is_refused_by_both() -> None:
    assert refused("telepathy", {}) == (True, True)


def test_a_plan_of_another_device_or_wire_does_not_conform() -> None:
    step = StopStep("descriptor", "other wire", GOOD["descriptor"])
    assert len(problems(StopPlan("other", "", (step,)), "d", "wire")) == 3
