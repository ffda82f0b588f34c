"""The live stream: 1,000 readings a second, told to 20 consoles in frames or one by one.

The goal is on the fan-out. What the lab itself does with a reading (board, recorder, interlocks) is
done in both and measured alone in each round; the ratio with it is printed too, without a bound.
The yardstick sends bare messages: no frame of a WebSocket, no task, no queue.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from starlette.websockets import WebSocket

from benchmarks.rounds import Result, net_cost
from equipment_drivers.model import Quality, Reading
from lab_controller import config
from lab_controller.api.stream import Feed, stream
from lab_controller.bootstrap import Lab, build
from lab_controller.clock import LabClock
from lab_controller.demo.setup import write_config
from lab_controller.facts import Told

CLIENTS, READINGS, TICKS, ROUNDS = 20, 1_000, 100, 7
LASTING_S = 1.0
TOKEN = "bench"
NOWHERE = {
    "hub1": {"endpoint": "http://127.0.0.1:1"},
    "printer1": {"endpoint": "/dev/null"},
    "cobot1": {"endpoint": "opc.tcp://127.0.0.1:1"},
}
Send = Callable[[bytes], object]


class Console:
    """A client's end as the endpoint sees it: takes every frame and never says a word."""

    def __init__(self, lab: Lab, feed: Feed, send: Send) -> None:
        self.app = SimpleNamespace(state=SimpleNamespace(lab=lab, token=TOKEN, feed=feed))
        self.headers = {"authorization": f"Bearer {TOKEN}", "accept-language": "ja"}
        self._send = send
        self.frames = 0

    async def accept(self) -> None:
        """Let in."""

    async def send_text(self, text: str) -> None:
        """Out on the wire."""
        self.frames += 1
        self._send(text.encode())

    async def receive_text(self) -> str:
        """Nothing, for ever."""
        silence: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await silence


@contextmanager
def wire() -> Iterator[Send]:
    """A way to another process, which throws everything away."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as far:
        assert far.stdin
        descriptor = far.stdin.fileno()
        yield lambda data: os.write(descriptor, data)


@contextmanager
def lab_of(folder: Path) -> Iterator[Lab]:
    """The demo's lab, composed and not started."""
    path = write_config(folder, NOWHERE, LabClock())
    lab = build(config.load(path), path, socket=folder / "stopper.sock")
    yield lab
    lab.db.close()
    lab.telemetry.close()


async def tell_readings(lab: Lab) -> None:
    """A second of readings of all devices' signals."""
    signals = [
        (view.device, signal)
        for view in lab.board.views.values()
        for signal in view.spec.signals.values()
    ]
    for tick in range(TICKS):
        now = datetime.now(UTC)
        for number in range(READINGS // TICKS):
            device, signal = signals[(tick * READINGS // TICKS + number) % len(signals)]
            value = 20 + number / 7
            lab.bus.tell(Reading(device, signal.name, value, signal.unit, Quality.GOOD, now))
        await asyncio.sleep(LASTING_S / TICKS)


async def in_frames(lab: Lab, send: Send) -> None:
    """Our way: the stream's own endpoint for every client."""
    feed = Feed(lab)
    consoles = [Console(lab, feed, send) for _ in range(CLIENTS)]
    streams = [asyncio.create_task(stream(cast(WebSocket, console))) for console in consoles]
    await tell_readings(lab)
    for each in streams:
        each.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    assert min(console.frames for console in consoles) > 1, "a stream ended early"


async def one_by_one(lab: Lab, send: Send) -> None:
    """Every reading as a message of its own to every client."""

    def hear(fact: Told) -> None:
        assert isinstance(fact, Reading)
        for _ in range(CLIENTS):
            send(message(fact))

    forget = lab.bus.listen(hear)
    await tell_readings(lab)
    forget()


def message(reading: Reading) -> bytes:
    """A reading as one message."""
    told = {
        "kind": "reading",
        "device": reading.device,
        "signal": reading.signal,
        "value": reading.value,
        "unit": reading.unit,
        "quality": reading.quality,
        "received": reading.received.isoformat(),
    }
    return json.dumps(told).encode()


def results() -> Iterator[Result]:
    """CPU of a second with 20 clients, without and with what the lab does with each reading."""
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner() as runner,
        wire() as send,
        lab_of(Path(folder)) as lab,
    ):
        net, whole = net_cost(
            lambda: runner.run(in_frames(lab, send)),
            lambda: runner.run(one_by_one(lab, send)),
            lambda: runner.run(tell_readings(lab)),
            rounds=ROUNDS,
            clock=time.process_time,
        )
    yardstick = "JSON per reading per console"
    yield Result(f"stream: {CLIENTS} consoles, fan-out, CPU", yardstick, net, at_most=0.1)
    goal = f"stream: {READINGS} readings/s taken in and told, CPU"
    yield Result(goal, yardstick, whole)
