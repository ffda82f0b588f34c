"""The cobot in an OPC UA server: its values and its methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from asyncua import Server, ua

from hardware_sim.opcua_cobot_nodes import (
    LIVE_PATHS,
    METHODS,
    STATE_IDS,
    AddressSpace,
)
from hardware_sim.opcua_cobot_tree import build
from hardware_sim.opcua_words import code_named, stamped, status_code

# what the wire answers to each reason a call is refused for
REFUSALS = {
    "unknown_program": ua.StatusCodes.BadNotFound,
    "state": ua.StatusCodes.BadInvalidState,
    "safety": ua.StatusCodes.BadInvalidState,
}
_MACHINES = {"CurrentState": "ROB:1025", "ReadySubstate": "ROB:1012"} | {
    "MachineryItemState": "MACH:1002"
}

Call = Callable[[str, list[Any]], Awaitable[str]]
Value = Any


class CobotServer:
    """The address space of one life of the cell, in a server that is not yet started."""

    def __init__(self, server: Server, call: Call) -> None:
        self._server, self._call = server, call
        self._space = AddressSpace({})

    async def build(self, seed: int, serial: str, absent: list[str], booted: datetime) -> None:
        """Build everything but what is called as `absent` says, and what is below that."""
        self._space = await build(self._server, seed, serial, absent)
        for name, method in self._space.methods.items():
            self._server.iserver.isession.add_method_callback(method, self._method(name))
        for path, variable in self._space.values.items():
            value = ua.Variant(variable.value, variable.wire)
            await self._write(self._space.nodes[path], stamped(value, booted))

    async def publish(self, name: str, value: Value, at: datetime | None, status: str = "") -> None:
        """Write a live value with its source time; `status` names a status code other than Good."""
        if name not in self._space.live:
            return
        code = code_named(status)
        if code >> 31:
            await self._write(self._space.live[name], stamped(ua.Variant(), at, status_code(code)))
        elif name in _MACHINES:
            await self._publish_state(name, str(value), at)
        else:
            wire = self._space.values[LIVE_PATHS[name]].wire
            data = stamped(ua.Variant(value, wire), at, status_code(code))
            await self._write(self._space.live[name], data)

    async def _publish_state(self, name: str, state: str, at: datetime | None) -> None:
        """A state and the id of its node; an empty state is the Bad_StateNotActive of Part 16."""
        if not state:
            for key in (name, f"{name}.Id"):
                await self.publish(key, None, at, "BadStateNotActive")
            return
        state_id = self._space.known(STATE_IDS[_MACHINES[name], state])
        text = ua.Variant(ua.LocalizedText(state, "en"), ua.VariantType.LocalizedText)
        number = ua.Variant(state_id, ua.VariantType.NodeId)
        await self._write(self._space.live[f"{name}.Id"], stamped(number, at))
        await self._write(self._space.live[name], stamped(text, at))

    async def _write(self, node: ua.NodeId, value: ua.DataValue) -> None:
        await self._server.write_attribute_value(node, value)

    def _method(self, name: str) -> Callable[..., Awaitable[ua.CallMethodResult]]:
        _, inputs = METHODS[name]

        async def called(_: ua.NodeId, *given: ua.Variant) -> ua.CallMethodResult:
            if len(given) < len(inputs):
                return _result(ua.StatusCodes.BadArgumentsMissing)
            if len(given) > len(inputs):
                return _result(ua.StatusCodes.BadTooManyArguments)
            if any(one.VariantType != wire for one, (_, wire) in zip(given, inputs, strict=True)):
                return _result(ua.StatusCodes.BadInvalidArgument)
            refused = await self._call(name, [one.Value for one in given])
            return _result(REFUSALS[refused]) if refused else _result(ua.StatusCodes.Good)

        return called


def _result(code: int) -> ua.CallMethodResult:
    """What a call is answered: on Good the output argument Status is 0."""
    result = ua.CallMethodResult()
    result.StatusCode = status_code(code)
    if code == ua.StatusCodes.Good:
        result.OutputArguments = [ua.Variant(0, ua.VariantType.Int32)]
    return result
