"""The OPC UA server of the cobot: one life from boot to power-off, its values and its methods."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from asyncua import Server, ua
from asyncua.common.connection import TransportLimits

from hardware_sim.opcua_cobot_nodes import (
    APPLICATION_URI,
    LIVE_PATHS,
    METHODS,
    STATE_IDS,
    AddressSpace,
    node_id,
    status_code,
)
from hardware_sim.opcua_cobot_tree import build

CLOCK_PERIOD_S = 1.0
# the defaults let one unknown peer fill 100 MB
LIMITS = TransportLimits(
    max_recv_buffer=65535, max_send_buffer=65535, max_chunk_count=64, max_message_size=4 << 20
)
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
    """Serves the address space on a free port of 127.0.0.1; all its times are lab times."""

    def __init__(self, call: Call, lab_now: Callable[[], datetime]) -> None:
        self._call = call
        self._lab_now = lab_now
        self._server = Server()
        self._space = AddressSpace({})
        self._clock: asyncio.Task[None] | None = None

    async def start(self, seed: int, serial: str, public_url: str) -> int:
        """Boot and listen; returns the port, which is not the one of the public URL."""
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        server = self._server
        await server.init()
        await server.set_application_uri(APPLICATION_URI)
        server.product_uri, server.name = "urn:machikoba:sim:cobot:product", "MK-C2"
        server.set_endpoint(public_url)
        server.socket_address = ("127.0.0.1", 0)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        server.set_force_server_timestamp(False)
        server.disable_clock()
        server.limits = LIMITS
        self._space = await build(server, seed, serial)
        for name, method in self._space.methods.items():
            server.iserver.isession.add_method_callback(method, self._method(name))
        booted = self._lab_now()
        for path, variable in self._space.values.items():
            value = ua.Variant(variable.value, variable.wire)
            await self._write(self._space.nodes[path], _stamped(value, booted))
        await server.start()
        await self._tell_time(booted, StartTime=booted)
        self._clock = asyncio.get_running_loop().create_task(self._run_clock())
        assert server.bserver is not None
        return int(server.bserver.port)

    async def stop(self) -> None:
        """Take the server away; its sessions and subscriptions are gone with it."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        await self._server.stop()

    async def publish(self, name: str, value: Value, at: datetime, bad: str = "") -> None:
        """Write a live value with its source time; `bad` names a status code instead."""
        if bad:
            code = status_code(getattr(ua.StatusCodes, bad))
            await self._write(self._space.live[name], _stamped(ua.Variant(None), at, code))
            return
        if name in _MACHINES:
            await self._publish_state(name, str(value), at)
            return
        wire = self._space.values[LIVE_PATHS[name]].wire
        await self._write(self._space.live[name], _stamped(ua.Variant(value, wire), at))

    async def _publish_state(self, name: str, state: str, at: datetime) -> None:
        """A state and the id of its node; an empty state is the Bad_StateNotActive of Part 16."""
        if not state:
            for key in (name, f"{name}.Id"):
                await self.publish(key, None, at, bad="BadStateNotActive")
            return
        state_id = self._space.known(STATE_IDS[_MACHINES[name], state])
        text = ua.Variant(ua.LocalizedText(state, "en"), ua.VariantType.LocalizedText)
        number = ua.Variant(state_id, ua.VariantType.NodeId)
        await self._write(self._space.live[f"{name}.Id"], _stamped(number, at))
        await self._write(self._space.live[name], _stamped(text, at))

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

    async def _run_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_PERIOD_S)
            await self._tell_time(self._lab_now())

    async def _tell_time(self, now: datetime, **more: datetime) -> None:
        """Put lab time into ServerStatus and its single variables."""
        times = {"CurrentTime": now, **more}
        node = self._server.get_node(node_id(ua.ObjectIds.Server_ServerStatus))
        status = await node.read_value()
        for name, time in times.items():
            setattr(status, name, time)
            single = node_id(getattr(ua.ObjectIds, f"Server_ServerStatus_{name}"))
            value = ua.Variant(time, ua.VariantType.DateTime)
            await self._write(single, _stamped(value, now))
        value = ua.Variant(status, ua.VariantType.ExtensionObject)
        await self._write(node.nodeid, _stamped(value, now))


def _stamped(value: ua.Variant, at: datetime, status: ua.StatusCode | None = None) -> ua.DataValue:
    times = {"SourceTimestamp": at, "ServerTimestamp": at}
    return ua.DataValue(value, status or ua.StatusCode(), **times)  # type: ignore[arg-type]


def _result(code: int) -> ua.CallMethodResult:
    """What a call is answered: on Good the output argument Status is 0."""
    result = ua.CallMethodResult()
    result.StatusCode = status_code(code)
    if code == ua.StatusCodes.Good:
        result.OutputArguments = [ua.Variant(0, ua.VariantType.Int32)]
    return result
