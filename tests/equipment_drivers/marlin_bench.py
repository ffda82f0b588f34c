"""The Marlin driver with short patience and a lab clock, for its tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from equipment_drivers.contract import (
    Arguments,
    CommandContext,
    CommandResult,
    DeviceConfig,
    NoArguments,
)
from equipment_drivers.devices.marlin import MarlinPrinter
from equipment_drivers.devices.marlin_spec import (
    Cancel,
    MarlinOptions,
    PrinterOptions,
    PrintFile,
    SetTemperature,
)
from equipment_drivers.errors import DriverError
from equipment_drivers.model import DeviceMessage, DeviceState, Operation
from tests.equipment_drivers.driver_bench import Told
from tests.equipment_drivers.fake_marlin import PtyPrinter

JOB = [
    *("G28", "M104 S200", "M109 S200"),
    *(f"G1 X{n} E{n} F1200" for n in range(40)),
    "M104 S0",
]
QUESTIONS = ("M105", "M110", "M113", "M114", "M115", "M155", "M27", "M400")
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


class LabClock:
    """Lab time runs `factor` times as fast as real time."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor, self._origin = factor, time.monotonic()

    def now(self) -> datetime:
        return START + timedelta(seconds=(self.monotonic() - self._origin) * self.factor)

    def monotonic(self) -> float:
        return time.monotonic()


class Printer(Told):
    """The driver of printer `p`, what it told, and its verbs in short."""

    patience_s = 10.0

    def __init__(
        self,
        port: str,
        *,
        factor: float = 1.0,
        limits: PrinterOptions | None = None,
        **options: object,
    ) -> None:
        quick = {"banner_s": 0.01, "settle_s": 0.03, "stop_confirm_s": 0.5, "cool_s": 0.3}
        super().__init__()
        self.journal: list[str] = []
        self.may_act = True
        self.driver = MarlinPrinter(
            "wire",
            MarlinOptions.model_validate({"port": port, **quick, **options}),
            [DeviceConfig("p", "", limits or PrinterOptions())],
            clock=LabClock(factor),
            emit=self.hear,
        )

    async def up(self) -> None:
        """Connected and read back."""
        await self.driver.connect()
        await self.driver.resync()

    def run(self, verb: str, args: Arguments | None = None) -> asyncio.Task[CommandResult]:
        """The command as a task."""
        context = CommandContext(
            "command-1", 1, may_act=lambda: self.may_act, journal=self.journal.append
        )
        spec = self.driver.device_spec("p").commands.get(verb)
        plain = NoArguments() if spec is None or spec.args is not Cancel else Cancel()
        return asyncio.create_task(self.driver.execute("p", verb, args or plain, context))

    def print_file(self, path: Path) -> asyncio.Task[CommandResult]:
        return self.run("print_file", PrintFile(path=str(path), name="jig"))

    def set_hotend(self, celsius: float) -> asyncio.Task[CommandResult]:
        return self.run("set_hotend", SetTemperature(celsius=celsius))

    def operations(self) -> list[Operation]:
        """The operations told, in order, each change once."""
        return [operation for operation, _ in groupby(s.operation for s in self.told(DeviceState))]

    def messages(self) -> list[str]:
        return [message.code for message in self.told(DeviceMessage)]


@asynccontextmanager
async def online(far: PtyPrinter, **options: Any) -> AsyncIterator[Printer]:
    """The driver at this far end, up; it is closed at the end."""
    printer = Printer(far.path, **options)
    try:
        await printer.up()
        yield printer
    finally:
        await printer.driver.close()


@asynccontextmanager
async def serving(printer: Printer) -> AsyncIterator[asyncio.Task[None]]:
    """The driver looks after its wire meanwhile; the task ends with what ends the wire."""
    watch = asyncio.create_task(printer.driver.serve())
    try:
        yield watch
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def printing_until(
    far: PtyPrinter, printer: Printer, job: Path, line: str
) -> asyncio.Task[CommandResult]:
    """A print that has come to this line, whose answer is kept back."""
    far.held = {line}
    printing = printer.print_file(job)
    await far.until_heard(line.encode())
    return printing


async def meanwhile(far: PtyPrinter, asked: asyncio.Task[CommandResult]) -> None:
    """What is asked for while a line has no answer yet; then it gets one."""
    await asyncio.sleep(0)
    far.release()
    await asked


async def failure(task: asyncio.Future[Any]) -> DriverError:
    """What it fails with."""
    with pytest.raises(DriverError) as caught:
        async with asyncio.timeout(10):
            await task
    return caught.value


def executed(far: PtyPrinter, *starts: str) -> list[str]:
    """Commands the firmware executed, those that begin so."""
    return [command for _, command in far.firmware.executed if command.startswith(starts or "")]


def acted(far: PtyPrinter) -> list[str]:
    """Commands that were no questions."""
    return [command for command in executed(far) if command.split()[0] not in QUESTIONS]
