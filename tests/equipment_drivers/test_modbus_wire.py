"""The wire to the byte: the dialogues of tests/transcripts/modbus, and answers that are none."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipment_drivers.devices.modbus_options import ModbusOptions
from equipment_drivers.devices.modbus_registers import Block, Write
from equipment_drivers.devices.modbus_wire import ExceptionAnswer, ModbusWire, stop_bytes
from equipment_drivers.errors import (
    ConnectFailed,
    DriverError,
    LinkLost,
    PeerSilent,
    ProtocolFault,
    Stopped,
)

FOLDER = Path(__file__).parents[1] / "transcripts" / "modbus"
SCRIPTS = sorted(FOLDER.glob("*.txt"))
ONE = Block("holding", 0, 1)
REQUEST = {"tcp": 12, "rtu": 8}
"""Bytes of a read or of a write of one value."""
GOOD = "00 01 00 00 00 05 01 03 02 00 07"


class Unit:
    """The far end, TCP or pty: frames in and out, with no opinion of its own."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self._news = asyncio.Event()
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._master = self._slave = -1

    async def listen(self) -> ModbusOptions:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return ModbusOptions(transport="tcp", host="127.0.0.1", port=port, timeout_s=0.3)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        while data := await reader.read(4096):
            self._hear(data)

    def be_a_pty(self) -> ModbusOptions:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, lambda: self._hear(os.read(self._master, 4096)))
        path = os.ttyname(self._slave)
        return ModbusOptions(transport="rtu", serial_port=path, parity="N", timeout_s=0.3)

    def _hear(self, data: bytes) -> None:
        self.heard += data
        self._news.set()

    async def frame(self, length: int) -> bytes:
        """The next so many bytes the host sent."""
        async with asyncio.timeout(20):
            while len(self.heard) < length:
                self._news.clear()
                await self._news.wait()
        frame = bytes(self.heard[:length])
        del self.heard[:length]
        return frame

    def say(self, text: str) -> None:
        data = bytes.fromhex(text)
        if self._writer is not None:
            self._writer.write(data)
        else:
            os.write(self._master, data)

    def hang_up(self) -> None:
        assert self._writer is not None
        self._writer.close()

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)


@asynccontextmanager
async def wired(kind: str) -> AsyncIterator[tuple[Unit, ModbusWire]]:
    unit = Unit()
    options = unit.be_a_pty() if kind == "rtu" else await unit.listen()
    wire = ModbusWire(options)
    await wire.open()
    try:
        yield unit, wire
    finally:
        await wire.close()
        await unit.close()


def steps(script: Path) -> Iterator[tuple[str, str]]:
    for line in script.read_text("utf-8").splitlines():
        if line[0] != "#":
            yield line[0], line[2:]


async def carry_out(wire: ModbusWire, unit: int, told: str) -> tuple[list[int], list[int]]:
    """What the wire made of an order, and what it should have."""
    order, _, expected = told.partition(" = ")
    verb, table, address, *numbers = order.split()
    values = [int(one) for one in numbers]
    if verb == "read":
        block = Block(table, int(address), values[0])  # type: ignore[arg-type]
        return await wire.read(unit, block), [int(one) for one in expected.split()]
    await wire.write(unit, Write(table, int(address), tuple(values)))  # type: ignore[arg-type]
    return [], []


def test_there_are_dialogues() -> None:
    assert len(SCRIPTS) == 4


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
async def test_the_wire_holds_to_the_dialogue(script: Path) -> None:
    (_, first), *rest = steps(script)
    kind, number = first.split()
    async with wired(kind) as (unit, wire):
        order: asyncio.Task[tuple[list[int], list[int]]] | None = None
        for mark, text in [*rest, ("!", "")]:
            if mark == ">":
                frame = bytes.fromhex(text)
                assert (await unit.frame(len(frame))).hex(" ") == frame.hex(" ")
            elif mark == "<":
                unit.say(text)
            elif mark == "?":
                assert order
                with pytest.raises(ExceptionAnswer) as caught:
                    await order
                assert caught.value.number == int(text)
                order = None
            else:
                if order is not None:
                    got, expected = await order
                    assert got == expected
                if text:
                    order = asyncio.create_task(carry_out(wire, int(number), text))
        assert not unit.heard


