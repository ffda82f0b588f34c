"""Everything devices can be reached with: held descriptors, warm HTTP, warm OPC UA sessions."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lab_controller.stopper.means.descriptor import Descriptors
from lab_controller.stopper.means.http_call import HttpAttempt, WarmHttp
from lab_controller.stopper.plans import DescriptorCall, HttpCall, OpcuaCall, Plan, Step
from lab_controller.stopper.verdict import Attempt, Settled, failed

if TYPE_CHECKING:
    from lab_controller.stopper.means.opcua_call import OpcuaSession


class Reach:
    """Keeps what the present plans need warm, and fires single steps."""

    def __init__(self) -> None:
        self.descriptors = Descriptors()
        self._http: dict[HttpCall, WarmHttp] = {}
        self._opcua: dict[str, OpcuaSession] = {}

    async def adopt(self, plans: Iterable[Plan]) -> None:
        """Warm up what these plans need; keep what is warm already, close the rest."""
        calls = [step.call for plan in plans for step in plan.steps]
        await self._adopt_http({call for call in calls if isinstance(call, HttpCall)})
        await self._adopt_opcua({call for call in calls if isinstance(call, OpcuaCall)})

    def fire(self, device: str, step: Step) -> Attempt:
        """Put one step's message out; nothing is awaited."""
        match step.call:
            case DescriptorCall() as call:
                return self.descriptors.fire(device, step.connection, call)
            case HttpCall() as call if call in self._http:
                return HttpAttempt(self._http[call], step.deadline_s)
            case OpcuaCall() as call if call.endpoint in self._opcua:
                return self._call_method(call)
            case None:
                return Settled(failed("bad_plan", step.problem))
        return Settled(failed("unreachable", "not warmed up yet"))

    def ready(self, step: Step) -> bool:
        """Whether the step's message could go out this moment."""
        match step.call:
            case DescriptorCall():
                return step.connection in self.descriptors.held
            case HttpCall() as call:
                return call in self._http and self._http[call].ready
            case OpcuaCall() as call:
                session = self._opcua.get(call.endpoint)
                return session is not None and session.ready(call)
        return False

    async def close(self) -> None:
        """Close everything."""
        self.descriptors.release_all()
        await self.adopt([])

    async def _adopt_http(self, wanted: set[HttpCall]) -> None:
        gone = [self._http.pop(call) for call in set(self._http) - wanted]
        for call in wanted - set(self._http):
            self._http[call] = WarmHttp(call)
        for warm in gone:
            await warm.close()

    async def _adopt_opcua(self, wanted: set[OpcuaCall]) -> None:
        endpoints = {call.endpoint for call in wanted}
        gone = [self._opcua.pop(endpoint) for endpoint in set(self._opcua) - endpoints]
        if endpoints:
            # Importing asyncua takes longer than a stop may: not on the loop.
            await asyncio.to_thread(importlib.import_module, MODULE)
            from lab_controller.stopper.means.opcua_call import OpcuaSession

            for endpoint in endpoints:
                if endpoint not in self._opcua:
                    self._opcua[endpoint] = OpcuaSession(endpoint)
                self._opcua[endpoint].want({call for call in wanted if call.endpoint == endpoint})
        for session in gone:
            await session.close()

    def _call_method(self, call: OpcuaCall) -> Attempt:
        from lab_controller.stopper.means.opcua_call import OpcuaAttempt

        return OpcuaAttempt(self._opcua[call.endpoint], call)


MODULE = "lab_controller.stopper.means.opcua_call"
