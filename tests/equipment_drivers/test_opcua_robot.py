"""The robot driver against the simulated cell, over OPC UA and between processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from asyncua import Client, ua

from equipment_drivers.contract import DeviceConfig, StopOutcome
from equipment_drivers.devices.opcua_robot_options import RobotDeviceOptions, RobotOptions
from equipment_drivers.errors import (
    BadArguments,
    BadOption,
    Faulted,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    WrongDevice,
)
from equipment_drivers.model import (
    DeviceMessage,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller.clock import LabClock
from tests.equipment_drivers.opcua_bench import Cell
from tests.sims.sim import Sim, running

FACTOR = 40.0


@pytest.fixture(scope="module")
def clock() -> LabClock:
    return LabClock.beginning(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), FACTOR)


@pytest.fixture
async def sim(tmp_path: Path, clock: LabClock) -> AsyncIterator[Sim]:
    async with running("opcua_cobot", tmp_path, clock=str(clock), seed=3) as sim:
        yield sim


@pytest.fixture
async def cell(sim: Sim, clock: LabClock) -> AsyncIterator[Cell]:
    async with Cell(sim.endpoint, clock).living(Link.ONLINE) as cell:
        yield cell


async def test_a_program_runs_and_every_part_agrees_with_the_truth(cell: Cell, sim: Sim) -> None:
    await cell.shows(Operation.IDLE)
    await cell.do("load_program", name="pick_and_place")
    await cell.do("start_program")
    await cell.until(lambda: len(cell.cycles) >= 6)
    await cell.do("hold")
    assert cell.connection.operation("r") is Operation.PAUSED
    await cell.do("resume")
    await cell.until(lambda: len(cell.cycles) >= 8)
    await cell.do("stop_program")
    assert cell.connection.operation("r") is Operation.READY
    await cell.connection.resync()
    assert len(cell.cycles) == len(sim.truth("part"))  # read back is: all before has been told
    told = [(cycle.at.isoformat(), cycle.verdict) for cycle in cell.cycles]
    assert told == [(part["at"], part["verdict"]) for part in sim.truth("part")]
    durations = [cycle.duration_s for cycle in cell.cycles]
    assert durations == pytest.approx([part["cycle_time_s"] for part in sim.truth("part")])
    await cell.until(lambda: cell.last("parts_good").value == sim.truth("part")[-1]["parts_good"])
    assert cell.last("energy").value == pytest.approx(sim.truth("part")[-1]["energy_kwh"], rel=0.05)
    signals = {fact.signal for fact in cell.facts if isinstance(fact, Reading)}
    assert signals == set(cell.driver.device_spec("r").signals)
    assert not [f for f in cell.facts if isinstance(f, Reading) and f.quality is not Quality.GOOD]


async def test_what_the_robot_or_its_state_refuses(cell: Cell, sim: Sim) -> None:
    with pytest.raises(BadArguments):
        await cell.do("load_program", name="")
    with pytest.raises(NotAllowedNow):
        await cell.do("start_program")
    assert sim.truth("call") == []
    with pytest.raises(Rejected) as rejected:
        await cell.do("load_program", name="no_such_program")
    assert rejected.value.params["cause"] == "BadNotFound"
    await cell.do("load_program", name="pick_and_place")
    await sim.ask("fault", name="manual_mode", mode=1)
    await cell.shows(Operation.READY, Safety.REDUCED)
    with pytest.raises(NotAllowedNow):
        await cell.do("start_program")
    await sim.ask("clear")
    await cell.shows(Operation.READY)
    await sim.ask("fault", name="start_accepted_but_not_executing")
    with pytest.raises(Faulted):
        await cell.do("start_program")
    assert [call["method"] for call in sim.truth("call")] == ["LoadByName", "LoadByName", "Start"]


async def test_safety_signals_and_bad_values(cell: Cell, sim: Sim) -> None:
    await cell.do("load_program", name="pick_and_place")
    await cell.do("start_program")
    await sim.ask("fault", name="protective_stop")
    await cell.shows(Operation.PAUSED, Safety.PROTECTIVE_STOP)
    await sim.ask("fault", name="estop")
    await cell.until(lambda: cell.state is not None and cell.state.safety is Safety.DEVICE_ESTOP)
    await sim.ask("clear")
    await cell.until(lambda: cell.state is not None and cell.state.safety is Safety.NORMAL)
    await sim.ask("fault", name="bad_status", node="PowerDraw", status="BadSensorFailure")
    await cell.until(lambda: cell.last("power").quality is Quality.BAD)


async def test_stopping_by_the_driver_and_by_its_plan(cell: Cell, sim: Sim) -> None:
    await cell.do("load_program", name="pick_and_place")
    await cell.do("start_program")
    assert (await cell.driver.stop_now("r")).outcome is StopOutcome.CONFIRMED
    await cell.do("start_program")
    (step,) = cell.driver.stop_plan("r").steps
    payload = cast(dict[str, Any], step.payload)
    async with Client(payload["endpoint"]) as client:
        spaces = await client.get_namespace_array()

        def names(path: list[tuple[str, str]]) -> list[ua.QualifiedName]:
            return [ua.QualifiedName(name, spaces.index(uri)) for uri, name in path]

        machine = await client.nodes.objects.get_child(names(payload["object"]))
        method = await machine.get_child(names([payload["method"]]))
        arguments = [ua.Variant(value, ua.VariantType[kind]) for kind, value in payload["args"]]
        await machine.call_method(method.nodeid, *arguments)
        state = await client.nodes.objects.get_child(names(payload["confirm"]["path"]))
        await cell.shows(Operation.READY)
        assert (await state.read_value()).Text in payload["confirm"]["equals"]
    assert (await cell.driver.safe_state("r")).outcome is StopOutcome.CONFIRMED
    await cell.connection.stop()
    assert (await cell.driver.stop_now("r")).outcome is StopOutcome.FAILED


async def test_a_frozen_server_is_noticed_and_a_call_into_it_is_unknown(
    cell: Cell, sim: Sim
) -> None:
    await cell.do("load_program", name="pick_and_place")
    await cell.do("start_program")
    sim.freeze()
    with pytest.raises(OutcomeUnknown):
        await cell.do("hold")
    await cell.link(Link.BACKOFF)
    assert cell.state is not None
    assert (cell.state.operation, cell.state.safety) == (Operation.UNKNOWN, Safety.UNKNOWN)
    with pytest.raises(NotAllowedNow):
        await cell.do("stop_program")
    sim.thaw()
    await cell.link(Link.ONLINE)
    assert cell.connection.operation("r") is not Operation.UNKNOWN


async def test_a_power_cycle_is_told_and_counts_begin_anew(cell: Cell, sim: Sim) -> None:
    await cell.do("load_program", name="pick_and_place")
    await cell.do("start_program")
    await cell.until(lambda: len(cell.cycles) >= 2)
    await sim.ask("power", on=False)
    await cell.link(Link.BACKOFF)
    told = len(cell.cycles)
    await sim.ask("power", on=True)
    await cell.link(Link.ONLINE)
    await cell.shows(Operation.IDLE)
    messages = [fact.code for fact in cell.facts if isinstance(fact, DeviceMessage)]
    assert "message.server_restarted" in messages
    assert cell.last("parts_good").value == 0.0
    assert len(cell.cycles) == told
    assert [call["method"] for call in sim.truth("call")] == ["LoadByName", "Start"]


async def test_what_is_not_there(sim: Sim, clock: LabClock) -> None:
    other = Cell(sim.endpoint, clock, {"axes": 2, "hold": "Pause", "production": "Counters"})
    async with other.living(Link.ONLINE):
        await other.do("load_program", name="pick_and_place")
        await other.do("start_program")
        with pytest.raises(NotSupported):
            await other.do("hold")
        await other.do("stop_program")
        signals = {fact.signal for fact in other.facts if isinstance(fact, Reading)}
        assert signals == {"axis_1", "axis_2", "speed_override"}


async def test_an_address_that_is_not_there_is_terminal(sim: Sim, clock: LabClock) -> None:
    cell = Cell(sim.endpoint, clock)
    cell.driver._robots["r"].config = DeviceConfig("r", "NoSuchCell", RobotDeviceOptions())
    async with cell.living(Link.IDENTITY_ERROR):
        pass
    (terminal,) = [f for f in cell.facts if isinstance(f, LinkChanged) and f.link.is_terminal]
    assert terminal.code == WrongDevice.code


def test_options_that_do_not_fit_together(tmp_path: Path) -> None:
    url = "opc.tcp://h:4840"
    for wrong in (
        {"url": "http://h"},
        {"url": url},
        {"url": url, "security": "Basic256Sha256"},
        {"url": url, "allow_unsecured": True, "user": "u"},
        {"url": url, "allow_unsecured": True, "watchdog": 1},
    ):
        with pytest.raises(ValueError, match="validation error"):
            RobotOptions.model_validate(wrong)
    options = RobotOptions(url=url, allow_unsecured=True, user="u", password_file=tmp_path / "none")
    with pytest.raises(BadOption):
        options.read_password()
