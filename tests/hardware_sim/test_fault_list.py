"""Every fault the drivers are to survive can be raised on a simulator, or it is said why not."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import pytest

from hardware_sim.faults import SHARED, FaultTable
from hardware_sim.lab import KINDS
from hardware_sim.wire_faults import CHANGES, WIRE_FAULTS

WIRE = "a wire"
HERE = sorted(kind for kind in KINDS if find_spec(f"hardware_sim.{kind}"))

# what can go wrong: where it is raised (a kind, or every TCP wire) and under which name
RAISED: Mapping[str, Mapping[str, str]] = {
    "drop": {WIRE: "drop", "gcode_printer": "drop_ok"},
    "delay": {WIRE: "slow", "gcode_printer": "slow"},
    "jitter": {WIRE: "jitter"},
    "duplicate": {WIRE: "duplicate_reply", "gcode_printer": "duplicate_reply"},
    "reorder": {WIRE: "out_of_order"},
    "truncate": {WIRE: "truncate"},
    "flip byte": {WIRE: "bad_checksum", "gcode_printer": "noise_out"},
    "garbage burst": {WIRE: "garbage", "gcode_printer": "garbage"},
    "mute": {WIRE: "hang", "gcode_printer": "mute"},
    "half-open": {WIRE: "hang", "gcode_printer": "hang"},
    "RST": {WIRE: "reset_mid_frame"},
    "refuse": {WIRE: "refuse"},
    "restart": {"gcode_printer": "reset"},
    "slow drip": {WIRE: "slow_drip"},
    "flood": {WIRE: "flood", "gcode_printer": "flood"},
    "unit change": {"home_assistant_hub": "unit"},
    "NaN": {"modbus_plc": "bad_value", "gcode_printer": "bad_value"},
    "stuck value": {"opcua_cobot": "stuck_value", "home_assistant_hub": "stuck_switch"},
    "wrong identity": {"modbus_plc": "wrong_device"},
    "thermal runaway": {"gcode_printer": "heater_stuck"},
    "heater dead": {"gcode_printer": "heater_dead"},
    "protective stop mid-move": {"opcua_cobot": "protective_stop"},
    "e-stop pressed": {"opcua_cobot": "estop"},
    "stale timestamps": {"opcua_cobot": "stale_time", "home_assistant_hub": "stale_time"},
    "clock skew": {"opcua_cobot": "clock_skew", "home_assistant_hub": "clock_skew"},
    "token revoked": {"home_assistant_hub": "auth_revoked"},
    "late execution after timeout": {WIRE: "late_execution"},
}

# not a fault a simulator raises, and where it comes from instead
ELSEWHERE: Mapping[str, str] = {
    "power cut": "the control port's `power` op, of every simulator",
    "lease loss mid-job": "the controller takes a lease away: tests/lab_controller/test_arming.py",
    "limit hit": "no simulated machine has limit switches; drivers check bounds before they send",
    "SIGSTOP": "a signal to the simulator's process: tests/sims/sim.py `freeze`",
}


def table(kind: str) -> FaultTable:
    found: FaultTable = import_module(f"hardware_sim.{kind}").FAULTS
    return found


@pytest.mark.parametrize("wrong", RAISED)
def test_it_can_be_raised_where_it_is_said(wrong: str) -> None:
    for where, name in RAISED[wrong].items():
        assert name in (WIRE_FAULTS if where == WIRE else table(where)), (where, name)


@pytest.mark.parametrize("kind", HERE)
def test_every_fault_of_a_simulator_says_what_it_does(kind: str) -> None:
    assert table(kind), kind
    for name, about in table(kind).items():
        assert str(about.get("does", "")), f"{kind}: {name} does not say what it does"


@pytest.mark.parametrize("kind", [kind for kind in HERE if kind != "gcode_printer"])
def test_every_tcp_simulator_has_all_faults_of_the_wire(kind: str) -> None:
    assert {name: table(kind).get(name) for name in WIRE_FAULTS} == dict(WIRE_FAULTS)


def test_what_is_not_raised_says_where_it_comes_from() -> None:
    assert all(ELSEWHERE.values())
    assert not set(ELSEWHERE) & set(RAISED)


def test_a_fault_that_changes_bytes_is_in_the_table_and_names_a_way() -> None:
    for name in CHANGES:
        assert "way" in WIRE_FAULTS[name], name
        assert not set(WIRE_FAULTS[name]) & (set(SHARED) - {"p"}), name
