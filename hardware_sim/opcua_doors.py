"""The doors of a simulated OPC UA machine: its gate, certificates, users, sessions and its clock.

Faults of this kind of wire are stated here once, for every simulator that speaks it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.callback import CallbackType
from asyncua.common.connection import TransportLimits
from asyncua.common.utils import ServiceError
from asyncua.crypto import cert_gen
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hardware_sim import opcua_standard
from hardware_sim.faults import FaultTable
from hardware_sim.gate import Gate
from hardware_sim.opcua_words import node_id, stamped
from hardware_sim.process import CLOCK_FAULTS, Station
from hardware_sim.wire_faults import WIRE_FAULTS

# the defaults let one unknown peer fill 100 MB
LIMITS = TransportLimits(
    max_recv_buffer=65535, max_send_buffer=65535, max_chunk_count=64, max_message_size=4 << 20
)
OPEN = [ua.SecurityPolicyType.NoSecurity]
SECURE = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
]
POLICIES = {"none": OPEN, "secure": SECURE, "both": OPEN + SECURE}
MAX_NODES = "Server_ServerCapabilities_OperationLimits_MaxNodesPerRead"
MAX_ITEMS = "Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall"

DOOR_FAULTS: FaultTable = {
    **WIRE_FAULTS,
    **CLOCK_FAULTS,
    "auth_revoked": {"does": "nobody is let in any more, whoever is in is thrown out"},
    "second_owner": {"does": "somebody else holds the only session"},
    "silent_subscription": {"does": "subscriptions stay alive and tell no change"},
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options every OPC UA simulator has."""
    parser.add_argument("--port", type=int, default=0, help="OPC UA port; 0: any free one")
    parser.add_argument("--security", choices=sorted(POLICIES), default="none")
    parser.add_argument("--user", default="", help="only this user is let in")
    parser.add_argument("--password", default="")
    parser.add_argument("--trust", type=Path, help="client certificates let in; default: all")
    parser.add_argument("--days", type=int, default=365, help="how long the certificate is good")
    parser.add_argument("--max-nodes", type=int, default=0, help="per request; 0: any number")


