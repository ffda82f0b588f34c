"""Any machine or PLC on OPC UA, configured by a list of its nodes.

It shows what is listed, and does nothing that is not: writing and calling are off until somebody
lists the very setpoint with its limits, or the very method with its arguments. A written value is
read back, and nothing is ever written or called twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, ClassVar

from asyncua import ua
from pydantic import Field, create_model

from equipment_drivers import contract as c
from equipment_drivers.devices.opcua_endpoint import Endpoint, OnEndpoint, Watched
from equipment_drivers.devices.opcua_machine_nodes import MachineNodes, resolve
from equipment_drivers.devices.opcua_machine_options import (
    COUNTER_UNITS,
    MachineDeviceOptions,
    MachineOptions,
    MethodOptions,
    SetpointOptions,
)
from equipment_drivers.devices.opcua_machine_view import MachineView, as_text
from equipment_drivers.devices.opcua_session import our_words
from equipment_drivers.devices.opcua_stop import stopped
from equipment_drivers.errors import (
    BadArguments,
    DriverError,
    Faulted,
    NotSupported,
    OutcomeUnknown,
)

WHOLE = frozenset({"SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"})


@dataclass(slots=True)
class Machine:
    """One configured machine: its picture, its nodes of this session, its commands."""

    options: MachineDeviceOptions
    view: MachineView
    watched: Watched
    setpoints: dict[str, SetpointOptions]
    methods: dict[str, MethodOptions]
    nodes: MachineNodes = field(default_factory=MachineNodes)


class OpcuaMachine(OnEndpoint):
    """One endpoint with one or more machines on it."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="opcua",
        kind="machine_tool",
        connection_options=MachineOptions,
        device_options=MachineDeviceOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
    ) -> None:
        assert isinstance(options, MachineOptions)
        self._options = options
        self._machines: dict[str, Machine] = {}
        for device in devices:
            own = device.options
            assert isinstance(own, MachineDeviceOptions)
            view = MachineView(device.id, own, clock=clock, emit=emit)
            setpoints = {f"set_{one.name}": one for one in own.setpoints}
            methods = {one.name: one for one in own.methods}
            self._machines[device.id] = Machine(own, view, Watched(view), setpoints, methods)
        watched = [machine.watched for machine in self._machines.values()]
        self._endpoint = Endpoint(connection, options, watched, clock=clock, emit=emit)

    # -- what it is -------------------------------------------------------------------------

    def device_spec(self, device: str) -> c.DeviceSpec:
        machine, longest = self._machines[device], self._options.timeout_s
        own = machine.options
        allowed = c.KNOWN if own.state else c.ANY_TIME
        writing, calling = longest + self._options.confirm_s, longest + self._options.start_s
        commands = [
            c.CommandSpec(verb, _value_of(one), c.Effect.ACTUATE, allowed, writing)
            for verb, one in machine.setpoints.items()
        ]
        commands += [
            c.CommandSpec(verb, c.NoArguments, c.Effect.ACTUATE, allowed, calling)
            for verb in machine.methods
        ]
        signals = [
            c.SignalSpec(name, COUNTER_UNITS[name], own.max_age_s, 0 if "parts" in name else 2)
            for name in own.counters
        ]
        signals += [
            c.SignalSpec(one.name, one.unit, one.max_age_s, one.precision) for one in own.signals
        ]
        return c.DeviceSpec(
            device=device,
            kind="machine_tool",
            commands={command.verb: command for command in commands},
            signals={signal.name: signal for signal in signals},
            moves=own.moves,
        )

    def stop_plan(self, device: str) -> c.StopPlan:
        """The configured method; known once the machine has been seen."""
        machine = self._machines[device]
        stop, found = machine.options.stop, machine.nodes.stop
        if stop is None or found is None:
            moves = machine.options.moves
            means = "stop.means.machine_without_method" if moves else "stop.means.none"
            return c.StopPlan(device, means)
        shown = (stop.confirm.node, stop.confirm.equals) if stop.confirm else None
        step = self._endpoint.stop_step(stop.object, found.method, shown)
        return c.StopPlan(device, "stop.means.machine", (step,))

    # -- the wire ---------------------------------------------------------------------------

    async def connect(self) -> None:
        tree = await self._endpoint.open()
        for machine in self._machines.values():
            with our_words(self._options.url):
                machine.nodes = await resolve(tree, machine.options)
            machine.view.doubted = machine.nodes.doubted
            machine.watched.found(machine.nodes.values)

    # -- what it does -----------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
        machine = self._machines[device]
        if verb in machine.setpoints:
            value = float(getattr(args, "value", float("nan")))
            return await self._set(machine, verb, value, context)
        if verb in machine.methods:
            return await self._do(machine, verb, context)
        raise NotSupported(device=device, verb=verb)

    async def _set(
        self, machine: Machine, verb: str, value: float, context: c.CommandContext
    ) -> c.CommandResult:
        """Write once, then read until it is so."""
        one = machine.setpoints[verb]
        target = machine.nodes.setpoints.get(one.name)
        if target is None:
            raise NotSupported(device=machine.view.device, verb=verb)
        if not one.min <= value <= one.max:
            raise BadArguments(verb=verb, key="value", cause=f"{one.min:g}–{one.max:g}")
        raw = typed(value / one.scale, target.kind, verb)
        session = self._endpoint.session
        context.demand()
        await session.write(verb, target.node, ua.Variant(raw, target.kind))
        back: float | None = None
        try:
            async with asyncio.timeout(self._options.confirm_s):
                while back is None or abs(back * one.scale - value) > one.tolerance:
                    if back is not None:
                        await asyncio.sleep(self._options.confirm_every_s)
                    (sample,) = await session.read([target.node])
                    back = float("inf") if sample.number is None else sample.number
        except TimeoutError as error:
            raise OutcomeUnknown(verb=verb, cause=f"reads {back}") from error
        return c.CommandResult(text=f"{value:g} {one.unit}", values={one.name: back * one.scale})

    async def _do(self, machine: Machine, verb: str, context: c.CommandContext) -> c.CommandResult:
        """Call once; an effect that is announced and does not come is a fault of the machine."""
        found = machine.nodes.methods.get(verb)
        if found is None:
            raise NotSupported(device=machine.view.device, verb=verb)
        session, view, wanted = self._endpoint.session, machine.view, machine.methods[verb].reaches
        context.demand()
        await session.call(found.object, found.method)
        done = wanted is None or await view.reaches(
            lambda: view.operation is wanted, self._options.start_s
        )
        if not done:
            raise Faulted(device=view.device, cause=f"{verb}: never {wanted}")
        return c.CommandResult(text=view.operation, values={"state": view.operation})

    async def stop_now(self, device: str) -> c.StopReport:
        machine = self._machines[device]
        stop = machine.nodes.stop
        if stop is None:
            return c.StopReport(device, c.StopOutcome.FAILED, "no stop method")
        return await stopped(
            device,
            lambda: self._endpoint.session.call(stop.object, stop.method),
            lambda: self._seen_stopped(machine),
            self._options.stop_deadline_s,
        )

    async def _seen_stopped(self, machine: Machine) -> bool:
        stop, node = machine.options.stop, machine.nodes.stopped
        if stop is None or stop.confirm is None or node is None:
            return False
        wanted = {as_text(value) for value in stop.confirm.equals}
        try:
            async with asyncio.timeout(self._options.stop_deadline_s):
                while True:
                    (sample,) = await self._endpoint.session.read([node])
                    if as_text(sample.value) in wanted:
                        return True
                    await asyncio.sleep(self._options.confirm_every_s)
        except (DriverError, TimeoutError):
            return False  # the report says SENT: nobody saw it stop

    async def safe_state(self, device: str) -> c.StopReport:
        """Stop it, then write every `rest`; what fails keeps nothing else from being tried.

        A machine nobody can command rests already.
        """
        machine = self._machines[device]
        report = c.StopReport(device, c.StopOutcome.CONFIRMED)
        if machine.methods or machine.nodes.stop is not None:
            report = await self.stop_now(device)
        faults: list[str] = []
        for verb, one in machine.setpoints.items():
            try:
                if one.rest is not None:
                    await self._set(machine, verb, one.rest, c.CommandContext("rest", None))
            except DriverError as error:
                faults.append(str(error))
        if faults:
            return c.StopReport(device, c.StopOutcome.FAILED, "; ".join(faults))
        return report


def _value_of(one: SetpointOptions) -> type[c.Arguments]:
    """Arguments with the setpoint's limits, so that forms know them."""
    limits: Any = (float, Field(ge=one.min, le=one.max, description=one.unit))
    model: type[c.Arguments] = create_model(f"Set_{one.name}", __base__=c.Arguments, value=limits)
    return model


def typed(value: float, kind: ua.VariantType, verb: str) -> bool | int | float:
    """A number as the node's type. Raises BadArguments where it is not one of that type."""
    if kind == ua.VariantType.Boolean and value in (0.0, 1.0):
        return bool(value)
    if kind.name in WHOLE and value.is_integer():
        return int(value)
    if kind in (ua.VariantType.Float, ua.VariantType.Double):
        return value
    raise BadArguments(verb=verb, key="value", cause=f"{value:g}: {kind.name}")
