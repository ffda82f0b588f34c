"""Socket, lock and lines: where the stopper is found, and what odd peers cannot do to it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab_controller.stopper import place
from lab_controller.stopper.controller import ControllerChannel
from lab_controller.stopper.door import Door
from lab_controller.stopper.errors import AlreadyRunning, LineTooLong, Refused, RuntimeDirUnsafe
from lab_controller.stopper.latch_file import LatchKeeper
from lab_controller.stopper.lines import LONGEST_LINE, LONGEST_QUEUE, LineSocket, Message, dial
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.stopper import Stopper
from tests.lab_controller.stopper_rig import PATIENCE_S


@pytest.fixture(autouse=True)
def _own_runtime_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """A door of its own in this process; gives its socket."""
    controller = ControllerChannel()
    stopper = Stopper(LatchKeeper(tmp_path / "stop.latch"), Reach(), controller.push)
    door = Door(tmp_path / "s.sock", stopper, controller, dict)
    yield tmp_path / "s.sock"
    await stopper.close()
    await door.close()
    controller.close()


async def ask(line: LineSocket, **message: object) -> Message:
    line.send({"id": 7, **message})
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await line.receive()) is not None:
            if answer.get("id") == 7:
                return answer
    raise AssertionError("the door closed")


def test_the_socket_path_is_short_stable_and_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "data")
    here = place.runtime_dir(tmp_path / "data")
    assert here == place.runtime_dir(tmp_path / "alias")
    assert here != place.runtime_dir(tmp_path / "other")
    assert place.make_runtime_dir(tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_deep_runtime_folder_gives_way_to_tmp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    assert place.runtime_dir(tmp_path).parent == Path("/tmp")
    assert len(os.fsencode(place.runtime_dir(tmp_path) / place.SOCKET_NAME)) <= 107


def test_a_folder_others_could_write_to_is_not_used(tmp_path: Path) -> None:
    place.make_runtime_dir(tmp_path).chmod(0o777)
    with pytest.raises(RuntimeDirUnsafe):
        place.make_runtime_dir(tmp_path)


def test_the_lock_is_exclusive_and_tells_other_logins_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = place.lock(tmp_path)
    with pytest.raises(AlreadyRunning):
        place.lock(tmp_path)
    expected = place.runtime_dir(tmp_path) / place.SOCKET_NAME
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/elsewhere")
    assert place.socket_path(tmp_path) == expected
    os.close(held)
    os.close(place.lock(tmp_path))


async def test_junk_is_answered_with_a_code_and_the_line_goes_on(path: Path) -> None:
    line = await dial(path)
    for junk in (b"\xff\xfe\n", b"[1]\n", b"{\n"):
        line._sock.send(junk)
        async with asyncio.timeout(PATIENCE_S):
            answer = await line.receive()
        assert answer is not None
        assert answer["code"] == "stop.bad_message"
    assert (await ask(line, op="dance"))["code"] == "stop.unknown_op"
    assert (await ask(line, op="plans", plans=[]))["code"] == "stop.controller_only"
    assert (await ask(line, op="status"))["ok"] is True
    line.close()


async def test_there_is_one_controller_at_a_time(path: Path) -> None:
    first, second = await dial(path), await dial(path)
    assert (await ask(first, op="hello"))["ok"] is True
    assert (await ask(second, op="hello"))["code"] == "stop.controller_present"
    assert (await ask(first, op="descriptor", connection="c"))["code"] == "stop.bad_message"
    first.close()
    second.close()


async def test_a_stop_for_an_odd_device_stops_everything(path: Path) -> None:
    line = await dial(path)
    assert (await ask(line, op="stop", device=["what"]))["device"] is None
    assert (await ask(line, op="status"))["latch"]["lab"]["cause"] == "pressed"
    line.close()


async def test_a_presser_who_leaves_does_not_cancel_the_stop(path: Path) -> None:
    line = await dial(path)
    line.send({"op": "stop", "by": "hanako"})
    line.close()
    other = await dial(path)
    async with asyncio.timeout(PATIENCE_S):
        while (await ask(other, op="status"))["latch"]["lab"] is None:
            pass
    other.close()


async def test_an_endless_line_ends_the_connection() -> None:
    near, far = socket.socketpair()
    line = LineSocket(near)
    sender = asyncio.create_task(asyncio.to_thread(far.sendall, bytes(LONGEST_LINE + 2)))
    with pytest.raises(LineTooLong):
        await line.receive()
    assert await line.receive() is None
    line.close()
    await asyncio.wait([sender])
    far.close()
    assert sender.exception() is None or isinstance(sender.exception(), OSError)


async def test_a_peer_that_does_not_read_is_cut_off_and_never_waited_for() -> None:
    near, far = socket.socketpair()
    line = LineSocket(near)
    for _ in range(2 * LONGEST_QUEUE // 1000):
        line.send({"text": "x" * 1000})
    assert line.closed
    far.close()


async def test_descriptors_nobody_took_are_closed() -> None:
    near, far = socket.socketpair()
    line, sender = LineSocket(near), LineSocket(far)
    read_end, write_end = os.pipe()
    sender.send({"op": "odd"}, (write_end,))
    os.close(write_end)
    async with asyncio.timeout(PATIENCE_S):
        assert await line.receive() == {"op": "odd"}
    line.close()
    assert await asyncio.to_thread(os.read, read_end, 1) == b""  # the last writer is gone
    os.close(read_end)
    sender.close()


async def test_bytes_split_anywhere_make_the_same_messages() -> None:
    near, far = socket.socketpair()
    line = LineSocket(near)
    for byte in '{"a": "止"}\n\nnonsense\n{"b": 2}\n'.encode():
        far.send(bytes([byte]))
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        assert await line.receive() == {"a": "止"}
        with pytest.raises(Refused):
            await line.receive()
        assert await line.receive() == {"b": 2}
    line.close()
    far.close()


async def test_a_flood_of_messages_is_taken_in_portions() -> None:
    near, far = socket.socketpair()
    line = LineSocket(near)
    flood = asyncio.create_task(asyncio.to_thread(far.sendall, b'{"n": 1}\n' * 200_000))
    count = 0
    async with asyncio.timeout(60):
        while count < 200_000:
            assert await line.receive() == {"n": 1}
            count += 1
    await flood
    line.close()
    far.close()
