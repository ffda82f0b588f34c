"""Values of the simulated robot cell, read by the driver's session and by the bare library."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asyncua import Client, Node, ua

from benchmarks.rounds import Result, speed
from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_security import make_pair
from equipment_drivers.devices.opcua_session import Session

READS, BATCH, ROUNDS = 200, 100, 21
NODE = f"i={ua.ObjectIds.Server_ServerStatus_State}"


@contextmanager
def cobot(folder: Path) -> Iterator[tuple[str, Path]]:
    """A simulated cell in its own process; gives its endpoint and its certificate."""
    command = [sys.executable, "-m", "hardware_sim.opcua_cobot", "--id", "cobot1"]
    command += ["--dir", str(folder), "--parent", str(os.getpid()), "--security", "both"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            endpoint = json.loads(process.stdout.readline())["endpoint"]
            yield endpoint, folder / "certificates" / "cobot1.der"
        finally:
            process.terminate()


async def driver_reads(session: Session, nodes: list[Node], count: int) -> None:
    """So many requests, each for all these nodes."""
    for _ in range(count):
        await session.read(nodes)


async def bare_reads(node: Node) -> None:
    """A request for every value."""
    for _ in range(READS):
        await node.read_value()


async def opened(url: str, certificate: Path, folder: Path) -> tuple[Session, Session, Client]:
    """Our session, our secured session, and the bare library's."""
    own, key = make_pair(folder / "ours")
    (folder / "trusted").mkdir()
    shutil.copy(certificate, folder / "trusted")
    secured = Session(
        OpcuaOptions(
            url=url,
            security="Basic256Sha256",
            certificate_file=own,
            private_key_file=key,
            trust_dir=folder / "trusted",
        )
    )
    session, client = Session(OpcuaOptions(url=url, allow_unsecured=True)), Client(url)
    await session.open()
    await secured.open()
    await client.connect()
    return session, secured, client


async def closed(*sessions: Session, client: Client) -> None:
    """None of them."""
    for session in sessions:
        await session.close()
    await client.disconnect()


def results() -> Iterator[Result]:
    """The driver's words cost little; asking for many at once gains much, encrypted too."""
    with (
        tempfile.TemporaryDirectory() as name,
        cobot(Path(name)) as (url, certificate),
        asyncio.Runner() as runner,
    ):
        session, secured, client = runner.run(opened(url, certificate, Path(name)))
        ours, theirs = session.client.get_node(NODE), client.get_node(NODE)
        safe = secured.client.get_node(NODE)

        def bare() -> None:
            runner.run(bare_reads(theirs))

        yield Result(
            "OPC UA: driver, a value per request",
            "bare asyncua, a value per request",
            speed(lambda: runner.run(driver_reads(session, [ours], READS)), bare, rounds=ROUNDS),
            at_least=0.9,
        )
        yield Result(
            f"OPC UA: driver, {BATCH} values per request",
            "bare asyncua, a value per request",
            speed(lambda: runner.run(driver_reads(session, [ours] * BATCH, READS // BATCH)), bare),
            at_least=10,
        )
        yield Result(
            "OPC UA: driver, a value per request, encrypted",
            "bare asyncua, a value per request",
            speed(lambda: runner.run(driver_reads(secured, [safe], READS)), bare),
        )
        yield Result(
            f"OPC UA: driver, {BATCH} values per request, encrypted",
            "bare asyncua, a value per request",
            speed(lambda: runner.run(driver_reads(secured, [safe] * BATCH, READS // BATCH)), bare),
            at_least=9,
        )
        runner.run(closed(session, secured, client=client))
