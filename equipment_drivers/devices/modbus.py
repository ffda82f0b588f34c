"""Machines and sensors with a Modbus interface, over TCP or on a serial bus with many units.

Everything is polled; what lies together is read in one request. A write is sent once, must be
echoed, and counts as done when the value can be read back. A coil is set to a level, never pulsed:
a pulse whose second half is lost stays on.
Modbus Application Protocol 1.1b3: https://modbus.org/specs.php
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from equipment_drivers import contract as c
from equipment_drivers.devices.modbus_options import (
    KnownValue,
    ModbusDeviceOptions,
    ModbusOptions,
    OutputOptions,
)
from equipment_drivers.devices.modbus_registers import Block, Unrepresentable, Write
from equipment_drivers.devices.modbus_view import UnitView
from equipment_drivers.devices.modbus_wire import (
    ExceptionAnswer,
    ModbusWire,
    keep_bytes,
    stop_bytes,
)
from equipment_drivers.errors import (
    BadArguments,
    BadOption,
    DriverError,
    Faulted,
    LinkLost,
    NotSupported,
    OutcomeUnknown,
    PeerSilent,
    WrongDevice,
)
from equipment_drivers.model import DeviceMessage, Reading

NOT_NOW = frozenset({5, 6, 10, 11})
"""Exception codes after which reading again may help: acknowledged, busy, trouble at a gateway."""
NOT_OURS = frozenset({1, 2, 3})
"""Exception codes of a unit that knows nothing of what it was asked."""


class ModbusUnit:
    """One wire and the units on it; each has `refresh` and a `set_…` for every output."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="modbus",
        kind="machine_tool",
        connection_options=ModbusOptions,
        device_options=ModbusDeviceOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
    ) -> None:
        assert isinstance(options, ModbusOptions)
        self._connection, self._options = connection, options
        self._units = {device.id: UnitView(device, options) for device in devices}
        self._one_device_a_unit()
        self._clock, self._emit = clock, emit
        self._wire: ModbusWire | None = None
        self._verified: set[str] = set()
        self._refused: set[tuple[str, Block]] = set()

    def _one_device_a_unit(self) -> None:
        """Two devices may look at one unit (over TCP two halves of a machine), never set it."""
        setting = [view.unit for view in self._units.values() if view.outputs]
        if len(set(setting)) != len(setting):
            raise BadOption(option="address", cause="two devices set outputs of one unit")

    # -- what it is -------------------------------------------------------------------------

    @property
    def max_silence_s(self) -> float:
        """From the last answer of the last unit to the end of a round in which none answers."""
        return self._options.poll_s + self._options.timeout_s * (2 * len(self._units) - 1)

    def device_spec(self, device: str) -> c.DeviceSpec:
        return self._units[device].spec

    def stop_plan(self, device: str) -> c.StopPlan:
        """The outputs to their safe values in one message; what only measures has no steps."""
        view = self._units[device]
        if not view.outputs:
            return c.StopPlan(device, "stop.means.none")
        steps = tuple(self._stop_step(view.unit, write) for write in view.options.stop_writes)
        return c.StopPlan(device, "stop.means.outputs", steps)

    def _stop_step(self, unit: int, write: Write) -> c.StopStep:
        options = self._options
        data, expect = stop_bytes(options.transport, unit, write)
        payload: dict[str, object] = {"write_hex": data.hex(), "expect": expect}
        if options.transport == "rtu":
            return c.StopStep("descriptor", self._connection, payload, options.stop_deadline_s)
        payload |= {"host": options.host, "port": options.port, "greeting": ""}
        payload["keep_hex"] = self._keep_hex()
        return c.StopStep("socket", self._connection, payload, options.stop_deadline_s)

    def _keep_hex(self) -> str:
        """One read for all devices of the wire: they share the connection that is kept."""
        first = next(view for view in self._units.values() if view.outputs)
        (write,) = first.options.stop_writes
        return keep_bytes(first.unit, write.table, write.address).hex()

    def stop_descriptor(self) -> int | None:
        return self._wire.fileno() if self._wire else None

    # -- the wire ---------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open, and see that every unit which answers is the one the register map was made for."""
        self._wire = ModbusWire(self._options)
        await self._wire.open()
        self._verified.clear()
        self._refused.clear()
        silent = [view for view in self._units.values() if not await self._is_there(view)]
        if silent and len(silent) == len(self._units):
            raise PeerSilent(unit=silent[0].unit)

    async def _is_there(self, view: UnitView) -> bool:
        try:
            await self._verify(view)
        except PeerSilent:
            return False
        return True

    async def resync(self) -> None:
        for view in self._units.values():
            view.forget()
        await self._poll()

    async def serve(self) -> None:
        while True:
            await self._open_wire().pause(self._options.poll_s)
            await self._poll()

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    def _open_wire(self) -> ModbusWire:
        if self._wire is None:
            raise LinkLost(connection=self._connection, cause="closed")
        return self._wire

    async def _verify(self, view: UnitView) -> None:
        """See that a unit is the one the register map was made for, when it (re)appears."""
        if view.id in self._verified:
            return
        for known in view.options.known_values:
            try:
                await self._compare(view, known)
            except ExceptionAnswer as answer:
                cause = answer.params["cause"]
                if answer.number in NOT_OURS:
                    raise WrongDevice(device=view.id, cause=cause) from answer
                raise PeerSilent(unit=view.unit, cause=cause) from answer
        self._verified.add(view.id)

    async def _compare(self, view: UnitView, known: KnownValue) -> None:
        """Look twice before calling it another device: on a bus the first answer may be late."""
        block = Block(known.place.table, known.place.address, known.place.width)
        for _ in range(2):
            shown = known.place.decode(await self._read(view, block))
            if shown is not None and abs(shown - known.equals) <= abs(known.scale) / 2:
                return
        where = f"{known.table} {known.address}"
        raise WrongDevice(device=view.id, cause=f"{where} is {shown}, not {known.equals:g}")

    async def _read(self, view: UnitView, block: Block) -> list[int]:
        """Read, and ask a busy unit a few times more: reading changes nothing."""
        left = self._options.busy_retries
        while True:
            try:
                return await self._open_wire().read(view.unit, block)
            except ExceptionAnswer as answer:
                if answer.number not in NOT_NOW:
                    raise
                if left == 0:
                    raise PeerSilent(unit=view.unit, cause=answer.params["cause"]) from answer
            left -= 1
            await self._open_wire().pause(self._options.busy_pause_s)

    # -- what it measures -------------------------------------------------------------------

    async def _poll(self) -> None:
        """Every unit once. One that is silent among others is away; all silent: the wire is."""
        heard = False
        for view in self._units.values():
            try:
                await self._look(view)
                heard = True
            except PeerSilent:
                self._verified.discard(view.id)
                for fact in view.away(self._clock.now()):
                    self._emit(fact)
        if not heard:
            raise PeerSilent(connection=self._connection)

    async def _look(self, view: UnitView) -> dict[str, float]:
        """Read all of one unit, tell it, and return the values that are good."""
        await self._verify(view)
        found: dict[Block, Sequence[int] | None] = {}
        for block in view.blocks:
            try:
                found[block] = await self._read(view, block)
            except ExceptionAnswer as answer:
                found[block] = None
                self._tell_refusal(view, block, answer)
            else:
                self._refused.discard((view.id, block))
        values: dict[str, float] = {}
        for fact in view.facts(found, self._clock.now()):
            self._emit(fact)
            if isinstance(fact, Reading) and fact.value is not None:
                values[fact.signal] = fact.value
        return values

    def _tell_refusal(self, view: UnitView, block: Block, answer: ExceptionAnswer) -> None:
        """A unit that does not have what it is asked for is told once, not with every poll."""
        if (view.id, block) in self._refused:
            return
        self._refused.add((view.id, block))
        text = f"{block.table} {block.address}, {answer.params['cause']}"
        self._emit(DeviceMessage(view.id, "message.registers_refused", text, self._clock.now()))

    # -- what it does -----------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
        view = self._units[device]
        if verb == "refresh":
            return c.CommandResult(values=await self._look(view))
        if verb not in view.outputs:
            raise NotSupported(device=device, verb=verb)
        output = view.outputs[verb]
        value = float(args.model_dump()["value"])
        try:
            words = output.place.encode(value)
        except Unrepresentable as error:
            raise BadArguments(verb=verb, key="value", cause=error) from error
        if not await self._set(view, output, words, context.demand):
            raise OutcomeUnknown(device=device, verb=verb, cause=f"{output.name} is not {value:g}")
        shown = output.place.decode(words)
        return c.CommandResult(text=f"{shown:g}", values={output.name: shown or 0.0})

    async def _set(
        self,
        view: UnitView,
        output: OutputOptions,
        words: list[int],
        permit: Callable[[], None] = lambda: None,
    ) -> bool:
        """Write once and read back; False when the value did not show within `confirm_s`."""
        place = output.place
        try:
            write = Write(place.table, place.address, tuple(words))
            await self._open_wire().write(view.unit, write, permit)
        except ExceptionAnswer as answer:
            self._judge_refused_write(view, answer)
        block = Block(place.table, place.address, place.width)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.confirm_s):
                while True:
                    shown = await self._read(view, block)
                    if shown == words:
                        self._emit(view.reading(output, shown, self._clock.now()))
                        return True
                    await self._open_wire().pause(self._options.confirm_every_s)
        return False

    def _judge_refused_write(self, view: UnitView, answer: ExceptionAnswer) -> None:
        """Raise what an exception code says of a write; an acknowledged one goes on by itself."""
        cause = answer.params["cause"]
        match answer.number:
            case 5:
                return
            case 4:
                raise Faulted(device=view.id, cause=cause) from answer
            case 11:
                raise OutcomeUnknown(device=view.id, cause=cause) from answer
            case _:
                raise answer

    async def stop_now(self, device: str) -> c.StopReport:
        return await self.safe_state(device)

    async def safe_state(self, device: str) -> c.StopReport:
        """Every output to its safe value; one that fails does not keep the others from it."""
        view = self._units[device]
        outcome, detail = c.StopOutcome.CONFIRMED, ""
        for output in view.outputs.values():
            words = output.place.encode(output.safe)
            try:
                shown = await self._set(view, output, words)
            except DriverError as error:
                outcome, detail = c.StopOutcome.FAILED, str(error)
                continue
            if not shown and outcome is not c.StopOutcome.FAILED:
                outcome, detail = c.StopOutcome.SENT, f"{output.name} not read back"
        return c.StopReport(device, outcome, detail)
