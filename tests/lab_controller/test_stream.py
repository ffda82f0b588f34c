"""The live stream over a real server: whole first, then what changed, and only for staff."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from equipment_drivers.model import DeviceMessage, Operation
from lab_controller.api import stream as stream_module
from lab_controller.api.app import create_app
from lab_controller.api.stream import GIVEN_UP, Feed
from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.facts import BookingChanged
from lab_controller.serve import WebServer
from lab_controller.wire import StreamMessage
from tests.lab_controller.bench import BY, PATIENCE_S, Bench

TOKEN = "the-lab's-own"


class Served:
    """The lab's doors on a port of their own."""

    def __init__(self, bench: Bench) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"ws://127.0.0.1:{port}/api/v1/stream"
        self.app = create_app(bench.lab, TOKEN)
        config = uvicorn.Config(
            self.app,
            log_level="warning",
            ws="websockets-sansio",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = WebServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    def client(self, token: str = TOKEN, language: str = "en") -> LabClient:
        return LabClient(self.url, token, language=language)

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._serving
        self._listener.close()


@pytest.fixture
async def served(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(stream_module, "FRAME_S", 0.01)
    monkeypatch.setattr(stream_module, "WHOLE_EVERY", 1_000_000)
    found = Served(bench)
    async with httpx.AsyncClient() as http:
        async with asyncio.timeout(PATIENCE_S):
            assert (await http.get(f"{found.url}/healthz")).status_code == 200
    yield found
    await found.stop()


async def until(frames: AsyncIterator[StreamMessage], holds) -> StreamMessage:
    async with asyncio.timeout(PATIENCE_S):
        async for frame in frames:
            if holds(frame):
                return frame
    raise AssertionError("the stream ended")


async def test_the_first_frame_is_whole(served: Served, bench: Bench) -> None:
    async with served.client() as client, aclosing(client.stream()) as frames:
        first = await anext(frames)
    assert first.lab is not None
    assert first.lab.name == "Test lab"
    assert [one.id for one in first.devices] == list(bench.lab.board.views)


async def test_later_frames_have_only_what_changed(served: Served, bench: Bench) -> None:
    async with served.client() as client, aclosing(client.stream()) as frames:
        await anext(frames)
        quiet = await anext(frames)
        assert (quiet.lab, quiet.devices, quiet.changed) == (None, [], [])
        bench.driver("lan").report("robot", Operation.BUSY)
        changed = await until(frames, lambda frame: frame.devices)
        assert [(one.id, one.operation) for one in changed.devices] == [("robot", "busy")]
        bench.lab.bus.tell(BookingChanged("b1", "confirmed"))
        told = await until(frames, lambda frame: frame.changed)
        assert told.changed == ["bookings"]


async def test_what_comes_between_two_frames_is_one(served: Served, bench: Bench) -> None:
    async with served.client() as client, aclosing(client.stream()) as frames:
        await anext(frames)
        for value in range(500):
            bench.driver("lan").measure("robot", "heat", float(value))
        frame = await until(frames, lambda one: one.devices)
        assert [one.value for one in frame.devices[0].readings] == [499.0]
        quiet = await anext(frames)
        assert quiet.devices == []


async def test_a_stop_is_told_with_the_lab_and_all_its_devices(
    served: Served, bench: Bench
) -> None:
    async with served.client() as client, aclosing(client.stream()) as frames:
        await anext(frames)
        await bench.lab.stop_desk.press(None, by=BY, reason="smoke")
        frame = await until(frames, lambda one: one.lab and one.lab.latch.latched)
        assert "latch" in frame.changed
        assert {one.safety for one in frame.devices} == {"lab_latched"}
    await bench.lab.stop_desk.settled()


async def test_each_reader_has_frames_in_its_language(served: Served, bench: Bench) -> None:
    async with (
        served.client(language="ja") as ja,
        served.client(language="en") as en,
        aclosing(ja.stream()) as japanese,
        aclosing(en.stream()) as english,
    ):
        assert (await anext(japanese)).lab.name == "試験ラボ"
        assert (await anext(english)).lab.name == "Test lab"
        message = DeviceMessage("robot", "lab.not_at_rest", "timeout", bench.clock.now())
        bench.lab.bus.tell(message)
        said = await until(english, lambda frame: frame.devices)
        assert "robot could not" in said.devices[0].messages[-1].text


@pytest.mark.parametrize(
    ("token", "code"), [("", "auth.token_missing"), ("other", "auth.token_wrong")]
)
async def test_only_staff_look_on(served: Served, token: str, code: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with connect(served.address, additional_headers=headers) as ws:
        with pytest.raises(ConnectionClosedError) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, code)
    async with served.client(token) as client:
        with pytest.raises(Refused) as refused:
            await anext(client.stream())
    assert (refused.value.status, refused.value.refusal.code) == (401, code)


async def test_a_lab_that_ends_is_unreachable(bench: Bench) -> None:
    served = Served(bench)
    async with served.client() as client, aclosing(client.stream()) as frames:
        await anext(frames)
        stopping = asyncio.create_task(served.stop())
        with pytest.raises(Unreachable):
            await until(frames, lambda frame: False)
        await stopping


async def test_what_a_client_says_changes_nothing(served: Served) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with connect(served.address, additional_headers=headers) as ws:
        await ws.send("hello")
        await ws.send(b"\x00\x01")
        assert "devices" in json.loads(await ws.recv())


async def test_one_who_falls_behind_is_given_up_and_the_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "FRAME_S", 0.0)
    feed = Feed(bench.lab)
    with feed.watch("en") as slow, feed.watch("en") as quick:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(40):
                assert await quick.get() is not GIVEN_UP
        left = [slow.get_nowait() for _ in range(slow.qsize())]
    assert left[-1] is GIVEN_UP
    assert GIVEN_UP not in left[:-1]


async def test_who_shares_a_first_frame_misses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "FRAME_S", 0.0)
    feed = Feed(bench.lab)
    with feed.watch("en") as early:
        bench.lab.bus.tell(DeviceMessage("robot", "lab.not_at_rest", "", bench.clock.now()))
        with feed.watch("en") as late:
            assert late.get_nowait() is early.get_nowait()
            async with asyncio.timeout(PATIENCE_S):
                told = StreamMessage.model_validate_json(await late.get())
    assert [one.id for one in told.devices] == ["robot"]


async def test_who_comes_while_the_last_one_leaves_is_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "FRAME_S", 0.0)
    feed = Feed(bench.lab)
    with feed.watch("en"):
        pass
    with feed.watch("en") as frames:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(3):
                await frames.get()
    assert feed._task is None


async def test_nobody_looking_costs_nothing(bench: Bench) -> None:
    feed = Feed(bench.lab)
    listening = len(bench.lab.bus._listeners)
    with feed.watch("en"):
        await asyncio.sleep(0)
        assert len(bench.lab.bus._listeners) == listening + 1
    await asyncio.sleep(0)
    assert len(bench.lab.bus._listeners) == listening
