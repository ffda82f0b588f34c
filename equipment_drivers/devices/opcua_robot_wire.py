"""The OPC UA session to a robot's server: opened once, never revived, errors in our own words.

A lost session is not reconnected by the client library: the connection makes a new one, reads
everything back and subscribes anew, so that nothing old can be carried over.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from asyncua import Client, Node, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from equipment_drivers.devices.opcua_robot_nodes import Method
from equipment_drivers.devices.opcua_robot_options import RobotOptions
from equipment_drivers.devices.opcua_robot_view import Sample, Value
from equipment_drivers.errors import (
    AuthRejected,
    BadOption,
    ConnectFailed,
    LinkLost,
    OutcomeUnknown,
    PeerSilent,
    ProtocolFault,
    Rejected,
)
from equipment_drivers.model import Quality

logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # a loss is told once, by the connection

CLOSE_S = 1.0
NEVER_PROBE_S = 86_400.0
BUFFERED = 20_000
OVERFLOW = 0x0480
"""Info bits of a status code: a value was lost in the server's queue (OPC 10000-4, 7.39)."""

QUALITIES = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)

DENIED = frozenset(
    {
        "BadCertificateUntrusted",
        "BadIdentityTokenInvalid",
        "BadIdentityTokenRejected",
        "BadSecurityChecksFailed",
        "BadUserAccessDenied",
    }
)
SESSION_GONE = frozenset(
    {
        "BadConnectionClosed",
        "BadSecureChannelClosed",
        "BadSecureChannelIdInvalid",
        "BadServerHalted",
        "BadSessionClosed",
        "BadSessionIdInvalid",
        "BadShutdown",
        "BadTooManySessions",
    }
)


class Inbox:
    """Takes notifications as they come and keeps them until somebody reads; counts what it lost."""

    def __init__(self, limit: int = BUFFERED) -> None:
        self._items: deque[tuple[ua.NodeId, Sample]] = deque()
        self._limit = limit
        self._news = asyncio.Event()
        self._ended = ""
        self.lost = 0

    def datachange_notification(self, node: Node, val: Any, data: Any) -> None:
        """Called by the client library for each change; only keeps it."""
        changed = data.monitored_item.Value
        self.lost += overflowed(changed) or len(self._items) >= self._limit
        if len(self._items) < self._limit:
            self._items.append((node.nodeid, sample_of(changed)))
        self._news.set()

    def status_change_notification(self, status: ua.StatusChangeNotification) -> None:
        """Called when the server or the session ends the subscription."""
        self._ended = status.Status.name
        self._news.set()

    async def take(self) -> list[tuple[ua.NodeId, Sample]]:
        """Everything that has come, in order; waits for the first. Raises LinkLost at the end."""
        await self._news.wait()
        items = list(self._items)
        self._items.clear()
        if not self._ended:
            self._news.clear()
        elif not items:
            raise LinkLost(cause=self._ended)
        return items


