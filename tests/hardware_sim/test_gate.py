from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hardware_sim.gate import Gate


@asynccontextmanager
async def echo_behind_a_gate() -> AsyncIterator[tuple[Gate, int]]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    behind = int(server.sockets[0].getsockname()[1])
    gate = Gate()
    await gate.open(behind)
    try:
        yield gate, behind
    finally:
        await gate.close()
        gate.release()
        server.close()
        await server.wait_closed()


async def test_a_frozen_gate_delivers_late_and_loses_nothing() -> None:
    async with echo_behind_a_gate() as (gate, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        gate.freeze(True)
        writer.write(b"hello")
        answer = asyncio.ensure_future(reader.read(100))
        done, _ = await asyncio.wait({answer}, timeout=0.05)
        assert not done
        gate.freeze(False)
        assert await answer == b"hello"
        writer.close()
        await writer.wait_closed()


async def test_a_closed_gate_cuts_refuses_and_opens_on_the_same_port() -> None:
    async with echo_behind_a_gate() as (gate, behind):
        reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        writer.write(b"one")
        assert await reader.read(100) == b"one"
        await gate.close()
        assert await reader.read(100) == b""
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", gate.port)
        await gate.open(behind)
        _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        writer.close()
        await writer.wait_closed()
