"""Stop by an OPC UA method call, over a warm client session of the stopper's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from asyncua import Client, Node, ua

from lab_controller.stopper.calls import BrowsePath, OpcuaCall, OpcuaServer
from lab_controller.stopper.means.opcua_client import client_of
from lab_controller.stopper.means.turns import LONGEST_PAUSE_S, Pauses, Turns, pause
from lab_controller.stopper.verdict import CONFIRMED, SENT, Outcome, Verdict, failed

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
POLL_S = 0.02
RETRY_S = 0.1

FAULTS = (OSError, ua.UaError, ValueError)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The nodes of one call on the present connection."""

    object: Node
    method: Node
    state: Node | None


class OpcuaSession:
    """One endpoint: connected, watched, its nodes resolved; reconnects in the background."""

    def __init__(self, server: OpcuaServer, turns: Turns) -> None:
        self._server = server
        self._turns = turns
        self._client: Client | None = None
        self._wanted: set[OpcuaCall] = set()
        self._found: dict[OpcuaCall, Found] = {}
        self._up = asyncio.Event()
        self._stirred = asyncio.Event()
        self._pressed = 0
        self._again = asyncio.Event()
        self._hurry = asyncio.Event()
        self.fault = ""
        self._task = asyncio.create_task(self._keep())

    def want(self, calls: set[OpcuaCall]) -> None:
        """Have the nodes of these calls at hand, and try again now if the server was away."""
        self._wanted = calls
        self._stirred.set()
        self._again.set()

    def ready(self, call: OpcuaCall) -> bool:
        """Whether the call could go out this moment."""
        return self._up.is_set() and call in self._found

    async def nodes(self, call: OpcuaCall) -> Found:
        """The nodes of a call; connects at once, and waits for it. Raises one of FAULTS."""
        self._pressed += 1
        self._hurry.set()
        self._again.set()
        try:
            await self._up.wait()
        finally:
            self._pressed -= 1
        if call in self._found:
            return self._found[call]
        if self._client is None:
            raise ConnectionError(self.fault)
        return await _resolve(self._client, call)

    async def close(self) -> None:
        """End the session and its task."""
        while not self._task.done():
            # Before Python 3.12 one that comes in the moment of a connection is lost in `wait_for`.
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2 * CLOSE_TIMEOUT_S)

    async def _keep(self) -> None:
        pauses, loop = Pauses(), asyncio.get_running_loop()
        while True:
            await self._turns.come(self._hurry)
            began = loop.time()
            self._again.clear()
            try:
                await self._one_connection()
            except FAULTS as fault:
                self.fault = str(fault) or type(fault).__name__
            except Exception as fault:  # whatever a strange server provokes: the way stays warm
                log.exception("stop.internal endpoint=%s", self._server.endpoint)
                self.fault = repr(fault)
            if loop.time() - began > LONGEST_PAUSE_S:
                pauses.reset()
            if self._pressed:
                await asyncio.sleep(RETRY_S)
            else:
                self._hurry.clear()
                await pause(pauses.longer(), self._again)

    async def _one_connection(self) -> None:
        """Connect, resolve, stay until the connection is lost."""
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            with cancelled_plainly():
                client = await client_of(self._server)
        lost: list[Exception] = []

        async def note(fault: Exception) -> None:
            lost.append(fault)
            self._stirred.set()

        client.connection_lost_callback = note
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                with cancelled_plainly():
                    await client.connect()
            self._client = client
            while not lost:
                self._stirred.clear()
                await self._resolve_missing(client)
                self._up.set()
                await self._stirred.wait()
            raise ConnectionError(str(lost[0]))
        finally:
            self._up.clear()
            self._client = None
            self._found.clear()
            await _disconnect(client)

    async def _resolve_missing(self, client: Client) -> None:
        for call in self._wanted - set(self._found):
            try:
                self._found[call] = await _resolve(client, call)
            except (ua.UaStatusCodeError, ValueError) as fault:
                self.fault = str(fault)  # tried again when the stop is pressed


@contextmanager
def cancelled_plainly() -> Iterator[None]:
    """Let a deadline round a request see its own cancelling.

    Where an answer comes in the moment of the cancelling, the library raises a subclass of
    CancelledError (wait_for2, before Python 3.12), which `asyncio.timeout` there takes for
    somebody else's: a task that keeps a way warm would end without a word.
    """
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if type(cancelled) is asyncio.CancelledError:
            raise
        raise asyncio.CancelledError from cancelled


async def _disconnect(client: Client) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            with cancelled_plainly():
                await client.disconnect()
    except FAULTS:
        client.disconnect_socket()


async def _resolve(client: Client, call: OpcuaCall) -> Found:
    namespaces = await client.get_namespace_array()
    base = await _descend(client.nodes.objects, call.object, namespaces)
    method = await _descend(base, (call.method,), namespaces)
    state = None
    if call.confirm is not None:
        state = await _descend(client.nodes.objects, call.confirm.path, namespaces)
    return Found(base, method, state)


async def _descend(start: Node, path: BrowsePath, namespaces: list[str]) -> Node:
    if not path:
        return start
    names = [ua.QualifiedName(name, namespaces.index(uri)) for uri, name in path]
    return await start.get_child(names)


class OpcuaAttempt:
    """One method call and the reading back of the state."""

    def __init__(self, session: OpcuaSession, call: OpcuaCall) -> None:
        self._session = session
        self._call = call
        self._sent = False
        self._accepted = False
        self._last = ""

    async def proof(self) -> Verdict:
        """The server's answer, then the value it reports."""
        try:
            with cancelled_plainly():
                found = await self._session.nodes(self._call)
                self._sent = True
                await found.object.call_method(found.method.nodeid, *_variants(self._call))
                self._accepted = True
                return await self._confirmation(found)
        except (ua.UaStatusCodeError, ValueError) as fault:
            return failed("rejected", fault)
        except (OSError, ua.UaError) as fault:
            self._last = str(fault) or type(fault).__name__
            return self.at_deadline()

    def at_deadline(self) -> Verdict:
        """How far it came."""
        if self._accepted:
            return Verdict(Outcome.SENT, "not_confirmed", self._last)
        if self._sent:
            return Verdict(Outcome.SENT, "no_reply", self._last)
        return failed("unreachable", self._last or self._session.fault)

    async def _confirmation(self, found: Found) -> Verdict:
        if found.state is None or self._call.confirm is None:
            return SENT
        while True:
            data = await found.state.read_data_value(raise_on_bad_status=False)
            good = data.StatusCode is None or data.StatusCode.is_good()
            value = _plain(data.Value.Value if data.Value else None)
            if good and value in self._call.confirm.equals:
                return CONFIRMED
            self._last = repr(value)
            await asyncio.sleep(POLL_S)


def _variants(call: OpcuaCall) -> list[ua.Variant]:
    """The call's arguments in their types. Raises ValueError for a type OPC UA does not have."""
    try:
        return [ua.Variant(value, ua.VariantType[kind]) for kind, value in call.args]
    except KeyError as fault:
        raise ValueError(f"no variant type {fault}") from fault


def _plain(value: object) -> object:
    """Localised texts and qualified names as their text, the rest as it is."""
    if isinstance(value, ua.LocalizedText):
        return value.Text
    if isinstance(value, ua.QualifiedName):
        return value.Name
    return value
