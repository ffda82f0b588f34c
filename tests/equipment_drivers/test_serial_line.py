"""The serial line on real ptys and sockets."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipment_drivers.errors import BadOption, ConnectFailed, LinkLost, PortBusy
from equipment_drivers.transports.serial_line import LONGEST_LINE, SerialLine


class Far:
    """The far end of a pty."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self.slave = slave

    def unplug(self) -> None:
        for name in ("slave", "master"):
            descriptor = getattr(self, name)
            if descriptor >= 0:
                os.close(descriptor)
                setattr(self, name, -1)


class Near:
    """A line whose lines and loss are collected."""

    def __init__(self, url: str) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.lost: asyncio.Queue[LinkLost] = asyncio.Queue()
        self.line = SerialLine(
            url, 115200, on_line=self.lines.put_nowait, on_lost=self.lost.put_nowait
        )

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self.lines.get()


@pytest.fixture
def far() -> Iterator[Far]:
    end = Far()
    yield end
    end.unplug()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Near]:
    near = Near(url)
    await near.line.open()
    try:
        yield near
    finally:
        await near.line.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_lines_split_merged_with_crlf_and_any_bytes(far: Far) -> None:
    async with opened(far.path) as near:
        for part in (b"o", b"k\r\n\n T:1", b"\nec\x80ho:\xff\nrest", b"\n"):
            os.write(far.master, part)
        said = [await near.next() for _ in range(4)]
    assert said == ["ok", "T:1", "ec\ufffdho:\ufffd", "rest"]


async def test_an_overlong_line_is_dropped_and_counted_and_the_next_one_heard(far: Far) -> None:
    async with opened(far.path) as near:
        for size in (LONGEST_LINE + 1, 3 * LONGEST_LINE):
            os.write(far.master, b"x" * size + b"\n")
        os.write(far.master, b"y" * LONGEST_LINE + b"\nok\n")
        assert await near.next() == "y" * LONGEST_LINE
        assert await near.next() == "ok"
        assert near.line.dropped == 2


@given(chunks=st.lists(st.binary(max_size=700), max_size=8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_framing_does_not_depend_on_how_bytes_arrive(chunks: list[bytes]) -> None:
    async def heard(pieces: list[bytes]) -> list[str]:
        end = Far()
        try:
            async with opened(end.path) as near:
                for piece in (*pieces, b"\nend of all\n"):
                    os.write(end.master, piece)
                lines = [await near.next()]
                while lines[-1] != "end of all":
                    lines.append(await near.next())
                return lines
        finally:
            end.unplug()

    whole = asyncio.run(heard([b"".join(chunks)]))
    assert asyncio.run(heard(chunks)) == whole


async def test_what_the_system_does_not_take_yet_is_kept_in_order(far: Far) -> None:
    data = b"".join(b"%06d\n" % number for number in range(20_000))
    async with opened(far.path) as near:
        near.line.write(data[:70_000])
        near.line.write(data[70_000:])
        got = b""
        os.set_blocking(far.master, False)
        while len(got) < len(data):
            try:
                got += os.read(far.master, 65536)
            except BlockingIOError:
                await asyncio.sleep(0)
    assert got == data


async def test_stopping_passes_what_waits(far: Far) -> None:
    async with opened(far.path) as near:
        near.line.write(b"x" * 200_000)
        near.line.write_now(b"\nM112\n")
        got = b""
        os.set_blocking(far.master, False)
        while not got.endswith(b"\nM112\n"):
            try:
                got += os.read(far.master, 65536)
            except BlockingIOError:
                await asyncio.sleep(0)
    assert len(got) < 100_000


async def test_hang_up_is_lost_once_and_leaves_the_loop_at_rest(far: Far) -> None:
    async with opened(far.path) as near:
        far.unplug()
        async with asyncio.timeout(5):
            fault = await near.lost.get()
        assert fault.code == "driver.link_lost"
        assert near.line.fileno() is None
        with pytest.raises(LinkLost):
            near.line.write(b"M105\n")
        with pytest.raises(LinkLost):
            near.line.write_now(b"M112\n")
        assert near.lost.empty()


async def test_a_port_is_taken_once_and_free_after_close_even_while_a_duplicate_is_held(
    far: Far,
) -> None:
    async with opened(far.path) as near:
        with pytest.raises(PortBusy):
            await Near(far.path).line.open()
        descriptor = near.line.fileno()
        assert descriptor is not None
        duplicate = os.dup(descriptor)
    async with opened(far.path):
        os.close(duplicate)


async def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConnectFailed):
        await Near(str(tmp_path / "nothing")).line.open()
    with pytest.raises(ConnectFailed):
        await Near("/dev/null").line.open()
    with pytest.raises(BadOption):
        await Near("nonsense://x").line.open()
    with pytest.raises(ConnectFailed):
        await Near("socket://127.0.0.1:1").line.open()


async def test_a_socket_is_a_line_too() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(b"ok\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with opened(f"socket://127.0.0.1:{port}") as near:
            near.line.write(b"M105\n")
            assert await near.next() == "ok"
            async with asyncio.timeout(5):
                assert (await near.lost.get()).params["cause"] == "hang-up"
    assert heard == [b"M105\n"]


async def test_closing_twice_and_while_opening_and_a_cancelled_opening_leak_nothing(
    far: Far,
) -> None:
    async with opened(far.path):
        pass
    before = descriptors()
    near = Near(far.path)
    opening = asyncio.create_task(near.line.open())
    await asyncio.sleep(0)
    await near.line.close()
    await near.line.close()
    with pytest.raises(LinkLost):
        await opening
    cancelled = asyncio.create_task(Near(far.path).line.open())
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    for _ in range(5000):
        if descriptors() == before:
            break
        await asyncio.sleep(0.001)
    assert descriptors() == before


async def test_a_hundred_openings_leave_no_descriptor(far: Far) -> None:
    async with opened(far.path):
        pass
    before = descriptors()
    for _ in range(100):
        async with opened(far.path):
            pass
    assert descriptors() == before