class Doors:
    """What stands between a server and the world; made once, while servers come and go."""

    def __init__(self, arguments: argparse.Namespace, place: Station, path: str) -> None:
        self._arguments, self._place, self._path = arguments, place, path
        self._gate = Gate(arguments.port, place.faults)
        self._server: Server | None = None
        self._behind = 0
        self._users = _Users(arguments.user, arguments.password, place)
        self._shut_for: set[str] = set()
        self._sessions: list[Any] = []
        place.faults.followers.append(self._follow)

    @property
    def url(self) -> str:
        """Where clients find it now."""
        return f"opc.tcp://127.0.0.1:{self._gate.port}{self._path}"

    @property
    def certificate(self) -> Path:
        """Where its certificate lies, once there is one."""
        return self._place.dir / "certificates" / f"{self._place.id}.der"

    @property
    def sessions(self) -> int:
        """How many clients are logged in."""
        self._sessions = [one for one in self._sessions if one.state.name != "Closed"]
        return len(self._sessions)

    async def server(self, application: str, product: str, name: str) -> Server:
        """A server that is not yet started: secured, limited and in lab time."""
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        server = Server(user_manager=self._users)
        await opcua_standard.init(server)
        await server.set_application_uri(application)
        server.product_uri, server.name = product, name
        server.set_endpoint(self.url)
        server.socket_address = ("127.0.0.1", 0)
        server.set_security_policy(POLICIES[self._arguments.security])
        tokens: list[type] = [ua.AnonymousIdentityToken, ua.UserNameIdentityToken]
        server.set_identity_tokens(tokens[bool(self._arguments.user) :])
        server.set_certificate_validator(self._judge)
        server.set_force_server_timestamp(False)
        server.disable_clock()
        server.limits = LIMITS
        if self._arguments.security != "none":
            self._make_certificate(application)
            await server.load_certificate(self.certificate)
            await server.load_private_key(self.certificate.with_suffix(".pem"))
        self._limit_sessions(server)
        await self._limit_requests(server)
        return server

    async def open(self, server: Server) -> None:
        """Start it, show its own time, and let the world in."""
        await server.start()
        await _show_time(server, self._place.now)
        assert server.bserver is not None
        self._server, self._behind = server, int(server.bserver.port)
        await self._gate.open(self._behind)

    async def close(self) -> None:
        """Take the server away; its sessions and subscriptions are gone with it."""
        server, self._server = self._server, None
        await self._gate.close()
        if server is not None:
            await server.stop()

    def release(self) -> None:
        """Give the port back."""
        self._gate.release()

    def _make_certificate(self, application: str) -> None:
        if self.certificate.exists():
            return
        self.certificate.parent.mkdir(parents=True, exist_ok=True)
        key = cert_gen.generate_private_key()
        names: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(application),
            x509.DNSName("localhost"),
        ]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = cert_gen.generate_self_signed_app_certificate(
            key, self._place.id, {}, names, uses, self._arguments.days
        )
        self.certificate.with_suffix(".pem").write_bytes(cert_gen.dump_private_key_as_pem(key))
        self.certificate.write_bytes(certificate.public_bytes(Encoding.DER))

    async def _judge(self, shown: x509.Certificate, _: ua.ApplicationDescription) -> None:
        folder: Path | None = self._arguments.trust
        if folder is None:
            return
        known = await asyncio.to_thread(_contents, folder)
        if shown.public_bytes(Encoding.DER) not in known:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    def _limit_sessions(self, server: Server) -> None:
        create = server.iserver.create_session

        def create_session(*given: Any, **more: Any) -> Any:
            if self._place.faults.get("second_owner"):
                raise ServiceError(ua.StatusCodes.BadTooManySessions)
            self._sessions.append(create(*given, **more))
            return self._sessions[-1]

        server.iserver.create_session = create_session  # type: ignore[method-assign]

    async def _limit_requests(self, server: Server) -> None:
        most = int(self._arguments.max_nodes)
        if not most:
            return
        for name in (MAX_NODES, MAX_ITEMS):
            node = server.get_node(node_id(getattr(ua.ObjectIds, name)))
            await node.write_value(most, ua.VariantType.UInt32)

        def check(event: Any, _: Any) -> None:
            if event.is_external and len(event.request_params.NodesToRead) > most:
                raise ServiceError(ua.StatusCodes.BadTooManyOperations)

        server.subscribe_server_callback(CallbackType.PreRead, check)

    async def _follow(self) -> None:
        """Throw out whoever is in when a fault says so, and keep subscriptions quiet."""
        server, get = self._server, self._place.faults.get
        if server is None:
            return
        on = {name for name in ("auth_revoked", "second_owner") if get(name)}
        if on - self._shut_for:
            await self._gate.close()
            await self._gate.open(self._behind)
        self._shut_for = on
        quiet = get("silent_subscription") is not None
        for one in list(server.iserver.subscription_service.subscriptions.values()):
            await one.set_publishing_mode(not quiet)


def _contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("*.der")]


class _Users(UserManager):
    """Whoever knows the user's password; anybody where there is no user."""

    def __init__(self, user: str, password: str, place: Station) -> None:
        self._known, self._faults = (user, password), place.faults

    def get_user(
        self,
        iserver: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """The role of somebody who logs in, or None."""
        if self._faults.get("auth_revoked"):
            return None
        if self._known[0] and (username, password) != self._known:
            return None
        return User(role=UserRole.User)


async def _show_time(server: Server, now: Callable[[], datetime]) -> None:
    """ServerStatus in the machine's own time, asked for anew at each read."""
    node = server.get_node(node_id(ua.ObjectIds.Server_ServerStatus))
    status = await node.read_value()
    status.StartTime = now()
    kinds = {
        ua.ObjectIds.Server_ServerStatus_StartTime: lambda: status.StartTime,
        ua.ObjectIds.Server_ServerStatus_CurrentTime: now,
    }
    for number, time in kinds.items():

        def told(*_: Any, time: Callable[[], datetime] = time) -> ua.DataValue:
            return stamped(ua.Variant(time(), ua.VariantType.DateTime), now())

        server.set_attribute_value_callback(node_id(number), told)

    def whole(*_: Any) -> ua.DataValue:
        status.CurrentTime = now()
        return stamped(ua.Variant(status, ua.VariantType.ExtensionObject), now())

    server.set_attribute_value_callback(node.nodeid, whole)
