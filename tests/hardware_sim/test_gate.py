"""The gate before a plain echo server: what a host sees of each fault of the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from hardware_sim.clock import SimClock
from hardware_sim.faults import Faults
from hardware_sim.gate import Gate
from hardware_sim.wire_faults import WIRE_FAULTS

PATIENCE_S = 10.0
MESSAGE = b"0123456789"


class Wire:
    """An echo server behind a gate, and what the server has heard."""

    def __init__(self, seed: int) -> None:
        self.faults = Faults(WIRE_FAULTS, SimClock.begin(), seed)
        self.gate = Gate(0, self.faults)
        self.heard = b""
        self.hearing = asyncio.Event()
        self.behind = 0
        self.echoes: list[asyncio.Task[None]] = []

    def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.echoes.append(asyncio.ensure_future(self._echo(reader, writer)))

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(100):
                self.heard += data
                self.hearing.set()
                writer.write(data)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def on(self, name: str, **params: object) -> None:
        self.faults.raise_fault(name, params)
        await self.faults.told()

    async def off(self) -> None:
        self.faults.clear()
        await self.faults.told()

    async def until_heard(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.heard != data:
                self.hearing.clear()
                await self.hearing.wait()


class Host:
    """The other end; every wait of it is bounded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes = MESSAGE) -> None:
        self.writer.write(data)

    async def hear(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readexactly(count)

    async def ask(self, data: bytes = MESSAGE, count: int | None = None) -> bytes:
        self.say(data)
        return await self.hear(len(data) if count is None else count)

    async def silent(self) -> bool:
        """Whether nothing comes for a moment, the connection still up."""
        try:
            async with asyncio.timeout(0.05):
                return await self.reader.read(1) is None
        except TimeoutError:
            return True


@asynccontextmanager
async def echoing(seed: int) -> AsyncIterator[Wire]:
    wire = Wire(seed)
    server = await asyncio.start_server(wire.echo, "127.0.0.1", 0)
    wire.behind = int(server.sockets[0].getsockname()[1])
    await wire.gate.open(wire.behind)
    try:
        yield wire
    finally:
        await wire.off()
        await wire.gate.close()
        wire.gate.release()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*wire.echoes)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with echoing(seed=5) as wire:
        yield wire


@asynccontextmanager
async def host(port: int) -> AsyncIterator[Host]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Host(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):  # the gate broke it first
            await writer.wait_closed()


async def test_a_frozen_gate_delivers_late_and_loses_nothing(wire: Wire) -> None:
    async with host(wire.gate.port) as one:
        wire.gate.freeze(True)
        one.say()
        assert await one.silent()
        wire.gate.freeze(False)
        assert await one.hear(len(MESSAGE)) == MESSAGE


async def test_a_closed_gate_cuts_refuses_and_opens_on_the_same_port(wire: Wire) -> None:
    port = wire.gate.port
    async with host(port) as one:
        assert await one.ask() == MESSAGE
        await wire.gate.close()
        assert await one.reader.read(1) == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await wire.gate.open(wire.behind)
    async with host(port) as one:
        assert await one.ask() == MESSAGE


async def test_refuse_hangs_up_and_stays_shut_until_it_ends(wire: Wire) -> None:
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE
        await wire.on("refuse")
        assert await one.reader.read(1) == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", wire.gate.port)
    await wire.gate.open(wire.behind)  # power on does not undo a fault
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", wire.gate.port)
    await wire.off()
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE


async def test_unplug_breaks_every_connection_and_plugs_in_again(wire: Wire) -> None:
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE
        await wire.on("unplug")
        with pytest.raises(ConnectionResetError):
            await one.reader.read(1)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", wire.gate.port)
    await wire.off()
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE


async def test_renumber_is_another_port_and_then_the_first_again(wire: Wire) -> None:
    first = wire.gate.port
    async with host(first) as one:
        assert await one.ask() == MESSAGE
        await wire.on("renumber")
        assert await one.reader.read(1) == b""
    second = wire.gate.port
    assert second != first
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", first)
    async with host(second) as one:
        assert await one.ask() == MESSAGE
    await wire.off()
    assert wire.gate.port == first
    async with host(first) as one:
        assert await one.ask() == MESSAGE


async def test_hang_takes_connections_and_says_nothing_until_it_ends(wire: Wire) -> None:
    await wire.on("hang")
    async with host(wire.gate.port) as one:
        one.say()
        assert await one.silent()
        assert wire.heard == b""
        await wire.off()
        assert await one.hear(len(MESSAGE)) == MESSAGE


async def test_late_execution_outlives_the_host_that_asked(wire: Wire) -> None:
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE
        await wire.on("late_execution")
        one.say(b"late")
        assert await one.silent()
    assert wire.heard == MESSAGE
    await wire.off()
    await wire.until_heard(MESSAGE + b"late")


