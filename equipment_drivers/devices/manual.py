"""Equipment without a wire: software seats, hand tools, gauges. A person says what it did.

The link is up at once, for there is nothing to lose. Nothing can be actuated, so no command needs
a lease; who entered what is in the command ledger like everything else.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from equipment_drivers import contract as c
from equipment_drivers.devices.manual_rows import Measure, read
from equipment_drivers.errors import BadArguments, NotSupported
from equipment_drivers.model import (
    CycleFinished,
    DeviceState,
    Operation,
    Quality,
    Reading,
    Safety,
)

AGELESS_S = 10 * 365 * 86400.0
AT_ONCE = 100
IDLE = frozenset({Operation.IDLE})
BUSY = frozenset({Operation.BUSY})
EITHER = IDLE | BUSY


def known_zone(name: str) -> str:
    """The name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"no time zone {name!r}") from error
    return name


class ManualOptions(c.Options):
    """A CSV may have `max_rows`; a stated time may be `ahead_s` ahead (a gauge's own clock).

    The last `remembered` measurements are known by time, so that none is taken twice.
    """

    max_rows: int = Field(default=2000, gt=0, le=100_000)
    ahead_s: float = Field(default=60.0, ge=0)
    remembered: int = Field(default=100_000, gt=0)


class ManualSignal(c.Options):
    """One quantity people enter. Values outside `min` to `max` are refused.

    Entered values do not grow old unless `max_age_s` (lab seconds since they were entered) says so.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    unit: str = "1"
    precision: int = Field(default=2, ge=0, le=9)
    min: float | None = None
    max: float | None = None
    max_age_s: float = Field(default=AGELESS_S, gt=0)


class ManualDeviceOptions(c.Options):
    """`timezone` is that of stated times without one."""

    kind: Literal["software", "bench"] = "bench"
    moves: bool = False
    signals: tuple[ManualSignal, ...] = ()
    timezone: Annotated[str, AfterValidator(known_zone)] = "Asia/Tokyo"

    @model_validator(mode="after")
    def _names_differ(self) -> ManualDeviceOptions:
        names = [one.name for one in self.signals]
        if len(set(names)) != len(names):
            raise ValueError("a name is given twice")
        return self


class NoteArguments(c.Arguments):
    """A word for the ledger."""

    note: str = Field(default="", max_length=500)


class RecordArguments(NoteArguments):
    """One value; `at` is when it was measured (ISO 8601), if not now."""

    signal: str
    value: float = Field(allow_inf_nan=False)
    at: str | None = None


class ImportArguments(NoteArguments):
    """The text of a CSV."""

    text: str


class PartArguments(NoteArguments):
    """One finished part; without `duration_s` the time since the last part or the start counts."""

    verdict: Literal["good", "scrap", "rework"]
    duration_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)


@dataclass(slots=True)
class Bench:
    """One device: what it measures, what was taken already, and since when its part is on."""

    id: str
    options: ManualDeviceOptions
    operation: Operation = Operation.IDLE
    since: datetime | None = None
    taken: dict[tuple[str, datetime], None] = field(default_factory=dict)
    signals: Mapping[str, ManualSignal] = field(init=False)

    def __post_init__(self) -> None:
        self.signals = {one.name: one for one in self.options.signals}

    def take(self, key: tuple[str, datetime], most: int) -> None:
        """Remember a measurement, and forget the oldest beyond `most`."""
        self.taken[key] = None
        while len(self.taken) > most:
            del self.taken[next(iter(self.taken))]


class ManualBench:
    """Benches and seats; each knows `record`, `import_csv`, `start`, `finish` and `part`."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="manual",
        kind="bench",
        connection_options=ManualOptions,
        device_options=ManualDeviceOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
    ) -> None:
        assert isinstance(options, ManualOptions)
        self._options, self._clock, self._emit = options, clock, emit
        self._benches: dict[str, Bench] = {}
        for device in devices:
            assert isinstance(device.options, ManualDeviceOptions)
            self._benches[device.id] = Bench(device.id, device.options)

    # -- what it is -------------------------------------------------------------------------

    @property
    def max_silence_s(self) -> float:
        """Nobody is ever silent on no wire."""
        return math.inf

    def device_spec(self, device: str) -> c.DeviceSpec:
        bench = self._benches[device]
        commands = [
            c.CommandSpec("start", NoteArguments, c.Effect.READ, IDLE),
            c.CommandSpec("finish", NoteArguments, c.Effect.READ, BUSY),
            c.CommandSpec("part", PartArguments, c.Effect.READ, EITHER),
        ]
        if bench.signals:
            commands += [
                c.CommandSpec("record", RecordArguments, c.Effect.READ, EITHER),
                c.CommandSpec("import_csv", ImportArguments, c.Effect.READ, EITHER),
            ]
        return c.DeviceSpec(
            device,
            bench.options.kind,
            {command.verb: command for command in commands},
            {
                name: c.SignalSpec(name, one.unit, one.max_age_s, one.precision)
                for name, one in bench.signals.items()
            },
            bench.options.moves,
        )

    def stop_plan(self, device: str) -> c.StopPlan:
        """Software cannot stop what it is not connected to."""
        return c.StopPlan(device, "stop.means.manual")

    def stop_descriptor(self) -> int | None:
        return None

    # -- its life ---------------------------------------------------------------------------

    async def connect(self) -> None:
        """Nothing to open."""

    async def resync(self) -> None:
        for bench in self._benches.values():
            self._tell(bench)

    async def serve(self) -> None:
        """Until cancelled: there is no wire to lose."""
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Nothing to close."""

    def _tell(self, bench: Bench) -> None:
        self._emit(DeviceState(bench.id, bench.operation, Safety.NONE, self._clock.now()))

    # -- what people say --------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
        bench = self._benches[device]
        match args:
            case RecordArguments():
                return self._record(bench, args)
            case ImportArguments():
                return await self._import(bench, args)
            case PartArguments():
                return self._part(bench, args)
            case NoteArguments() if verb in ("start", "finish"):
                return self._work(bench, verb)
        raise NotSupported(device=device, verb=verb)

    def _measure(self, bench: Bench) -> Measure:
        zone, ahead = ZoneInfo(bench.options.timezone), timedelta(seconds=self._options.ahead_s)
        return Measure(bench.signals, zone, self._clock.now(), ahead)

    def _record(self, bench: Bench, args: RecordArguments) -> c.CommandResult:
        measure = self._measure(bench)
        if args.signal not in bench.signals:
            known = ", ".join(bench.signals)
            raise BadArguments(verb="record", key="signal", cause=f"{args.signal!r}: {known}")
        signal = bench.signals[args.signal]
        try:
            value = measure.value(args.signal, args.value)
        except ValueError as error:
            bounds = f"{shown(signal.min)}…{shown(signal.max)} {signal.unit}"
            raise BadArguments(
                verb="record", key="value", cause=f"{args.value:g}: {bounds}"
            ) from error
        try:
            at = measure.time(args.at) if args.at else None
        except ValueError as error:
            raise BadArguments(verb="record", key="at", cause=repr(args.at)) from error
        if at is not None and (args.signal, at) in bench.taken:
            raise BadArguments(verb="record", key="at", cause=f"again: {args.at}")
        self._take(bench, args.signal, value, at)
        return c.CommandResult(text=f"{value:g} {signal.unit}", values={args.signal: value})

    async def _import(self, bench: Bench, args: ImportArguments) -> c.CommandResult:
        """All rows or none, also when the command is cancelled in the midst of telling them."""
        rows = read(args.text, self._measure(bench), bench.taken, self._options.max_rows)
        cancelled = False
        for number, row in enumerate(rows):
            if number % AT_ONCE == AT_ONCE - 1 and not cancelled:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    cancelled = True
            self._take(bench, row.signal, row.value, row.at)
        if cancelled:
            raise asyncio.CancelledError
        return c.CommandResult(text=str(len(rows)), values={"rows": len(rows)})

    def _take(self, bench: Bench, signal: str, value: float, at: datetime | None) -> None:
        if at is not None:
            bench.take((signal, at), self._options.remembered)
        unit, now = bench.signals[signal].unit, self._clock.now()
        self._emit(Reading(bench.id, signal, value, unit, Quality.GOOD, now, at))

    def _work(self, bench: Bench, verb: str) -> c.CommandResult:
        begins = verb == "start"
        bench.operation = Operation.BUSY if begins else Operation.IDLE
        bench.since = self._clock.now() if begins else None
        self._tell(bench)
        return c.CommandResult(text=bench.operation.value)

    def _part(self, bench: Bench, args: PartArguments) -> c.CommandResult:
        now = self._clock.now()
        seconds = args.duration_s
        if seconds is None:
            seconds = (now - bench.since).total_seconds() if bench.since else math.inf
        bench.since = now
        self._emit(CycleFinished(bench.id, now, seconds, args.verdict, told_by="operator"))
        known = {"duration_s": seconds} if math.isfinite(seconds) else {}
        return c.CommandResult(text=args.verdict, values=known)

    # -- stopping ---------------------------------------------------------------------------

    async def stop_now(self, device: str) -> c.StopReport:
        """Whoever works with it has to stop it."""
        return c.StopReport(device, c.StopOutcome.FAILED, "not connected")

    async def safe_state(self, device: str) -> c.StopReport:
        """Nothing is driven, so nothing needs to be brought to rest."""
        return c.StopReport(device, c.StopOutcome.CONFIRMED)


def shown(bound: float | None) -> str:
    """A bound as it is told; nothing where there is none."""
    return "" if bound is None else f"{bound:g}"
