"""An OPC UA session: opened once, never revived, errors in our own words.

A lost session is not reconnected by the client library: the connection makes a new one, reads
everything back and subscribes anew, so that nothing old can be carried over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from asyncua import Client, Node, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties

from equipment_drivers.devices.opcua_inbox import Inbox
from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_security import demand_trust, first_of_chain, read_pair
from equipment_drivers.devices.opcua_tree import Method
from equipment_drivers.devices.opcua_values import Sample, aware, sample_of
from equipment_drivers.errors import (
    AuthRejected,
    BadOption,
    CertificateRefused,
    ConnectFailed,
    DriverError,
    LinkLost,
    OutcomeUnknown,
    PeerSilent,
    PortBusy,
    ProtocolFault,
    Rejected,
)

logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # a loss is told once, by the connection

NEVER_PROBE_S = 86_400.0

DENIED = frozenset(
    {
        "BadApplicationSignatureInvalid",
        "BadIdentityTokenInvalid",
        "BadIdentityTokenRejected",
        "BadSecurityChecksFailed",
        "BadSecurityModeRejected",
        "BadSecurityPolicyRejected",
        "BadUserAccessDenied",
        "BadUserSignatureInvalid",
    }
)
"""And every BadCertificate…: trying again cannot help, and some servers lock the account."""

SESSION_GONE = frozenset(
    {
        "BadConnectionClosed",
        "BadSecureChannelClosed",
        "BadSecureChannelIdInvalid",
        "BadServerHalted",
        "BadSessionClosed",
        "BadSessionIdInvalid",
        "BadSessionNotActivated",
        "BadShutdown",
        "BadSubscriptionIdInvalid",
    }
)
UNDECIDED = frozenset(
    {
        "BadCommunicationError",
        "BadNoCommunication",
        "BadRequestCancelledByClient",
        "BadRequestInterrupted",
        "BadRequestTimeout",
        "BadTimeout",
        "BadWaitingForResponse",
    }
)
"""A server in front of a controller says so when it had no answer itself (OPC 10000-4, 7.39)."""

FULL = frozenset({"BadTooManySessions", "BadTooManySubscriptions", "BadTooManyOperations"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the server says of itself when we log in."""

    namespaces: list[str]
    started: datetime | None
    now: datetime | None


@dataclass(frozen=True, slots=True)
class Limit:
    """How many nodes one request may name (OPC 10000-5, 6.3.11); 0: any number."""

    read: int = 0
    monitor: int = 0