@pytest.mark.parametrize(
    ("kind", "cause", "answer"),
    [
        ("tcp", "unit 2 for 1", "00 01 00 00 00 05 02 03 02 00 07"),
        ("tcp", "transaction 9 for 1", "00 09 00 00 00 05 01 03 02 00 07"),
        ("tcp", "function 4", "00 01 00 00 00 05 01 04 02 00 07"),
        ("tcp", "short frame", "00 01 00 00 00 05 01 03 02"),
        ("tcp", "damaged frame", "00 01 00 00 00 01 01 03 02 00 07"),
        ("tcp", "short frame", "00 01 00 00 00 45 01 03 02 00 07"),
        ("tcp", "short frame", "00 01 00 07 00 05 01 03 02 00 07"),
        ("tcp", "2 values for 1", "00 01 00 00 00 07 01 03 04 00 07 00 08"),
        ("tcp", "damaged frame", "00 01 00 00 00 05 01 03 09 00 07"),
        ("rtu", "unit 2 for 1", "02 03 02 00 07 bd 86"),
        ("rtu", "damaged frame", "01 03 02 00 07 f9 87"),
        ("rtu", "short frame", "01 03 02 00"),
        ("rtu", "function 4", "01 04 02 00 07 f8 f2"),
    ],
)
async def test_b02_a_frame_that_is_no_answer_ends_the_wire(
    kind: str, cause: str, answer: str
) -> None:
    async with wired(kind) as (unit, wire):
        reading = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(REQUEST[kind])
        unit.say(answer)
        with pytest.raises(ProtocolFault) as caught:
            await reading
        assert cause in caught.value.params["cause"]


async def test_b02_an_answer_in_pieces_is_one_answer() -> None:
    async with wired("tcp") as (unit, wire):
        reading = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(12)
        for byte in bytes.fromhex(GOOD):
            unit.say(f"{byte:02x}")
        assert await reading == [7]


async def test_b02_an_answer_that_comes_twice_ends_the_wire_after_the_first() -> None:
    async with wired("tcp") as (unit, wire):
        reading = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(12)
        unit.say(GOOD + GOOD)
        assert await reading == [7]
        with pytest.raises(ProtocolFault):
            await wire.pause(20)


async def test_b02_a_write_answered_with_something_else_is_no_success() -> None:
    async with wired("tcp") as (unit, wire):
        writing = asyncio.create_task(wire.write(1, Write("coil", 0, (1,))))
        await unit.frame(12)
        unit.say("00 01 00 00 00 06 01 05 00 00 00 00")
        with pytest.raises(ProtocolFault):
            await writing


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_b01_a_mute_unit_gets_one_frame_and_no_more(kind: str) -> None:
    async with wired(kind) as (unit, wire):
        with pytest.raises(PeerSilent):
            await wire.write(1, Write("coil", 0, (1,)))
        assert len(await unit.frame(REQUEST[kind])) == REQUEST[kind]
        assert not unit.heard
        assert unit.connections <= 1


async def test_b04_a_closed_connection_is_told_at_once_and_not_opened_again() -> None:
    async with wired("tcp") as (unit, wire):
        reading = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(12)
        unit.hang_up()
        with pytest.raises(LinkLost):
            await reading
        with pytest.raises(LinkLost):
            await wire.read(1, ONE)
        assert unit.connections == 1


