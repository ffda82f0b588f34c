"""The Marlin driver with short patience and a lab clock, for its tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TypeVar

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
from equipment_drivers.model import DeviceMessage, DeviceState, Fact, Operation, Reading

F = TypeVar("F", bound=Fact)
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


class LabClock:
    """Lab time runs `factor` times as fast as real time."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor, self._origin = factor, time.monotonic()

    def now(self) -> datetime:
        return START + timedelta(seconds=(self.monotonic() - self._origin) * self.factor)

    def monotonic(self) -> float:
        return time.monotonic()


class Printer:
    """The driver of printer `p`, what it told, and its verbs in short."""

    def __init__(
        self,
        port: str,
        *,
        factor: float = 1.0,
        limits: PrinterOptions | None = None,
        **options: object,
    ) -> None:
        quick = {"banner_s": 0.01, "settle_s": 0.03, "stop_confirm_s": 0.5, "cool_s": 0.3}
        self.facts: list[Fact] = []
        self.journal: list[str] = []
        self.may_act = True
        self.driver = MarlinPrinter(
            "wire",
            MarlinOptions.model_validate({"port": port, **quick, **options}),
            [DeviceConfig("p", "", limits or PrinterOptions())],
            clock=LabClock(factor),
            emit=self._emit,
        )
        self._told = asyncio.Event()

    def _emit(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._told.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for facts until it holds."""
        async with asyncio.timeout(10):
            while not condition():
                self._told.clear()
                await self._told.wait()

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

    def told(self, kind: type[F]) -> list[F]:
        """Facts of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def operations(self) -> list[Operation]:
        """The operations told, in order, each change once."""
        return [operation for operation, _ in groupby(s.operation for s in self.told(DeviceState))]

    def messages(self) -> list[str]:
        return [message.code for message in self.told(DeviceMessage)]

    def readings(self, signal: str) -> list[Reading]:
        return [reading for reading in self.told(Reading) if reading.signal == signal]
