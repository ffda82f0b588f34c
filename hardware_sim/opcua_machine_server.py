"""The address space of the simulated lathe: what an ordinary PLC shows, in its own namespace."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncua import Server, ua

from hardware_sim.opcua_words import code_named, node_id, stamped, status_code

URI = "urn:machikoba:sim:plc"
OTHER_URIS = ("urn:machikoba:sim:plc:diagnostics", "urn:machikoba:sim:plc:recipes")
APPLICATION_URI = "urn:machikoba:sim:plc:server"
UNITS_URI = "http://www.opcfoundation.org/UA/units/un/cefact"
V = ua.VariantType


@dataclass(frozen=True, slots=True)
class Variable:
    """First value, type, UNECE code and shown text of the unit."""

    value: object
    wire: V
    unit: tuple[str, str] | None = None
    writable: bool = False


VARIABLES = {
    "State": Variable(0, V.Int32),
    "SpindleSpeed": Variable(0.0, V.Double, ("RPM", "1/min")),
    "SpindleLoad": Variable(0.0, V.Float, ("P1", "%")),
    "DoorClosed": Variable(True, V.Boolean),
    "Program": Variable("O0001 FLANGE", V.String),
    "PartsTotal": Variable(0, V.UInt32),
    "LastCycleTime": Variable(0.0, V.Double, ("SEC", "s")),
    "PowerDraw": Variable(0.0, V.Double, ("KWT", "kW")),
    "Alarm": Variable("", V.String),
    "FeedOverride": Variable(100.0, V.Double, ("P1", "%"), writable=True),
    "Coolant": Variable(False, V.Boolean, writable=True),
}
# method: its input argument, where it has one
METHODS = {"StartCycle": None, "StopCycle": ("Mode", V.Int32)}

Called = Callable[[str, list[Any]], Awaitable[int]]
Written = Callable[[str, Any], bool]
"""Name and value; False: the machine does not take it, whatever the server answered."""


class LatheServer:
    """The lathe's nodes in a server that is not yet started."""

    def __init__(self, server: Server, called: Called, written: Written) -> None:
        self._server, self._called, self._written = server, called, written
        self._nodes: dict[str, ua.NodeId] = {}

    async def build(self, seed: int, absent: list[str], booted: datetime) -> None:
        """Build everything that is not `absent`; namespaces are in an order of the seed."""
        uris = [URI, *OTHER_URIS]
        random.Random(f"namespaces {seed}").shuffle(uris)
        indices = {uri: await self._server.register_namespace(uri) for uri in uris}
        index = indices[URI]
        machine = await self._server.nodes.objects.add_object(
            node_id("Machine", index), ua.QualifiedName("Machine", index)
        )
        for name, one in VARIABLES.items():
            if name not in absent:
                await self._variable(machine, name, one, index, booted)
        for name, argument in METHODS.items():
            if name not in absent:
                inputs = [_argument(*argument)] if argument else []
                await machine.add_method(
                    node_id(f"Machine.{name}", index),
                    ua.QualifiedName(name, index),
                    self._method(name, len(inputs)),
                    inputs,
                    [],
                )

    async def _variable(
        self, machine: Any, name: str, one: Variable, index: int, booted: datetime
    ) -> None:
        node = await machine.add_variable(
            node_id(f"Machine.{name}", index), ua.QualifiedName(name, index), one.value, one.wire
        )
        self._nodes[name] = node.nodeid
        if one.unit is not None:
            unit = ua.EUInformation()
            unit.NamespaceUri = UNITS_URI
            unit.UnitId = int.from_bytes(one.unit[0].encode("ascii"), "big")
            unit.DisplayName = ua.LocalizedText(one.unit[1], "en")
            name_of_unit = ua.QualifiedName("EngineeringUnits", 0)
            await node.add_property(node_id(f"Machine.{name}.EU", index), name_of_unit, unit)
        await self._write(name, stamped(ua.Variant(one.value, one.wire), booted))
        if one.writable:
            await node.set_writable()
            self._server.set_attribute_value_setter(node.nodeid, self._setter(name))

    def _setter(self, name: str) -> Callable[..., None]:
        """What a client writes goes to the machine, which may not take it."""

        def write(data: Any, attribute: ua.AttributeIds, value: ua.DataValue) -> None:
            assert value.Value is not None
            if self._written(name, value.Value.Value):
                data.attributes[attribute].value = value

        return write

    def _method(self, name: str, inputs: int) -> Callable[..., Awaitable[ua.CallMethodResult]]:
        async def called(_: ua.NodeId, *given: ua.Variant) -> ua.CallMethodResult:
            result = ua.CallMethodResult()
            code = ua.StatusCodes.BadArgumentsMissing
            if len(given) == inputs:
                code = await self._called(name, [one.Value for one in given])
            result.StatusCode = status_code(code)
            return result

        return called

    async def publish(self, name: str, value: Any, at: datetime | None, status: str = "") -> None:
        """Write a value with its source time; `status` names a status code other than Good."""
        if name not in self._nodes:
            return
        code = code_named(status)
        variant = ua.Variant() if code >> 31 else ua.Variant(value, VARIABLES[name].wire)
        await self._write(name, stamped(variant, at, status_code(code)))

    async def _write(self, name: str, value: ua.DataValue) -> None:
        await self._server.write_attribute_value(self._nodes[name], value)


def _argument(name: str, wire: V) -> ua.Argument:
    argument = ua.Argument()
    argument.Name = name
    argument.DataType = node_id(wire.value)
    argument.ValueRank = ua.ValueRank.Scalar
    return argument
