"""The node-list driver against the simulated lathe, over OPC UA and between processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.devices.opcua_machine_options import MachineDeviceOptions
from equipment_drivers.errors import (
    BadArguments,
    Faulted,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    WrongDevice,
)
from equipment_drivers.model import (
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller.clock import LabClock
from tests.equipment_drivers.opcua_bench import LATHE, URI, Bench, node, path
from tests.sims.sim import Sim, running

FACTOR = 20.0


@pytest.fixture(scope="module")
def clock() -> LabClock:
    return LabClock.beginning(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), FACTOR)


@pytest.fixture
async def sim(tmp_path: Path, clock: LabClock) -> AsyncIterator[Sim]:
    async with running("opcua_machine", tmp_path, clock=str(clock), seed=3) as sim:
        yield sim


@pytest.fixture
async def bench(sim: Sim, clock: LabClock) -> AsyncIterator[Bench]:
    async with Bench(sim.endpoint, clock, LATHE).living(Link.ONLINE) as bench:
        yield bench


async def test_a_cycle_is_started_parts_are_counted_and_the_machine_is_stopped(
    bench: Bench, sim: Sim
) -> None:
    await bench.shows(Operation.IDLE)
    assert (await bench.do("start_cycle"))["state"] == "busy"
    await bench.until(lambda: len(bench.cycles) >= 3)
    assert (await bench.connection.driver.stop_now("m")).outcome is StopOutcome.CONFIRMED
    await bench.shows(Operation.IDLE)
    await bench.connection.resync()
    truth = sim.truth("part")
    told = [(cycle.at.isoformat(), cycle.verdict) for cycle in bench.cycles]
    assert told == [(part["at"], "unknown") for part in truth]
    assert [cycle.duration_s for cycle in bench.cycles] == pytest.approx(
        [part["cycle_time_s"] for part in truth]
    )
    assert bench.last("power").unit == "W"
    assert {reading.value for reading in bench.readings("power")} == {180.0, 2400.0}
    signals = {fact.signal for fact in bench.facts if isinstance(fact, Reading)}
    assert signals == set(bench.connection.driver.device_spec("m").signals) - {"nowhere"}


async def test_a_setpoint_keeps_its_limits_and_is_read_back(bench: Bench, sim: Sim) -> None:
    assert await bench.do("set_feed", value=80) == {"feed": 80.0}
    assert await bench.do("set_coolant", value=1) == {"coolant": 1.0}
    for wrong in (121, -1, float("nan")):
        with pytest.raises(BadArguments):
            await bench.do("set_feed", value=wrong)
    with pytest.raises(BadArguments):
        await bench.do("set_coolant", value=0.5)
    await sim.ask("fault", name="write_ignored")
    with pytest.raises(OutcomeUnknown):
        await bench.do("set_feed", value=100)
    written = [(write["node"], write["value"]) for write in sim.truth("write")]
    assert written == [("FeedOverride", 80.0), ("Coolant", True), ("FeedOverride", 100.0)]


async def test_what_is_accepted_and_does_not_happen_and_what_is_refused(
    bench: Bench, sim: Sim
) -> None:
    await sim.ask("fault", name="start_accepted_but_not_running", times=1)
    with pytest.raises(Faulted):
        await bench.do("start_cycle")
    await bench.do("start_cycle")
    with pytest.raises(Rejected):
        await bench.do("start_cycle")
    with pytest.raises(NotSupported):
        await bench.do("set_program", value=1)
    assert len(sim.truth("call")) == 3


async def test_the_door_ends_a_cycle_and_the_alarm_is_told(bench: Bench, sim: Sim) -> None:
    await bench.do("start_cycle")
    await sim.ask("fault", name="door_open")
    await bench.shows(Operation.FAULT, Safety.SAFEGUARD_STOP)
    await bench.until(lambda: ("message.machine_says", "1004 door open") in bench.messages)


async def test_bad_values_are_bad_and_never_a_number(bench: Bench, sim: Sim) -> None:
    await sim.ask("fault", name="bad_value", node="SpindleSpeed", value="nan")
    await bench.until(lambda: bench.last("spindle_speed").quality is Quality.BAD)
    assert bench.last("spindle_speed").value is None
    await sim.ask("clear")
    await sim.ask("fault", name="bad_status", node="SpindleLoad", status="UncertainLastUsableValue")
    await bench.until(lambda: bench.last("spindle_load").quality is Quality.UNCERTAIN)
    await sim.ask("fault", name="bad_status", node="State", status="BadOutOfService")
    await bench.shows(Operation.UNKNOWN)


async def test_rest_writes_the_resting_values_and_stops(bench: Bench, sim: Sim) -> None:
    await bench.do("start_cycle")
    report = await bench.connection.driver.safe_state("m")
    assert report.outcome is StopOutcome.CONFIRMED
    assert (await sim.ask("status"))["feed_percent"] == 0.0
    assert (await sim.ask("status"))["state"] == "IDLE"


async def test_a_resting_value_that_is_refused_keeps_nothing_else_running(
    sim: Sim, clock: LabClock
) -> None:
    refused = {"name": "speed", "node": node("SpindleSpeed"), "min": 0, "max": 9000, "rest": 0}
    device = {**LATHE, "setpoints": [refused, *LATHE["setpoints"]]}
    async with Bench(sim.endpoint, clock, device).living() as bench:
        await bench.link(Link.ONLINE)
        await bench.do("start_cycle")
        report = await bench.connection.driver.safe_state("m")
    assert report.outcome is StopOutcome.FAILED
    assert (await sim.ask("status"))["feed_percent"] == 0.0
    assert (await sim.ask("status"))["state"] == "IDLE"


async def test_a_machine_that_is_only_watched(sim: Sim, clock: LabClock) -> None:
    watched = {"signals": LATHE["signals"][:1]}
    async with Bench(sim.endpoint, clock, watched).living() as bench:
        await bench.link(Link.ONLINE)
        await bench.shows(Operation.READY, Safety.NONE)
        spec = bench.connection.driver.device_spec("m")
        assert (spec.commands, spec.moves) == ({}, True)
        plan = bench.connection.driver.stop_plan("m")
        assert (plan.steps, plan.means) == ((), "stop.means.machine_without_method")
        assert (await bench.connection.driver.stop_now("m")).outcome is StopOutcome.FAILED
        assert (await bench.connection.driver.safe_state("m")).outcome is StopOutcome.CONFIRMED
    assert sim.truth("call") == sim.truth("write") == []


async def test_a_server_that_allows_few_nodes_a_request(tmp_path: Path, clock: LabClock) -> None:
    async with (
        running("opcua_machine", tmp_path, "--max-nodes", "5", clock=str(clock)) as sim,
        Bench(sim.endpoint, clock, LATHE).living() as bench,
    ):
        await bench.link(Link.ONLINE)
        await bench.do("start_cycle")
        await bench.until(lambda: len(bench.cycles) >= 1)


@pytest.mark.parametrize(
    "change",
    [
        {"signals": [{"name": "x", "node": node("Nowhere")}]},
        {"signals": [{"name": "x", "node": "nsu=urn:other;s=Machine.State"}]},
        {"counters": {"parts": path("Nowhere")}},
        {"methods": [{"name": "x", "object": path("State")[:1], "method": [URI, "Nowhere"]}]},
    ],
)
async def test_u01_a_missing_node_is_another_machine(
    sim: Sim, clock: LabClock, change: dict[str, Any]
) -> None:
    async with Bench(sim.endpoint, clock, change).living() as bench:
        await bench.link(Link.IDENTITY_ERROR)
        (terminal,) = [f for f in bench.facts if isinstance(f, LinkChanged) and f.link.is_terminal]
        assert terminal.code == WrongDevice.code


async def test_a_unit_that_is_another_one_is_not_trusted(sim: Sim, clock: LabClock) -> None:
    wrong = {"signals": [{"name": "x", "node": node("SpindleSpeed"), "unit": "Hz"}]}
    async with Bench(sim.endpoint, clock, wrong).living() as bench:
        await bench.link(Link.ONLINE)
        assert bench.last("x").quality is Quality.BAD


@pytest.mark.parametrize(
    "wrong",
    [
        {"signals": [{"name": "x", "node": "ns=2;s=Machine.State"}]},
        {"signals": [{"name": "x", "node": []}]},
        {"signals": [{"name": "X", "node": node("State")}]},
        {"signals": [{"name": "x", "node": node("A")}, {"name": "x", "node": node("B")}]},
        {"setpoints": [{"name": "x", "node": node("A")}]},
        {"setpoints": [{"name": "x", "node": node("A"), "min": 2, "max": 1}]},
        {"setpoints": [{"name": "x", "node": node("A"), "min": 0, "max": 1, "rest": 2}]},
        {"state": {"node": node("State"), "values": {"0": "sleeping"}}},
        {"unknown": 1},
    ],
)
def test_options_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        MachineDeviceOptions.model_validate(wrong)


async def test_an_argument_of_a_type_there_is_not(sim: Sim, clock: LabClock) -> None:
    stop = {**LATHE["stop"], "args": [["Int33", 0]]}
    async with Bench(sim.endpoint, clock, {"stop": stop}).living() as bench:
        await bench.link(Link.CONFIG_ERROR)