class Session:
    """One session. Every method raises a WireFault, a SetupFault or what it says."""

    def __init__(self, options: OpcuaOptions) -> None:
        self._options = options
        self.client = Client(
            options.url,
            timeout=options.timeout_s,
            watchdog_intervall=NEVER_PROBE_S,  # we probe ourselves, with our own deadline
            auto_reconnect=False,
        )
        self.client.session_timeout = int(options.session_timeout_s * 1000)
        self.client.name = self.client.description = "Machikoba DX Lab"
        self.client.connection_lost_callback = self._note_loss
        self.lost = asyncio.Event()
        self.subscribed = False
        self.publishing_s = 0.0
        self.expires: dict[str, datetime] = {}
        self.password = ""
        self._limit = Limit()

    async def _note_loss(self, error: Exception) -> None:
        self.lost.set()

    async def open(self) -> Standing:
        """Connect and log in."""
        options, client = self._options, self.client
        if options.user is not None:
            self.password = await asyncio.to_thread(options.read_password)
            client.set_user(options.user)
            client.set_password(self.password)
        with our_words(options.url, connecting=True):
            if options.security != "none":
                await self._secure()
            try:
                await client.connect()
            except ua.UaStatusCodeError:
                raise
            except ua.UaError:
                await self._offered()  # says so where our policy is not among them
                raise
            return await self._look_around()

    async def _offered(self) -> ua.EndpointDescription:
        """The server's endpoint that fits our options. Raises BadOption."""
        options = self._options
        asking = Client(options.url, timeout=options.timeout_s)
        try:
            return wanted(await asking.connect_and_get_server_endpoints(), options)
        finally:
            asking.disconnect_socket()

    async def _secure(self) -> None:
        """Show our certificate, and see whether the server's own is trusted, before any secret."""
        options = self._options
        assert options.certificate_file is not None
        assert options.private_key_file is not None
        assert options.trust_dir is not None
        own = await asyncio.to_thread(read_pair, options.certificate_file, options.private_key_file)
        shown = first_of_chain((await self._offered()).ServerCertificate or b"")
        self.expires["server"] = await asyncio.to_thread(
            demand_trust, shown, options.trust_dir, options.url
        )
        self.expires["client"] = own.expires
        self.client.application_uri = own.uri
        await self.client.set_security(
            SecurityPolicyBasic256Sha256,
            CertProperties(own.certificate, "der"),
            CertProperties(own.key, "pem"),
            server_certificate=CertProperties(shown, "der"),
            mode=ua.MessageSecurityMode[options.security_mode],
        )

    async def _look_around(self) -> Standing:
        ids = ua.ObjectIds
        limits = "Server_ServerCapabilities_OperationLimits_MaxNodesPerRead"
        items = "Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall"
        asked = (
            ids.Server_NamespaceArray,
            ids.Server_ServerStatus_StartTime,
            ids.Server_ServerStatus_CurrentTime,
            getattr(ids, limits),
            getattr(ids, items),
        )
        nodes = [self.client.get_node(f"i={one}") for one in asked]
        told = await self.client.read_attributes(nodes)
        values = [data.Value.Value if data.Value is not None else None for data in told]
        spaces, started, now, *limit = values
        self._limit = Limit(*(int(one or 0) for one in limit))
        return Standing(list(spaces or ()), aware(started), aware(now))

    @property
    def most_nodes(self) -> int:
        """How many nodes a request may name; 0: any number."""
        return self._limit.read

    @property
    def probe_s(self) -> float:
        """How often to probe: our interval, or oftener where the session would else run out."""
        return min(self._options.watchdog_s, self.client.session_timeout / 3000)

    async def read(self, nodes: Sequence[Node]) -> list[Sample]:
        """The values of many nodes, in as few requests as the server allows."""
        return [sample_of(data) for data in await self._attributes(nodes)]

    async def _attributes(self, nodes: Sequence[Node]) -> list[ua.DataValue]:
        found: list[ua.DataValue] = []
        with our_words(self._options.url):
            for some in chunks(nodes, self._limit.read):
                found += await self.client.read_attributes(some)
        return found

    async def probe(self, nodes: Sequence[Node], within_s: float) -> list[Sample]:
        """`read`, and the server's state with it; PeerSilent when it takes too long."""
        state = self.client.get_node(f"i={ua.ObjectIds.Server_ServerStatus_State}")
        try:
            async with asyncio.timeout(within_s):
                server, *samples = await self.read([state, *nodes])
        except TimeoutError as error:
            raise PeerSilent(url=self._options.url) from error
        if server.value != ua.ServerState.Running.value:
            raise LinkLost(url=self._options.url, cause=f"server state {server.value}")
        return samples

    async def subscribe(self, inbox: Inbox, nodes: Sequence[Node], ms: float, queue: int) -> None:
        """Have each change of these nodes put into the inbox."""
        self.subscribed = True
        if not nodes:
            return
        with our_words(self._options.url):
            subscription = await self.client.create_subscription(ms, inbox)
            revised = float(subscription.parameters.RequestedPublishingInterval)
            self.publishing_s = max(self.publishing_s, revised / 1000)
            refused: list[str] = []
            for some in chunks(nodes, self._limit.monitor):
                results = await subscription.subscribe_data_change(
                    list(some), queuesize=queue, sampling_interval=ua.Double(ms / 2)
                )
                refused += [one.name for one in results if isinstance(one, ua.StatusCode)]
        if refused:
            raise ProtocolFault(url=self._options.url, cause=refused[0])

    async def call(self, machine: Node, method: Method, *inputs: ua.Variant) -> None:
        """Call a method; raises Rejected when the server or its Status output refuses.

        No answer in time is OutcomeUnknown: a frozen server has carried out a call seconds later.
        """
        arguments = (*inputs, *method.inputs[len(inputs) :])
        with acting(method.name), our_words(self._options.url):
            answer = await machine.call_method(method.id, *arguments)
        status = answer[0] if isinstance(answer, list) and answer else answer
        if isinstance(status, int) and status != 0:
            raise Rejected(verb=method.name, cause=f"status {status}")

    async def write(self, verb: str, node: Node, value: ua.Variant) -> None:
        """Write one value, once; raises Rejected or OutcomeUnknown as `call` does."""
        with acting(verb), our_words(self._options.url):
            await node.write_attribute(ua.AttributeIds.Value, ua.DataValue(value))

    async def close(self) -> None:
        """Close session and socket, so that the server is free; a dead one is not waited for."""
        with suppress(TimeoutError, OSError, ua.UaError):
            async with asyncio.timeout(self._options.close_s):
                with cancelled_plainly():
                    await self.client.disconnect()
        self.client.disconnect_socket()


