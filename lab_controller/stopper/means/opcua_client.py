"""An OPC UA client as a plan asks for it: secured or not, as somebody or as nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties, load_certificate

from lab_controller.stopper.calls import OpcuaServer, Security
from lab_controller.stopper.means.opcua_trust import demand_trust, first_of

REQUEST_TIMEOUT_S = 2.0
WATCHDOG_S = 1.0
POLICIES = {"Basic256Sha256": SecurityPolicyBasic256Sha256}
SUBJECT_ALT_NAME = "2.5.29.17"


async def client_of(server: OpcuaServer) -> Client:
    """A client that has not connected yet; a secured one has seen a trusted certificate.

    Raises NotTrusted, OSError, ua.UaError, or ValueError for files and names that do not fit.
    """
    client = Client(
        server.endpoint,
        timeout=REQUEST_TIMEOUT_S,
        watchdog_intervall=WATCHDOG_S,
        auto_reconnect=False,
    )
    if server.user:
        client.set_user(server.user)
        client.set_password(server.password)
    if server.security is not None:
        await _secure(client, server.endpoint, server.security)
    return client


async def _secure(client: Client, endpoint: str, asked: Security) -> None:
    """See whether the server's certificate is trusted before any secret goes out."""
    try:
        policy, mode = POLICIES[asked.policy], ua.MessageSecurityMode[asked.mode]
    except KeyError as fault:
        raise ValueError(f"security: no {fault}") from fault
    shown = first_of(await _shown_by(endpoint, policy.URI, mode))
    await asyncio.to_thread(demand_trust, shown, Path(asked.trust_dir))
    own = await _file(asked.certificate_file)
    client.application_uri = _uri_of(await load_certificate(own.path_or_content, own.extension))
    await client.set_security(
        policy,
        own,
        await _file(asked.private_key_file),
        server_certificate=CertProperties(shown, "der"),
        mode=mode,
    )


async def _shown_by(endpoint: str, policy: str, mode: ua.MessageSecurityMode) -> bytes:
    asking = Client(endpoint, timeout=REQUEST_TIMEOUT_S)
    try:
        offered = await asking.connect_and_get_server_endpoints()
    finally:
        asking.disconnect_socket()
    for one in offered:
        if (one.SecurityPolicyUri, one.SecurityMode) == (policy, mode):
            return bytes(one.ServerCertificate or b"")
    raise ValueError(f"security: the server does not offer {policy} {mode.name}")


async def _file(name: str) -> CertProperties:
    content = await asyncio.to_thread(Path(name).read_bytes)
    return CertProperties(content, "pem" if content.lstrip().startswith(b"-----") else "der")


def _uri_of(certificate: Any) -> str:
    """Our application URI as our certificate says it: servers refuse another one."""
    for extension in certificate.extensions:
        if extension.oid.dotted_string == SUBJECT_ALT_NAME:
            for name in extension.value:
                if type(name).__name__ == "UniformResourceIdentifier":
                    return str(name.value)
    raise ValueError("certificate_file: no application URI in it")
