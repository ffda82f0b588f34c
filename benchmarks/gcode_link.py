"""G-code over a pseudo-terminal to another process: numbered, checked, logged, line by line."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rounds import Result, speed
from equipment_drivers.contract import CommandContext
from equipment_drivers.devices.marlin_job import PrintJob
from equipment_drivers.devices.marlin_lines import frame
from equipment_drivers.devices.marlin_link import LinkTiming, MarlinLink
from equipment_drivers.devices.marlin_replies import Reply
from equipment_drivers.errors import WireFault
from equipment_drivers.transports.serial_line import SerialLine
from lab_controller.job_log import JobLog

LINES = [f"G1 X{n % 200}.{n % 10} Y{n % 150}.25 E{n / 50:.4f} F1800" for n in range(2_000)]
FRAMES = [frame(number, line) for number, line in enumerate(LINES)]
BAUDRATE, ROUNDS = 115_200, 15
RX_BYTES = 256
"""The receive buffer of a board with ADVANCED_OK: four of our lines fit."""


@contextmanager
def far_end(*options: str) -> Iterator[str]:
    """A process that answers; gives the path of its terminal."""
    command = [sys.executable, "-m", "benchmarks.echo_ok", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as far:
        assert far.stdin
        assert far.stdout
        yield far.stdout.readline().strip()
        far.stdin.close()


def fail(fault: WireFault) -> None:
    """The link gave up: there is nothing to measure."""
    raise fault


def ignore(reply: Reply) -> None:
    """What a plain far end says besides `ok`: nothing."""


class Printer:
    """Our way: the driver's line, link and job, and the controller's job log."""

    def __init__(self, path: str, log: Path, window: int) -> None:
        self._log = log
        self._line = SerialLine(path, BAUDRATE, on_line=self._hear, on_lost=fail)
        timing = LinkTiming(window=window, rx_bytes=RX_BYTES)
        self._link = MarlinLink(self._line, timing, on_reply=ignore, on_broken=fail)

    def _hear(self, line: str) -> None:
        self._link.hear(line)

    async def open(self) -> None:
        """Open and number from 0."""
        await self._line.open()
        await self._link.renumber()

    async def print(self) -> None:
        """Send every line, each written to the log first."""
        with JobLog(self._log, lasting=True) as journal:
            context = CommandContext("bench", lease=None, journal=journal)
            job = PrintJob("bench", LINES, context, lambda: self._link.resends)
            await self._link.stream(job)

    async def close(self) -> None:
        """Close the line."""
        await self._line.close()


async def made(path: str, log: Path, window: int = 1) -> Printer:
    """An open printer, made inside the loop."""
    printer = Printer(path, log, window)
    await printer.open()
    return printer


def ping_pong(descriptor: int) -> None:
    """The floor: ready lines, blocking writes and reads, nothing checked."""
    for line in FRAMES:
        os.write(descriptor, line)
        while not os.read(descriptor, 64).endswith(b"\n"):
            pass


def results() -> Iterator[Result]:
    """Our link and the floor on the same terminal in turn, then the window against one line."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        log = Path(folder) / "job.log"
        yield _against_floor(runner, log)
        yield _against_one_line(runner, log)


def _against_floor(runner: asyncio.Runner, log: Path) -> Result:
    with far_end() as path:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(descriptor)
        printer = runner.run(made(path, log))
        ratios = speed(
            lambda: runner.run(printer.print()), lambda: ping_pong(descriptor), rounds=ROUNDS
        )
        runner.run(printer.close())
        os.close(descriptor)
    return Result(
        "G-code link: window 1, numbered, checked, logged",
        "blocking ping-pong on the same pty",
        ratios,
        at_least=0.5,
    )


def _against_one_line(runner: asyncio.Runner, log: Path) -> Result:
    """Each on a terminal of its own: a port has one owner."""
    with far_end("--advanced") as first, far_end("--advanced") as second:
        several = runner.run(made(first, log, window=4))
        one = runner.run(made(second, log))
        ratios = speed(
            lambda: runner.run(several.print()), lambda: runner.run(one.print()), rounds=ROUNDS
        )
        for printer in (several, one):
            runner.run(printer.close())
    return Result("G-code link: window of 4 by ADVANCED_OK", "window 1", ratios, at_least=1.05)
