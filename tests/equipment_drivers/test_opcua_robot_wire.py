"""Logging in to an OPC UA server: encryption, user and password, and who is not let in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography.x509.oid import ExtendedKeyUsageOID

from equipment_drivers.devices.opcua_robot_options import RobotOptions
from equipment_drivers.devices.opcua_robot_wire import RobotWire
from equipment_drivers.errors import AuthRejected, BadOption, ConnectFailed, DriverError


class OneUser(UserManager):
    """Lets in `lab` with the password `secret`, and nobody without a name."""

    def get_user(
        self,
        iserver: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        return User(role=UserRole.User) if (username, password) == ("lab", "secret") else None


Pairs = dict[str, tuple[Path, Path]]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Key and certificate of the server and of us."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: asyncio.run(make_pair(folder, name)) for name in ("server", "client")}


async def make_pair(folder: Path, name: str) -> tuple[Path, Path]:
    key, certificate = folder / f"{name}.pem", folder / f"{name}.der"
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    await setup_self_signed_certificate(
        key, certificate, f"urn:{name}", socket.gethostname(), usage, {}
    )
    return key, certificate


@pytest.fixture
async def server(pairs: Pairs) -> AsyncIterator[str]:
    key, certificate = pairs["server"]
    server = Server(user_manager=OneUser())
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/secure")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(certificate)
    await server.load_private_key(key)
    await server.start()
    port = server.bserver.port  # type: ignore[union-attr]
    yield f"opc.tcp://127.0.0.1:{port}/secure"
    await server.stop()


async def opened(url: str, pairs: Pairs, folder: Path, **changes: Any) -> list[str]:
    key, certificate = pairs["client"]
    (folder / "password").write_text("secret\n")
    options: dict[str, Any] = {
        "url": url,
        "security": "Basic256Sha256",
        "certificate_file": certificate,
        "key_file": key,
        "user": "lab",
        "password_file": folder / "password",
    }
    wire = RobotWire(RobotOptions.model_validate(options | changes))
    try:
        return await wire.open()
    finally:
        await wire.close()


STRANGERS: list[tuple[dict[str, Any], type[DriverError]]] = [
    ({"user": "somebody"}, AuthRejected),
    ({"user": None, "password_file": None}, AuthRejected),
    ({"certificate_file": "nowhere.der"}, BadOption),
    ({"security": "none"}, DriverError),
]


async def test_who_is_let_in_and_who_is_not(server: str, pairs: Pairs, tmp_path: Path) -> None:
    assert "http://opcfoundation.org/UA/" in await opened(server, pairs, tmp_path)
    for changes, fault in STRANGERS:
        with pytest.raises(fault):
            await opened(server, pairs, tmp_path, **changes)


async def test_nobody_there(pairs: Pairs, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"opc.tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConnectFailed):
            await opened(url, pairs, tmp_path, security="none")
    assert asyncio.all_tasks() == {asyncio.current_task()}
