"""Everything devices can be reached with: held descriptors, warm sockets, HTTP and OPC UA."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from lab_controller.stopper.calls import (
    DescriptorCall,
    HttpCall,
    OpcuaCall,
    OpcuaServer,
    SocketCall,
)
from lab_controller.stopper.means.descriptor import Descriptors
from lab_controller.stopper.means.http_call import HttpAttempt, WarmHttp
from lab_controller.stopper.means.socket_call import WarmSocket
from lab_controller.stopper.means.turns import PLAIN_S, SECURE_S, Turns
from lab_controller.stopper.plans import Plan, Step
from lab_controller.stopper.urgency import settle_memory
from lab_controller.stopper.verdict import Attempt, Settled, failed

if TYPE_CHECKING:
    from lab_controller.stopper.means.opcua_call import OpcuaSession


class Closing(Protocol):
    """Something kept warm that can be given up."""

    async def close(self) -> None:
        """End it."""
        ...


class Reach:
    """Keeps what the present plans need warm, and fires single steps."""

    def __init__(self) -> None:
        self.descriptors = Descriptors()
        self._http: dict[HttpCall, WarmHttp] = {}
        self._sockets: dict[tuple[str, int], WarmSocket] = {}
        self._opcua: dict[OpcuaServer, OpcuaSession] = {}
        self._plain, self._secure = Turns(PLAIN_S), Turns(SECURE_S)

    async def adopt(self, plans: Iterable[Plan]) -> None:
        """Warm up what these plans need; keep what is warm already, close the rest."""
        calls = [step.call for plan in plans for step in plan.steps]
        gone: list[Closing] = [
            *self._adopt_sockets([call for call in calls if isinstance(call, SocketCall)]),
            *self._adopt_http({call for call in calls if isinstance(call, HttpCall)}),
        ]
        by_opcua = {call for call in calls if isinstance(call, OpcuaCall)}
        if by_opcua and MODULE not in sys.modules:
            # Importing asyncua takes longer than a stop may: not on the loop.
            await asyncio.to_thread(importlib.import_module, MODULE)
            settle_memory()
        gone += self._adopt_opcua(by_opcua)
        await asyncio.gather(*(warm.close() for warm in gone))

    def fire(self, device: str, step: Step) -> Attempt:
        """Put one step's message out; nothing is awaited."""
        match step.call:
            case DescriptorCall() as call:
                return self.descriptors.fire(device, step.connection, call)
            case SocketCall() as call if call.address in self._sockets:
                return self._sockets[call.address].fire(call, step.deadline_s)
            case HttpCall() as call if call in self._http:
                return HttpAttempt(self._http[call], step.deadline_s)
            case OpcuaCall() as call if call.server in self._opcua:
                return self._call_method(call)
            case None:
                return Settled(failed("bad_plan", step.problem))
        return Settled(failed("unreachable", "not warmed up yet"))

    def ready(self, step: Step) -> bool:
        """Whether the step's message could go out this moment."""
        match step.call:
            case DescriptorCall():
                return step.connection in self.descriptors.held
            case SocketCall() as call:
                warm = self._sockets.get(call.address)
                return warm is not None and warm.ready
            case HttpCall() as call:
                return call in self._http and self._http[call].ready
            case OpcuaCall() as call:
                session = self._opcua.get(call.server)
                return session is not None and session.ready(call)
        return False

    async def close(self) -> None:
        """Close everything."""
        self.descriptors.release_all()
        await self.adopt([])

    def _adopt_sockets(self, wanted: list[SocketCall]) -> list[WarmSocket]:
        first = {call.address: call for call in reversed(wanted)}
        gone = [
            self._sockets.pop(address)
            for address, warm in list(self._sockets.items())
            if address not in first or not warm.suits(first[address])
        ]
        for address in first.keys() - self._sockets.keys():
            self._sockets[address] = WarmSocket(first[address], self._plain)
        return gone

    def _adopt_http(self, wanted: set[HttpCall]) -> list[WarmHttp]:
        gone = [self._http.pop(call) for call in set(self._http) - wanted]
        for call in wanted - set(self._http):
            self._http[call] = WarmHttp(call, self._plain)
        return gone

    def _adopt_opcua(self, wanted: set[OpcuaCall]) -> list[OpcuaSession]:
        servers = {call.server for call in wanted}
        gone = [self._opcua.pop(server) for server in set(self._opcua) - servers]
        for server in servers:
            if server not in self._opcua:
                self._opcua[server] = self._session(server)
            self._opcua[server].want({call for call in wanted if call.server == server})
        return gone

    def _session(self, server: OpcuaServer) -> OpcuaSession:
        from lab_controller.stopper.means.opcua_call import OpcuaSession

        return OpcuaSession(server, self._secure if server.security else self._plain)

    def _call_method(self, call: OpcuaCall) -> Attempt:
        from lab_controller.stopper.means.opcua_call import OpcuaAttempt

        return OpcuaAttempt(self._opcua[call.server], call)


MODULE = "lab_controller.stopper.means.opcua_call"
