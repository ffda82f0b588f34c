"""Values of the simulated robot cell, read by the driver's session and by the bare library."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asyncua import Client, Node, ua

from benchmarks.rounds import Result, speed
from equipment_drivers.devices.opcua_robot_options import RobotOptions
from equipment_drivers.devices.opcua_robot_wire import RobotWire

READS, BATCH, ROUNDS = 200, 100, 21
NODE = f"i={ua.ObjectIds.Server_ServerStatus_State}"


@contextmanager
def cobot(folder: Path) -> Iterator[str]:
    """A simulated cell in its own process; gives its endpoint."""
    command = [sys.executable, "-m", "hardware_sim.opcua_cobot", "--id", "cobot1"]
    command += ["--dir", str(folder), "--parent", str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["endpoint"]
        finally:
            process.terminate()


async def driver_reads(wire: RobotWire, nodes: list[Node], count: int) -> None:
    """So many requests, each for all these nodes."""
    for _ in range(count):
        await wire.read(nodes)


async def bare_reads(node: Node) -> None:
    """A request for every value."""
    for _ in range(READS):
        await node.read_value()


async def opened(url: str) -> tuple[RobotWire, Client]:
    """Both sessions."""
    wire, client = RobotWire(RobotOptions(url=url)), Client(url)
    await wire.open()
    await client.connect()
    return wire, client


async def closed(wire: RobotWire, client: Client) -> None:
    """Neither session."""
    await wire.close()
    await client.disconnect()


def results() -> Iterator[Result]:
    """The driver's words cost little; asking for many at once gains much."""
    with (
        tempfile.TemporaryDirectory() as folder,
        cobot(Path(folder)) as url,
        asyncio.Runner() as runner,
    ):
        wire, client = runner.run(opened(url))
        ours, theirs = wire.client.get_node(NODE), client.get_node(NODE)
        yield Result(
            "OPC UA: driver, a value per request",
            "bare asyncua, a value per request",
            speed(
                lambda: runner.run(driver_reads(wire, [ours], READS)),
                lambda: runner.run(bare_reads(theirs)),
                rounds=ROUNDS,
            ),
            at_least=0.9,
        )
        yield Result(
            f"OPC UA: driver, {BATCH} values per request",
            "bare asyncua, a value per request",
            speed(
                lambda: runner.run(driver_reads(wire, [ours] * BATCH, READS // BATCH)),
                lambda: runner.run(bare_reads(theirs)),
            ),
            at_least=10,
        )
        runner.run(closed(wire, client))
