"""A stop of 20 serial lines, 20 TCP and 10 OPC UA machines, with the controller idle and working.

From the press on the stopper's socket to the last machine's bytes at its far end. The machines are
light fakes in two processes (all wires in one, all ten OPC UA servers in the other), which share
the processors with everything else, as no real machine does.
"""

from __future__ import annotations

import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.rounds import Result
from benchmarks.stop_peers import SERVERS, WIRES
from lab_controller.stopper import press
from lab_controller.stopper.errors import StopperUnreachable
from lab_controller.stopper.place import socket_path

MACHINES = 2 * WIRES + SERVERS
PRESSES, ROUNDS = 120, 5
GAP_S = (0.1, 0.2)
SETTLED_S = 2.0
PATIENCE_S = 60.0
PAUSE = threading.Event()  # never set


class Peers:
    """One process of far ends."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "benchmarks.stop_peers", kind]
        self._process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        self.places: dict[str, list[object]] = self._read()
        assert self._process.stdin
        stack.callback(self._process.stdin.close)

    def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def arrivals(self) -> list[int]:
        """When stop bytes arrived since the last time we asked, in ns."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return list(self._read())


class Stand:
    """Stopper, controller and far ends, ready to be stopped again and again."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._peers = [Peers("wires", stack), Peers("opcua", stack)]
        places = {key: place for peers in self._peers for key, place in peers.places.items()}
        command = [sys.executable, "-m", "lab_controller.stopper", "--dir", str(folder)]
        command += ["--no-restart", "--hang", "60", "--farewell", "60", "--"]
        command += [sys.executable, "-m", "benchmarks.stop_controller"]
        self._stopper = stack.enter_context(
            subprocess.Popen(
                [*command, json.dumps(places), str(folder)],
                stdin=subprocess.PIPE,
                stderr=stack.enter_context((folder / "stopper.log").open("w")),
                text=True,
            )
        )
        assert self._stopper.stdin
        stack.callback(self._stopper.stdin.close)
        self._until_ready(folder)
        self._door = stack.enter_context(socket.socket(socket.AF_UNIX))
        self._door.connect(str(socket_path(folder)))
        self._lines = self._door.makefile("rb")
        stack.callback(self._lines.close)

    def _until_ready(self, folder: Path) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self._stopper.poll() is None:
            try:
                devices = press.status(folder)["devices"].values()
            except StopperUnreachable:
                devices = ()
            ready = [step["ready"] for device in devices for step in device["steps"]]
            if len(ready) == MACHINES and all(ready):
                return
            PAUSE.wait(0.05)
        raise TimeoutError("the stopper's connections did not come up")

    def order(self, what: str) -> None:
        """Have the controller work, or rest."""
        assert self._stopper.stdin
        self._stopper.stdin.write(f"{what}\n")
        self._stopper.stdin.flush()
        PAUSE.wait(SETTLED_S)

    def stop(self) -> float:
        """One press: seconds until the last machine had its bytes."""
        begun = time.monotonic_ns()
        self._door.sendall(b'{"op":"stop","id":1,"by":"bench","reason":""}\n')
        report = json.loads(self._lines.readline())["devices"]
        failed = [one for one in report.values() if one["outcome"] == "FAILED"]
        arrived = [at for peers in self._peers for at in peers.arrivals()]
        if failed or len(arrived) != MACHINES:
            raise RuntimeError(f"{len(arrived)} of {MACHINES} arrived, failed: {failed}")
        return (max(arrived) - begun) / 1e9


def presses(stand: Stand, rhythm: random.Random) -> list[float]:
    """A round of presses at random moments."""
    taken = []
    for _ in range(PRESSES):
        PAUSE.wait(rhythm.uniform(*GAP_S))
        taken.append(stand.stop())
    return taken


def p99(taken: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return statistics.quantiles(taken, n=100)[98]


def results() -> Iterator[Result]:
    """The controller's work must not be felt by a stop."""
    rhythm, ratios, medians = random.Random(1), [], []
    idle: list[float] = []
    loaded: list[float] = []
    with tempfile.TemporaryDirectory(prefix="mk-") as name, ExitStack() as stack:
        stand = Stand(Path(name), stack)
        for _ in range(ROUNDS):
            stand.order("idle")
            rest = presses(stand, rhythm)
            stand.order("load")
            work = presses(stand, rhythm)
            ratios.append(p99(work) / p99(rest))
            medians.append(statistics.median(work) / statistics.median(rest))
            idle += rest
            loaded += work
        stand.order("idle")
    shown = f"{p99(idle) * 1e3:.1f} → {p99(loaded) * 1e3:.1f} ms"
    yield Result(
        f"stop of {MACHINES} machines at work, p99",
        f"idle, p99 ({shown})",
        tuple(ratios),
        at_most=2,
    )
    shown = f"{statistics.median(idle) * 1e3:.1f} → {statistics.median(loaded) * 1e3:.1f} ms"
    yield Result(
        f"stop of {MACHINES} machines at work, median", f"idle, median ({shown})", tuple(medians)
    )