@pytest.mark.parametrize("fault", ["slow", "jitter"])
async def test_a_late_chunk_comes_when_it_is_over(wire: Wire, fault: str) -> None:
    await wire.on(fault, seconds=10_000)
    async with host(wire.gate.port) as one:
        one.say()
        assert await one.silent()
        await wire.off()
        assert await one.hear(len(MESSAGE)) == MESSAGE


async def test_a_short_delay_only_takes_its_time(wire: Wire) -> None:
    await wire.on("slow", seconds=0.01)
    await wire.on("jitter", seconds=0.01)
    await wire.on("slow_drip", seconds=0.001)
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE


async def test_slow_drip_gives_the_first_byte_and_the_rest_later(wire: Wire) -> None:
    await wire.on("slow_drip", seconds=10_000)
    async with host(wire.gate.port) as one:
        assert await one.ask(count=1) == MESSAGE[:1]
        assert await one.silent()
        await wire.off()
        assert await one.hear(len(MESSAGE) - 1) == MESSAGE[1:]


async def test_reset_mid_frame_is_some_bytes_and_an_rst(wire: Wire) -> None:
    await wire.on("reset_mid_frame", bytes=3)
    async with host(wire.gate.port) as one:
        assert await one.ask(count=3) == MESSAGE[:3]
        with pytest.raises(ConnectionResetError):
            await one.reader.read(1)


async def test_half_frame_is_followed_by_nothing_until_it_ends(wire: Wire) -> None:
    await wire.on("half_frame", times=0)
    async with host(wire.gate.port) as one:
        assert await one.ask(count=5) == MESSAGE[:5]
        one.say(b"lost")
        await wire.until_heard(MESSAGE + b"lost")
        assert await one.silent()
        await wire.off()
        assert await one.ask(b"again") == b"again"


CHANGED: list[tuple[str, Callable[[bytes], bool], int]] = [
    ("bad_checksum", lambda got: sum(a != b for a, b in zip(got, MESSAGE, strict=True)) == 1, 10),
    ("truncate", lambda got: got == MESSAGE[:5], 5),
    ("duplicate_reply", lambda got: got == MESSAGE * 2, 20),
    ("non_utf8", lambda got: 1 <= sum(byte > 0x7F for byte in got) <= 4, 10),
    ("garbage", lambda got: len(got) == 74 and got.endswith(MESSAGE), 74),
]


@pytest.mark.parametrize(("fault", "fits", "count"), CHANGED, ids=[row[0] for row in CHANGED])
async def test_a_fault_of_the_bytes_bites_as_often_as_it_says(
    wire: Wire, fault: str, fits: Callable[[bytes], bool], count: int
) -> None:
    await wire.on(fault, at=2, times=1)
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE
        assert fits(await one.ask(count=count))
        assert await one.ask() == MESSAGE
    assert wire.heard == MESSAGE * 3


async def test_no_text_spares_the_numbers_of_a_binary_wire(wire: Wire) -> None:
    frame = bytes(range(0x80, 0xA0)) + b"program.tap" + b"\x00\x80V@" * 8
    await wire.on("non_utf8", run=8, bytes=2)
    async with host(wire.gate.port) as one:
        got = await one.ask(frame, count=len(frame))
        short = await one.ask(b"@V\x80 short", count=9)
    assert got[:32] == frame[:32]
    assert got[43:] == frame[43:]
    assert got[32:43] != b"program.tap"
    assert short == b"@V\x80 short"


async def test_drop_loses_one_chunk_of_the_way_it_names(wire: Wire) -> None:
    await wire.on("drop", way="request", times=1)
    async with host(wire.gate.port) as one:
        one.say(b"lost")
        assert await one.silent()
        assert await one.ask() == MESSAGE
    assert wire.heard == MESSAGE


async def test_out_of_order_lets_the_second_chunk_go_first(wire: Wire) -> None:
    await wire.on("out_of_order")
    async with host(wire.gate.port) as one:
        one.say(b"first")
        await wire.until_heard(b"first")
        assert await one.silent()
        assert await one.ask(b"second", count=11) == b"secondfirst"
        one.say(b"third")
        assert await one.silent()
        await wire.off()
        assert await one.ask(b"fourth", count=11) == b"thirdfourth"


async def test_a_flood_repeats_the_last_reply_or_its_text(wire: Wire) -> None:
    async with host(wire.gate.port) as one:
        assert await one.ask() == MESSAGE
        await wire.on("flood")
        assert await one.hear(20_000) == MESSAGE * 2_000
        await wire.on("flood", text="ok")
        async with asyncio.timeout(PATIENCE_S):
            await one.reader.readuntil(b"ok\nok\n")


async def test_the_same_seed_changes_the_same_bytes() -> None:
    async def seen(seed: int) -> bytes:
        async with echoing(seed) as wire:
            await wire.on("bad_checksum", p=0.5)
            async with host(wire.gate.port) as one:
                return b"".join([await one.ask() for _ in range(20)])

    assert await seen(1) == await seen(1)
    assert await seen(1) != await seen(2)
