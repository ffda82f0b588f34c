"""The cobot as a process, judged by a plain OPC UA client that knows only the published names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from hardware_sim.opcua_cobot_nodes import namespace_order
from tests.hardware_sim.rig import simulator
from tests.hardware_sim.waiting import until
from tests.sims.sim import Sim

URIS = {
    "DI": "http://opcfoundation.org/UA/DI/",
    "MACH": "http://opcfoundation.org/UA/Machinery/",
    "ROB": "http://opcfoundation.org/UA/Robotics/",
    "V": "urn:machikoba:sim:cobot",
}
SYSTEM = "DI:DeviceSet/V:CobotCell"
ROBOT = f"{SYSTEM}/ROB:MotionDevices/V:Robot1"
TASK = f"{SYSTEM}/ROB:Controllers/V:Controller1/ROB:TaskControls/V:Task1"
MACHINE = f"{TASK}/ROB:TaskControlOperation/ROB:TaskControlStateMachine"
SAFETY = f"{SYSTEM}/ROB:SafetyStates/V:Safety1/DI:ParameterSet"
PRODUCTION = f"{SYSTEM}/V:Production"


class Host:
    """A client that finds its way by namespace URI and browse name."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.indices: dict[str, int] = {"0": 0}

    async def learn(self) -> None:
        array = await self.client.get_namespace_array()
        self.indices |= {key: array.index(uri) for key, uri in URIS.items()}

    async def node(self, path: str) -> Any:
        steps = []
        for step in path.split("/"):
            namespace, _, name = step.partition(":")
            steps.append(f"{self.indices[namespace]}:{name}")
        return await self.client.nodes.objects.get_child(steps)

    async def read(self, path: str) -> Any:
        return await (await self.node(path)).read_value()

    async def status(self, path: str) -> str:
        value = await (await self.node(path)).read_data_value(raise_on_bad_status=False)
        name: str = value.StatusCode.name
        return name

    async def call(self, name: str, *arguments: ua.Variant) -> int:
        machine = await self.node(MACHINE)
        status: int = await machine.call_method(
            (await self.node(f"{MACHINE}/{name}")).nodeid, *arguments
        )
        return status

    async def state(self) -> str:
        text: str = (await self.read(f"{MACHINE}/0:CurrentState")).Text
        return text

    async def until(self, path: str, fits: Callable[[Any], bool]) -> Any:
        return await until(lambda: self.read(path), fits)

    async def until_state(self, state: str) -> None:
        await self.until(f"{MACHINE}/0:CurrentState", lambda text: text.Text == state)


LOAD = ua.Variant("pick_and_place", ua.VariantType.String)
DEFAULT_STOP = ua.Variant(0, ua.VariantType.Int64)


@asynccontextmanager
async def connected(rig: Sim) -> AsyncIterator[Host]:
    client = Client(rig.endpoint, timeout=4)
    await client.connect()
    try:
        host = Host(client)
        await host.learn()
        yield host
    finally:
        await client.disconnect()


async def running(host: Host) -> None:
    assert await host.call("ROB:LoadByName", LOAD) == 0
    assert await host.call("ROB:Start") == 0


