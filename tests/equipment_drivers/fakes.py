"""A driver without a wire, driven by the test; the controller's tests use it too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from equipment_drivers.contract import (
    Arguments,
    Clock,
    CommandContext,
    CommandResult,
    CommandSpec,
    DeviceConfig,
    DeviceSpec,
    DriverSpec,
    Effect,
    Options,
    SignalSpec,
    StopOutcome,
    StopPlan,
    StopReport,
    StopStep,
)
from equipment_drivers.errors import DriverError, LinkLost
from equipment_drivers.model import DeviceState, Fact, Operation, Quality, Reading, Safety

STILL = frozenset({Operation.IDLE, Operation.READY})
AWAKE = frozenset(Operation) - {Operation.UNKNOWN}


class FakeClock:
    """Lab time that starts at a fixed instant and follows the monotonic clock."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)) -> None:
        self._start, self._origin = start, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._origin)

    def monotonic(self) -> float:
        return time.monotonic()


class FakeOptions(Options):
    """`safety` of all devices; `can_stop` False gives a stop plan without steps."""

    safety: Safety = Safety.NORMAL
    can_stop: bool = True
    command_timeout_s: float = 10.0


class FakeDeviceOptions(Options):
    """None needed."""


class NoArguments(Arguments):
    """Nothing to say."""


class MoveArguments(Arguments):
    """Where to."""

    x: float


class FakeDriver:
    """Scripted by its public attributes:

    - `connect_faults`: raised one by one by `connect`; empty: it connects
    - `command_faults`: verb → raised by `execute`
    - `gate`: cleared by the test, every command but READ waits on it before it answers
    - `lose(fault)`: ends `serve`; `report(...)`, `measure(...)`: facts of a device
    - `done`: (device, verb, args) of each command that was carried out; `calls`: life so far
    """

    spec: ClassVar[DriverSpec] = DriverSpec(
        id="fake",
        kind="fake",
        connection_options=FakeOptions,
        device_options=FakeDeviceOptions,
    )

    def __init__(
        self,
        connection: str,
        options: Options,
        devices: Sequence[DeviceConfig],
        *,
        clock: Clock,
        emit: Callable[[Fact], None],
    ) -> None:
        assert isinstance(options, FakeOptions)
        self.connection, self.options, self.clock, self.emit = connection, options, clock, emit
        self.devices = [device.id for device in devices]
        self.connect_faults: list[Exception] = []
        self.resync_faults: list[Exception] = []
        self.command_faults: dict[str, Exception] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.hang_connect = False
        self.calls: list[str] = []
        self.done: list[tuple[str, str, Mapping[str, object]]] = []
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.overlap = 0
        self._inside = 0
        self._lost: asyncio.Future[Exception] | None = None

    @property
    def max_silence_s(self) -> float:
        return 5.0

    def device_spec(self, device: str) -> DeviceSpec:
        timeout = self.options.command_timeout_s
        commands = (
            CommandSpec("look", NoArguments, Effect.READ, AWAKE, timeout),
            CommandSpec("move", MoveArguments, Effect.ACTUATE, STILL, timeout),
            CommandSpec("run_job", NoArguments, Effect.ACTUATE, STILL, None),
        )
        signals = (SignalSpec("heat", "Cel", 10.0), SignalSpec("power", "W", 10.0))
        return DeviceSpec(
            device,
            "fake",
            {command.verb: command for command in commands},
            {signal.name: signal for signal in signals},
        )

    def stop_plan(self, device: str) -> StopPlan:
        step = StopStep("descriptor", self.connection, {"write_hex": "00", "expect": ""})
        return StopPlan(device, "stop.means.fake", (step,) if self.options.can_stop else ())

    def stop_descriptor(self) -> int | None:
        return None

    async def connect(self) -> None:
        self.calls.append("connect")
        self._lost = asyncio.get_running_loop().create_future()
        if self.hang_connect:
            await asyncio.get_running_loop().create_future()
        if self.connect_faults:
            raise self.connect_faults.pop(0)

    async def resync(self) -> None:
        self.calls.append("resync")
        if self.resync_faults:
            raise self.resync_faults.pop(0)
        for device in self.devices:
            self.report(device, Operation.IDLE)

    async def serve(self) -> None:
        self.calls.append("serve")
        assert self._lost is not None
        raise await self._lost

    async def execute(
        self, device: str, verb: str, args: Arguments, context: CommandContext
    ) -> CommandResult:
        self.started.append(verb)
        if verb in self.command_faults:
            raise self.command_faults[verb]
        self._inside += verb != "run_job"
        self.overlap = max(self.overlap, self._inside)
        try:
            if verb != "look":
                await self.gate.wait()
            context.demand()
        finally:
            self._inside -= verb != "run_job"
        self.done.append((device, verb, args.model_dump()))
        return CommandResult(text=f"{verb} done")

    async def stop_now(self, device: str) -> StopReport:
        self.stopped.append(device)
        return StopReport(device, StopOutcome.CONFIRMED)

    async def safe_state(self, device: str) -> StopReport:
        self.calls.append(f"safe_state {device}")
        self.report(device, Operation.IDLE)
        return StopReport(device, StopOutcome.CONFIRMED)

    async def close(self) -> None:
        self.calls.append("close")

    def lose(self, fault: DriverError | None = None) -> None:
        """The wire breaks (or the driver has a bug, if the test says so)."""
        assert self._lost is not None
        self._lost.set_result(fault or LinkLost(connection=self.connection))

    def report(self, device: str, operation: Operation, safety: Safety | None = None) -> None:
        """The device says what it does."""
        shown = self.options.safety if safety is None else safety
        self.emit(DeviceState(device, operation, shown, self.clock.now()))

    def measure(
        self, device: str, signal: str, value: float, quality: Quality = Quality.GOOD
    ) -> None:
        """The device measures something, now."""
        unit = self.device_spec(device).signals[signal].unit
        self.emit(Reading(device, signal, value, unit, quality, self.clock.now()))