class RobotWire:
    """One session. Every method raises a WireFault, a SetupFault or what it says."""

    def __init__(self, options: RobotOptions) -> None:
        self._options = options
        self.client = Client(
            options.url,
            timeout=options.timeout_s,
            watchdog_intervall=NEVER_PROBE_S,  # we probe ourselves, with our own deadline
            auto_reconnect=False,
        )
        self.lost = asyncio.Event()
        self.subscribed = False
        self.client.connection_lost_callback = self._note_loss

    async def _note_loss(self, error: Exception) -> None:
        self.lost.set()

    async def open(self) -> list[str]:
        """Connect and log in; returns the namespace array."""
        options, client = self._options, self.client
        with our_words(options.url, connecting=True):
            if options.user is not None:
                client.set_user(options.user)
                client.set_password(options.read_password())
            if options.security != "none":
                await self._secure()
            await client.connect()
            return list(await client.get_namespace_array())

    async def _secure(self) -> None:
        certificate, key = self._options.certificate_file, self._options.key_file
        assert certificate is not None
        assert key is not None
        for path in (certificate, key):
            if not path.exists():
                raise BadOption(option="certificate_file, key_file", cause=f"no file {path}")
        await self.client.set_security(SecurityPolicyBasic256Sha256, certificate, key)

    async def started(self) -> datetime | None:
        """When the server last started."""
        node = self.client.get_node(f"i={ua.ObjectIds.Server_ServerStatus_StartTime}")
        with our_words(self._options.url):
            return aware(await node.read_value())

    async def read(self, nodes: Sequence[Node]) -> list[Sample]:
        """The values of many nodes in one request."""
        if not nodes:
            return []
        with our_words(self._options.url):
            return [sample_of(data) for data in await self.client.read_attributes(nodes)]

    async def probe(self, nodes: Sequence[Node], within_s: float) -> list[Sample]:
        """`read`, and the server's state with it; PeerSilent when it takes too long."""
        state = self.client.get_node(f"i={ua.ObjectIds.Server_ServerStatus_State}")
        try:
            async with asyncio.timeout(within_s):
                server, *samples = await self.read([state, *nodes])
        except TimeoutError as error:
            raise PeerSilent(url=self._options.url) from error
        if server.value != ua.ServerState.Running.value:
            raise LinkLost(cause=f"server state {server.value}")
        return samples

    async def subscribe(self, inbox: Inbox, nodes: Sequence[Node], ms: float, queue: int) -> None:
        """Have each change of these nodes put into the inbox."""
        self.subscribed = True
        if not nodes:
            return
        with our_words(self._options.url):
            subscription = await self.client.create_subscription(ms, inbox)
            results = await subscription.subscribe_data_change(
                list(nodes), queuesize=queue, sampling_interval=ua.Double(ms / 2)
            )
        refused = [str(result) for result in results if isinstance(result, ua.StatusCode)]
        if refused:
            raise ProtocolFault(url=self._options.url, cause=refused[0])

    async def call(self, machine: Node, method: Method, *inputs: ua.Variant) -> None:
        """Call a method; raises Rejected when the server or its Status output refuses.

        No answer in time is OutcomeUnknown: a frozen server has carried out a call seconds later.
        """
        arguments = (*inputs, *method.inputs[len(inputs) :])
        try:
            with our_words(self._options.url):
                answer = await machine.call_method(method.id, *arguments)
        except PeerSilent as error:
            raise OutcomeUnknown(verb=method.name, cause=error.code) from error
        status = answer[0] if isinstance(answer, list) else answer
        if isinstance(status, int) and status != 0:
            raise Rejected(verb=method.name, cause=f"status {status}")

    async def close(self) -> None:
        """Close session and socket; a dead server is not waited for."""
        with suppress(TimeoutError, OSError, ua.UaError):
            async with asyncio.timeout(CLOSE_S):
                await self.client.disconnect()
        self.client.disconnect_socket()


@contextmanager
def our_words(url: str, *, connecting: bool = False) -> Iterator[None]:
    """Turn what the client library raises into errors of this room."""
    try:
        yield
    except ua.UaStatusCodeError as error:
        name = status_name(error)
        if name in DENIED:
            raise AuthRejected(url=url, cause=name) from error
        fault = LinkLost if name in SESSION_GONE else Rejected
        raise fault(url=url, cause=name) from error
    except TimeoutError as error:
        raise PeerSilent(url=url) from error
    except OSError as error:
        lost = ConnectFailed if connecting else LinkLost
        raise lost(url=url, cause=url) from error
    except ua.UaError as error:
        raise ProtocolFault(url=url, cause=str(error)) from error


def status_name(error: ua.UaStatusCodeError) -> str:
    """`BadInvalidState`, say."""
    return str(ua.StatusCode(error.code).name)


def overflowed(data: ua.DataValue) -> bool:
    """Whether the server says that it dropped values before this one."""
    code = data.StatusCode.value if data.StatusCode else 0
    return code & OVERFLOW == OVERFLOW


def sample_of(data: ua.DataValue) -> Sample:
    """A DataValue in our words: plain value, quality from the status code, source time."""
    code = data.StatusCode.value if data.StatusCode else 0
    value = plain(data.Value.Value) if data.Value is not None else None
    quality = Quality.BAD if value is None else QUALITIES[code >> 30]
    return Sample(value, quality, aware(data.SourceTimestamp))


def plain(value: object) -> Value:
    """Localised texts and qualified names as text; numbers, booleans and texts as they are."""
    if isinstance(value, ua.LocalizedText):
        return value.Text
    if isinstance(value, ua.QualifiedName):
        return value.Name
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) else None


def aware(instant: datetime | None) -> datetime | None:
    """OPC UA times are UTC; the library leaves that out."""
    if instant is None:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
