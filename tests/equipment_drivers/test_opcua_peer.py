"""An independent OPC UA library at the other end: its server for our drivers, its client for our
simulators. Both run as processes of their own."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.model import Link, Operation, Reading, Safety
from lab_controller.clock import LabClock
from tests.equipment_drivers.opcua_bench import Bench, Cell
from tests.sims.sim import running

HERE = Path(__file__).parent
URI = "urn:test:peer"
MACHINE = [[URI, "Machine"]]
PLC: dict[str, Any] = {
    "signals": [{"name": "speed", "node": f"nsu={URI};s=Speed", "unit": "1/min"}],
    "counters": {"parts": [*MACHINE, [URI, "Parts"]]},
    "state": {"node": f"nsu={URI};s=State", "values": {"0": "idle", "1": "busy"}},
    "setpoints": [{"name": "feed", "node": [*MACHINE, [URI, "Feed"]], "min": 0, "max": 120}],
    "methods": [{"name": "start", "object": MACHINE, "method": [URI, "Start"], "reaches": "busy"}],
    "stop": {
        "object": MACHINE,
        "method": [URI, "Stop"],
        "confirm": {"node": [*MACHINE, [URI, "State"]], "equals": [0]},
    },
}


@pytest.fixture
def clock() -> LabClock:
    return LabClock.beginning(datetime.now(UTC), 1.0)


@asynccontextmanager
async def old_server(kind: str) -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "old_opcua_server.py"), kind, str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    try:
        async with asyncio.timeout(30):
            yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def old_client(kind: str, url: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "old_opcua_client.py"), kind, url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
    seen: dict[str, Any] = json.loads(told)
    return seen


async def test_our_machine_driver_on_the_old_library(clock: LabClock) -> None:
    async with old_server("plc") as url, Bench(url, clock, PLC).living(Link.ONLINE) as bench:
        await bench.shows(Operation.IDLE, Safety.NONE)
        assert await bench.do("set_feed", value=90) == {"feed": 90.0}
        await bench.do("start")
        await bench.until(lambda: len(bench.cycles) == 1)
        await bench.until(lambda: bench.last("speed").value == 1500.0)
        report = await bench.connection.driver.stop_now("m")
        assert report.outcome is StopOutcome.CONFIRMED
        await bench.shows(Operation.IDLE, Safety.NONE)


async def test_our_robot_driver_on_the_old_library(clock: LabClock) -> None:
    async with old_server("robot") as url, Cell(url, clock).living(Link.ONLINE) as cell:
        await cell.shows(Operation.IDLE)
        await cell.do("load_program", name="weld")
        await cell.do("start_program")
        assert cell.connection.operation("r") is Operation.BUSY
        assert (await cell.driver.stop_now("r")).outcome is StopOutcome.CONFIRMED
        await cell.shows(Operation.READY)
        assert cell.last("axis_1").value == 12.5
        told = {fact.signal for fact in cell.facts if isinstance(fact, Reading)}
        assert told == {"axis_1"}


async def test_the_old_library_on_our_lathe(tmp_path: Path) -> None:
    clock = LabClock.beginning(datetime.now(UTC), 20.0)
    async with running("opcua_machine", tmp_path, clock=str(clock)) as sim:
        seen = await old_client("machine", sim.endpoint)
        assert seen == {"parts": [0, 1], "feed": 110.0}
        assert [call["method"] for call in sim.truth("call")] == ["StartCycle", "StopCycle"]
        assert [write["value"] for write in sim.truth("write")] == [110.0]


async def test_the_old_library_on_our_cobot(tmp_path: Path) -> None:
    clock = LabClock.beginning(datetime.now(UTC), 5.0)
    async with running("opcua_cobot", tmp_path, clock=str(clock)) as sim:
        seen = await old_client("robot", sim.endpoint)
        assert seen == {"states": ["Idle", "Ready", "Executing", "Ready"]}
        calls = [call["method"] for call in sim.truth("call")]
        assert calls == ["LoadByName", "Start", "Stop"]
