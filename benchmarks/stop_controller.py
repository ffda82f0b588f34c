"""The controller of the stop benchmark: `python -m benchmarks.stop_controller PLACES FOLDER`.

The stopper runs it as its child. It gives the stop plans and the open lines, then obeys its
standard input: `load` makes it take samples, stream prints and compute; `idle` ends that.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import tty
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.gcode_link import Printer, made
from benchmarks.stop_peers import STOP, URI
from lab_controller.permit import Permit
from lab_controller.stopper.place import SOCKET_ENV
from lab_controller.telemetry_files import TelemetryFiles
from trial_logs.model import Sample, Series

SAMPLES_PER_S, TICK_S = 20_000, 0.05
SERIES = [Series(f"device-{n // 5}", f"signal-{n % 5}", "Cel") for n in range(200)]
DEADLINE_S = 5.0


def plans(places: dict[str, Any]) -> list[Any]:
    """A plan for each peer."""
    stop = STOP.hex()
    lines = [("descriptor", path, {"write_hex": stop}) for path in places["terminals"]]
    boards = [
        (
            "socket",
            "board",
            {
                "host": "127.0.0.1",
                "port": port,
                "greeting": "Connected",
                "write_hex": (STOP + b"\n").hex(),
                "expect": "Stopped",
                "keep_hex": b"mode\n".hex(),
            },
        )
        for port in places["ports"]
    ]
    robots = [
        (
            "opcua_call",
            "robot",
            {"endpoint": endpoint, "object": [[URI, "Robot"]], "method": [URI, "Stop"]},
        )
        for endpoint in places["endpoints"]
    ]
    return [
        SimpleNamespace(
            device=f"d{number}",
            means="",
            known=True,
            estop={},
            steps=[
                SimpleNamespace(
                    kind=kind, connection=connection, payload=payload, deadline_s=DEADLINE_S
                )
            ],
        )
        for number, (kind, connection, payload) in enumerate([*lines, *boards, *robots])
    ]


async def take_samples(folder: Path) -> None:
    """So many samples a second through the door of the journal."""
    files, loop = TelemetryFiles(folder), asyncio.get_running_loop()
    due = loop.time()
    try:
        while True:
            start_us = time.time_ns() // 1000
            batch = [
                Sample(SERIES[n % len(SERIES)], start_us + n, 20.0 + n % 7)
                for n in range(int(SAMPLES_PER_S * TICK_S))
            ]
            await files.append(batch)
            due += TICK_S
            await asyncio.sleep(max(0.0, due - loop.time()))
    finally:
        files.close()


async def stream(printer: Printer) -> None:
    """One print after the other."""
    while True:
        await printer.print()


def compute(busy: threading.Event) -> None:
    """What a report or a compression costs: Python that does not let go."""
    while busy.is_set():
        sum(n * n for n in range(10_000))


async def main(places: dict[str, Any], folder: Path) -> None:
    """Obey until standard input is closed."""
    permit = Permit(Path(os.environ[SOCKET_ENV]))
    await permit.open()
    await permit.send_plans(plans(places))
    for path in places["terminals"]:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(descriptor)
        await permit.hand_over(path, descriptor)
    printers = [
        await made(path, folder / f"job{n}.log") for n, path in enumerate(places["printers"])
    ]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    work: list[asyncio.Task[None]] = []
    busy = threading.Event()
    while order := await reader.readline():
        busy.clear()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        work = []
        if order.strip() == b"load":
            busy.set()
            threading.Thread(target=compute, args=(busy,), daemon=True).start()
            jobs = [take_samples(folder / "telemetry"), *(stream(one) for one in printers)]
            work = [asyncio.create_task(job) for job in jobs]
    await permit.farewell()
    await permit.close()
    for printer in printers:
        await printer.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), Path(sys.argv[2])))