def wanted(
    offered: Sequence[ua.EndpointDescription], options: OpcuaOptions
) -> ua.EndpointDescription:
    """The endpoint with our policy in our mode. Raises BadOption naming what there is."""
    mine = "None/None_"
    if options.security != "none":
        mine = f"{options.security}/{options.security_mode}"
    there: dict[str, ua.EndpointDescription] = {}
    for one in offered:
        policy = one.SecurityPolicyUri.rpartition("#")[2]
        there.setdefault(f"{policy}/{one.SecurityMode.name}", one)
    if mine not in there:
        cause = f"offered: {', '.join(sorted(there)) or '-'}"
        raise BadOption(option="security", url=options.url, cause=cause)
    return there[mine]


def chunks(nodes: Sequence[Node], size: int) -> Iterator[Sequence[Node]]:
    """At most `size` nodes at a time; 0: all."""
    step = size or max(1, len(nodes))
    return (nodes[start : start + step] for start in range(0, len(nodes), step))


@contextmanager
def our_words(url: str, *, connecting: bool = False) -> Iterator[None]:
    """Turn what the client library raises into errors of this room."""
    try:
        with cancelled_plainly():
            yield
    except DriverError:
        raise
    except ua.UaStatusCodeError as error:
        name = status_name(error)
        if name.startswith("BadCertificate"):
            raise CertificateRefused(url=url, cause=name) from error
        if name in DENIED:
            raise AuthRejected(url=url, cause=name) from error
        if name in FULL:
            raise PortBusy(port=url, url=url, cause=name) from error
        lost = connecting or name in SESSION_GONE
        raise (LinkLost if lost else Rejected)(url=url, cause=name) from error
    except TimeoutError as error:
        raise PeerSilent(url=url) from error
    except OSError as error:
        cut = ConnectFailed if connecting else LinkLost
        raise cut(url=url, cause=url) from error
    except Exception as error:  # a garbled answer makes the library raise anything
        raise ProtocolFault(url=url, cause=f"{type(error).__name__} {error}") from error


@contextmanager
def cancelled_plainly() -> Iterator[None]:
    """Let a deadline round a request see its own cancelling.

    Where an answer comes in the moment of the cancelling, the library raises a subclass of
    CancelledError (wait_for2, before Python 3.12), which `asyncio.timeout` there takes for
    somebody else's.
    """
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if type(cancelled) is asyncio.CancelledError:
            raise
        raise asyncio.CancelledError from cancelled


@contextmanager
def acting(verb: str) -> Iterator[None]:
    """What errors mean once something was asked of the machine."""
    try:
        yield
    except PeerSilent as error:
        raise OutcomeUnknown(verb=verb, cause=error.code) from error
    except Rejected as error:
        if (cause := error.params["cause"]) in UNDECIDED:
            raise OutcomeUnknown(verb=verb, cause=cause) from error
        raise
    except (AuthRejected, PortBusy) as error:
        raise Rejected(verb=verb, cause=error.params["cause"]) from error


def status_name(error: ua.UaStatusCodeError) -> str:
    """`BadInvalidState`, say."""
    return str(ua.StatusCode(error.code).name)