async def test_b04_two_units_share_the_bus_one_after_the_other() -> None:
    async with wired("rtu") as (unit, wire):
        first = asyncio.create_task(wire.read(1, ONE))
        second = asyncio.create_task(wire.read(2, ONE))
        assert (await unit.frame(8))[0] == 1
        assert not unit.heard
        unit.say("01 03 02 00 07 f9 86")
        assert await first == [7]
        assert (await unit.frame(8))[0] == 2
        unit.say("02 03 02 00 07 bd 86")
        assert await second == [7]


async def test_a_cancelled_exchange_keeps_the_wire_in_step() -> None:
    async with wired("tcp") as (unit, wire):
        given_up = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(12)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        following = asyncio.create_task(wire.read(1, ONE))
        unit.say(GOOD)
        assert (await unit.frame(12))[:2] == b"\x00\x02"
        unit.say("00 02 00 00 00 05 01 03 02 00 08")
        assert await following == [8]


async def test_a_request_that_waits_is_not_sent_once_it_is_cancelled() -> None:
    async with wired("tcp") as (unit, wire):
        reading = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(12)
        writing = asyncio.create_task(wire.write(1, Write("coil", 0, (1,))))
        await asyncio.sleep(0)
        writing.cancel()
        unit.say(GOOD)
        assert await reading == [7]
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert not unit.heard


async def test_a_write_without_leave_sends_nothing() -> None:
    def no() -> None:
        raise Stopped(command="c1")

    async with wired("tcp") as (unit, wire):
        with pytest.raises(Stopped):
            await wire.write(1, Write("coil", 0, (1,)), no)
        reading = asyncio.create_task(wire.read(1, ONE))
        assert (await unit.frame(12))[7] == 3
        unit.say("00 02 00 00 00 05 01 03 02 00 07")
        assert await reading == [7]


async def test_noise_between_two_frames_of_a_bus_is_dropped() -> None:
    async with wired("rtu") as (unit, wire):
        wire._hear(b"\xff\x00\x81")
        reading = asyncio.create_task(wire.read(1, ONE))
        await unit.frame(8)
        unit.say("01 03 02 00 07 f9 86")
        assert await reading == [7]


async def test_a_port_nobody_listens_on_is_a_failed_connection() -> None:
    unit = Unit()
    options = await unit.listen()
    await unit.close()
    wire = ModbusWire(options)
    with pytest.raises(ConnectFailed):
        await wire.open()
    await wire.close()
    await wire.close()


def test_the_stop_frame_is_the_write_and_its_echo_the_proof() -> None:
    data, expect = stop_bytes("tcp", 1, Write("coil", 0, (0,)))
    assert data.hex() == "ffff00000006010500000000"
    assert bytes.fromhex(expect.replace("\\x", "")) == data
    data, expect = stop_bytes("rtu", 1, Write("holding", 3, (0, 0)))
    assert data.hex() == "0110000300020400000000b3ba"
    assert bytes.fromhex(expect.replace("\\x", "")).hex() == "011000030002b1c8"


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(noise=st.binary(min_size=1, max_size=300))
def test_b02_any_bytes_end_in_an_error_of_ours(kind: str, noise: bytes) -> None:
    async def judge() -> None:
        wire = ModbusWire(
            ModbusOptions(transport="tcp", host="x")
            if kind == "tcp"
            else ModbusOptions(transport="rtu", serial_port="x")
        )
        sent = asyncio.Event()
        wire._port = Silent(sent)
        wire._options = wire._options.model_copy(update={"timeout_s": 0.001})
        reading = asyncio.create_task(wire.read(1, ONE))
        await sent.wait()
        wire._hear(noise)
        with suppress(DriverError):
            assert len(await reading) == 1  # noise that happens to be the answer
        await wire.close()

    asyncio.run(judge())


class Silent:
    """A port that takes everything and says nothing."""

    def __init__(self, sent: asyncio.Event) -> None:
        self._sent = sent

    async def open(self) -> None: ...

    def write(self, data: bytes) -> None:
        self._sent.set()

    def fileno(self) -> int | None:
        return None

    async def close(self) -> None: ...