async def test_browsing_meets_the_names_types_and_units_of_the_standard(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot") as rig, connected(rig) as host:
        expected = {
            SYSTEM: "MotionDeviceSystemType",
            ROBOT: "MotionDeviceType",
            f"{ROBOT}/ROB:Axes/V:Axis_6": "AxisType",
            TASK: "TaskControlType",
            f"{TASK}/ROB:TaskControlOperation": "TaskControlOperationType",
            MACHINE: "TaskControlStateMachineType",
            f"{SYSTEM}/ROB:SafetyStates/V:Safety1": "SafetyStateType",
        }
        for path, name in expected.items():
            kind = await (await host.node(path)).read_type_definition()
            found = await host.client.get_node(kind).read_browse_name()
            assert (found.Name, found.NamespaceIndex) == (name, host.indices["ROB"]), path
        axis = f"{ROBOT}/ROB:Axes/V:Axis_1/DI:ParameterSet/ROB:ActualPosition"
        assert (await host.read(f"{axis}/0:EngineeringUnits")).UnitId == 17476
        assert await host.state() == "Idle"
        assert await host.read(f"{SAFETY}/ROB:OperationalMode") == 4
        assert not await host.read(f"{SAFETY}/ROB:EmergencyStop")
        same = await host.node("MACH:Machines/V:CobotCell")
        assert same.nodeid == (await host.node(SYSTEM)).nodeid


def test_namespace_order_depends_on_the_seed() -> None:
    orders = [namespace_order(seed) for seed in range(20)]
    assert orders == [namespace_order(seed) for seed in range(20)]
    assert len({tuple(order) for order in orders}) > 5


class Watch:
    """Collects data changes as (name, value, source time)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any, datetime | None]] = []
        self.names: dict[ua.NodeId, str] = {}

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        stamp = data.monitored_item.Value.SourceTimestamp
        self.seen.append((self.names[node.nodeid], value, stamp))

    async def counted(self) -> set[tuple[str, Any]]:
        return {(name, value) for name, value, _ in self.seen}


async def test_every_part_is_told_once_at_the_time_its_cycle_ended(tmp_path: Path) -> None:
    started = simulator(tmp_path, "opcua_cobot", "--scrap-rate", "0.3")
    watch = Watch()
    async with started as rig, connected(rig) as host:
        subscription = await host.client.create_subscription(20, watch)
        for name in ("LastCycleTime", "PartsGood", "PartsScrap"):
            node = await host.node(f"{PRODUCTION}/V:{name}")
            watch.names[node.nodeid] = name
            await subscription.subscribe_data_change(node, queuesize=500)
        await running(host)
        await host.until(f"{PRODUCTION}/V:PartsGood", lambda count: count >= 12)
        await host.call("ROB:Stop", DEFAULT_STOP)
        await host.until_state("Ready")
        good = await host.read(f"{PRODUCTION}/V:PartsGood")
        scrap = await host.read(f"{PRODUCTION}/V:PartsScrap")
        parts = rig.truth("part")
        assert (good, scrap) == (parts[-1]["parts_good"], parts[-1]["parts_scrap"])
        await until(watch.counted, {("PartsGood", good), ("PartsScrap", scrap)}.issubset)
        await subscription.delete()
    cycles = {stamp: value for name, value, stamp in watch.seen if name == "LastCycleTime"}
    raised = [(name, at) for name, value, at in watch.seen if name != "LastCycleTime" and value]
    told = {at: name for name, at in raised}
    assert len(told) == len(raised) == len(parts)
    for part in parts:
        at = datetime.fromisoformat(part["at"])
        assert told[at] == ("PartsGood" if part["verdict"] == "good" else "PartsScrap")
        assert cycles[at] == part["cycle_time_s"]


async def test_refusals_are_bad_and_move_nothing(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot", factor=20.0) as rig, connected(rig) as host:
        weld = ua.Variant("weld", ua.VariantType.String)
        with pytest.raises(ua.uaerrors.BadNotFound):
            await host.call("ROB:LoadByName", weld)
        with pytest.raises(ua.uaerrors.BadInvalidState):
            await host.call("ROB:Start")
        with pytest.raises(ua.uaerrors.BadArgumentsMissing):
            await host.call("ROB:Stop")
        assert await host.call("ROB:Stop", DEFAULT_STOP) == 0
        await host.call("ROB:LoadByName", LOAD)
        for fault in ("estop", "protective_stop", "manual_mode"):
            await rig.ask("fault", name=fault)
            with pytest.raises(ua.uaerrors.BadInvalidState):
                await host.call("ROB:Start")
            await rig.ask("clear")
        assert await host.state() == "Ready"
        assert [call["method"] for call in rig.truth("call") if not call["refused"]] == [
            "Stop",
            "LoadByName",
        ]
        assert not rig.truth("part")


async def test_emergency_stop_is_shown_and_nothing_resumes(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot", factor=20.0) as rig, connected(rig) as host:
        await running(host)
        await host.until_state("Executing")
        await rig.ask("fault", name="estop")
        assert await host.read(f"{SAFETY}/ROB:EmergencyStop")
        await host.until_state("Ready")
        await rig.ask("clear", name="estop")
        assert not await host.read(f"{SAFETY}/ROB:EmergencyStop")
        assert await host.state() == "Ready"
        assert rig.truth("halt")[0]["reason"] == "estop"


async def test_hold_and_continue(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot", factor=20.0) as rig, connected(rig) as host:
        await running(host)
        assert await host.call("V:Hold") == 0
        await host.until_state("Ready")
        substate = f"{MACHINE}/ROB:ReadySubstateMachine/0:CurrentState"
        assert (await host.read(substate)).Text == "Suspended"
        assert await host.call("V:Continue") == 0
        assert await host.state() == "Executing"
        assert await host.status(substate) == "BadStateNotActive"


async def test_accepted_start_that_does_not_execute(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot") as rig, connected(rig) as host:
        await rig.ask("fault", name="start_accepted_but_not_executing")
        await running(host)
        assert await host.state() == "Ready"
        assert not rig.truth("part")


async def test_bad_and_stuck_readings_while_the_truth_goes_on(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot", factor=100.0) as rig, connected(rig) as host:
        await running(host)
        counter = f"{PRODUCTION}/V:PartsGood"
        await rig.ask("fault", name="bad_status", node="PowerDraw")
        assert await host.status(f"{PRODUCTION}/V:PowerDraw") == "BadSensorFailure"
        await rig.ask("fault", name="stuck_value", node="PartsGood")
        shown = await host.read(counter)
        await until(lambda: rig.ask("status"), lambda now: now["parts_good"] >= shown + 3)
        assert await host.read(counter) == shown
        await rig.ask("clear")
        assert await host.read(counter) >= shown + 3
        assert await host.status(f"{PRODUCTION}/V:PowerDraw") == "Good"


async def test_a_frozen_server_answers_late_and_does_what_was_asked(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot", factor=20.0) as rig, connected(rig) as host:
        await host.call("ROB:LoadByName", LOAD)
        method = (await host.node(f"{MACHINE}/ROB:Start")).nodeid
        machine = await host.node(MACHINE)
        await rig.ask("fault", name="hang")
        late = asyncio.ensure_future(machine.call_method(method))
        done, _ = await asyncio.wait({late}, timeout=0.3)
        assert not done
        assert (await rig.ask("status"))["state"] == "Ready"
        await rig.ask("clear")
        assert await late == 0
        assert await host.state() == "Executing"


async def test_power_off_takes_the_server_and_on_is_a_fresh_one(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot") as rig:
        start_time = ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)  # type: ignore[arg-type]
        async with connected(rig) as host:
            await running(host)
            first = await host.client.get_node(start_time).read_value()
            await host.until(f"{PRODUCTION}/V:PartsGood", lambda count: count > 2)
            await rig.ask("power", on=False)
        with pytest.raises(ConnectionRefusedError):
            await Client(rig.endpoint, timeout=1).connect()
        off = await rig.ask("status")
        assert (off["power"], off["power_w"]) == (False, 0.0)
        assert off["energy_kwh"] > 0
        await rig.ask("power", on=True)
        await until(lambda: rig.ask("status"), lambda now: now["booted"])
        async with connected(rig) as host:
            assert await host.client.get_node(start_time).read_value() > first
            assert await host.state() == "Idle"
            assert await host.read(f"{PRODUCTION}/V:PartsGood") == 0
            since_power_up = await host.read(f"{PRODUCTION}/V:EnergyConsumed")
            meter = (await rig.ask("status"))["energy_kwh"]
            assert 0.0 < since_power_up <= meter - off["energy_kwh"] + 1e-9
        assert await rig.end() == 0


async def test_the_pendant_does_what_a_call_does_and_is_told_apart(tmp_path: Path) -> None:
    async with simulator(tmp_path, "opcua_cobot", factor=1.0) as rig:
        await rig.ask("pendant", method="LoadByName", arguments=["pick_and_place"])
        assert (await rig.ask("status"))["state"] == "Ready"
        assert [line["method"] for line in rig.truth("pendant")] == ["LoadByName"]
        assert rig.truth("call") == []
