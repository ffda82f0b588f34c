"""Logging in to an OPC UA server: encryption, trust, user and password, and who is not let in."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_security import (
    fingerprint,
    first_of_chain,
    make_pair,
    parse,
    read_pair,
)
from equipment_drivers.devices.opcua_session import Session, acting, our_words
from equipment_drivers.errors import (
    AuthRejected,
    BadOption,
    ConnectFailed,
    DriverError,
    OutcomeUnknown,
    Rejected,
    SetupFault,
)
from hardware_sim import opcua_standard

POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
]


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


@dataclass
class Keys:
    """The server's pair, and ours."""

    server_key: Path
    server: Path
    client: Path
    client_key: Path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    key, certificate = folder / "server.pem", folder / "server.der"
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    asyncio.run(
        setup_self_signed_certificate(
            key, certificate, "urn:server", socket.gethostname(), uses, {}
        )
    )
    client, client_key = make_pair(folder / "ours", uri="urn:machikoba:lab:test")
    return Keys(key, certificate, client, client_key)


@asynccontextmanager
async def serving(keys: Keys, refuse: int = 0) -> AsyncIterator[str]:
    """A secured server; `refuse` is the status every client's certificate is answered with."""

    async def judge(_: x509.Certificate, __: ua.ApplicationDescription) -> None:
        if refuse:
            raise ServiceError(refuse)

    server = Server(user_manager=OneUser())
    await opcua_standard.init(server)
    server.set_endpoint("opc.tcp://127.0.0.1:0/secure")
    server.set_security_policy(POLICIES)
    server.set_certificate_validator(judge)
    await server.load_certificate(keys.server)
    await server.load_private_key(keys.server_key)
    await server.start()
    try:
        port = server.bserver.port  # type: ignore[union-attr]
        yield f"opc.tcp://127.0.0.1:{port}/secure"
    finally:
        await server.stop()


@pytest.fixture
async def server(keys: Keys) -> AsyncIterator[str]:
    async with serving(keys) as url:
        yield url


def options(url: str, keys: Keys, folder: Path, **changes: Any) -> OpcuaOptions:
    (folder / "password").write_text("secret\n")
    trusted = folder / "trusted"
    trusted.mkdir(exist_ok=True)
    (trusted / "server.der").write_bytes(keys.server.read_bytes())
    (trusted / "notes.crt").write_text("who asked for what")
    given: dict[str, Any] = {
        "url": url,
        "security": "Basic256Sha256",
        "certificate_file": keys.client,
        "private_key_file": keys.client_key,
        "trust_dir": trusted,
        "user": "lab",
        "password_file": folder / "password",
    }
    return OpcuaOptions.model_validate(given | changes)


@asynccontextmanager
async def opened(options: OpcuaOptions) -> AsyncIterator[tuple[Session, list[str]]]:
    session = Session(options)
    try:
        yield session, (await session.open()).namespaces
    finally:
        await session.close()


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
async def test_u02_trusted_server_and_known_user(
    server: str, keys: Keys, tmp_path: Path, mode: str
) -> None:
    async with opened(options(server, keys, tmp_path, security_mode=mode)) as (session, spaces):
        assert "http://opcfoundation.org/UA/" in spaces
        assert session.client.application_uri == "urn:machikoba:lab:test"
        assert set(session.expires) == {"server", "client"}


STRANGERS: list[tuple[dict[str, Any], type[DriverError]]] = [
    ({"user": "somebody"}, AuthRejected),
    ({"user": None, "password_file": None}, AuthRejected),
    ({"certificate_file": Path("nowhere.der")}, BadOption),
    ({"private_key_file": Path("nowhere.pem")}, BadOption),
    ({"password_file": Path("nowhere")}, BadOption),
    ({"password_file": None, "password_env": "MACHIKOBA_NO_SUCH_VARIABLE"}, BadOption),
]


async def test_u02_who_is_not_let_in(server: str, keys: Keys, tmp_path: Path) -> None:
    for changes, fault in STRANGERS:
        with pytest.raises(fault) as told:
            async with opened(options(server, keys, tmp_path, **changes)):
                pass
        assert isinstance(told.value, SetupFault)  # terminal: never tried again by itself
        assert "secret" not in str(told.value)


async def test_u02_a_policy_the_server_does_not_offer_is_terminal(
    server: str, keys: Keys, tmp_path: Path
) -> None:
    with pytest.raises(SetupFault):
        async with opened(
            OpcuaOptions.model_validate({"url": server, "allow_unsecured": True, "timeout_s": 1})
        ):
            pass


async def test_u02_unknown_server_is_refused_before_any_secret_and_kept_for_people(
    server: str, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    wanted = options(server, keys, tmp_path, trust_dir=tmp_path / "empty")
    with pytest.raises(AuthRejected) as refused:
        async with opened(wanted):
            pass
    shown = parse(keys.server.read_bytes())
    assert refused.value.code == "driver.certificate_untrusted"
    assert refused.value.params["fingerprint"] == fingerprint(shown)
    assert refused.value.params["file"].startswith(str(tmp_path / "empty" / "rejected"))
    (kept,) = (tmp_path / "empty" / "rejected").iterdir()
    kept.rename(tmp_path / "empty" / "the server.der")  # what staff do once they compared it
    async with opened(wanted) as (_, spaces):
        assert spaces


@pytest.mark.parametrize(
    "status", ["BadCertificateUntrusted", "BadCertificateTimeInvalid", "BadSecurityChecksFailed"]
)
async def test_u02_a_server_that_does_not_trust_us_is_terminal(
    keys: Keys, tmp_path: Path, status: str
) -> None:
    async with serving(keys, getattr(ua.StatusCodes, status)) as url:
        with pytest.raises(AuthRejected) as refused:
            async with opened(options(url, keys, tmp_path)):
                pass
    assert refused.value.params["cause"] == status


async def test_nobody_there(keys: Keys, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"opc.tcp://127.0.0.1:{taken.getsockname()[1]}"
        for security in ("none", "Basic256Sha256"):
            with pytest.raises(ConnectFailed):
                async with opened(
                    options(url, keys, tmp_path, security=security, allow_unsecured=True)
                ):
                    pass
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_our_own_pair(tmp_path: Path, keys: Keys) -> None:
    certificate_file, key_file = make_pair(tmp_path, uri="urn:a", hosts=["pc1", "10.0.0.3"], days=9)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    own = read_pair(certificate_file, key_file)
    assert own.uri == "urn:a"
    assert timedelta(days=8) < own.expires - datetime.now(UTC) < timedelta(days=9)
    names = parse(own.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["pc1"]
    with pytest.raises(FileExistsError):
        make_pair(tmp_path)
    assert read_pair(certificate_file, key_file) == own
    with pytest.raises(BadOption):
        read_pair(certificate_file, keys.client_key)
    assert first_of_chain(own.certificate + own.certificate) == own.certificate


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (ua.StatusCodes.BadTimeout, OutcomeUnknown),
        (ua.StatusCodes.BadCommunicationError, OutcomeUnknown),
        (ua.StatusCodes.BadRequestInterrupted, OutcomeUnknown),
        (ua.StatusCodes.BadInvalidState, Rejected),
        (ua.StatusCodes.BadNotWritable, Rejected),
    ],
)
def test_u07_a_server_that_had_no_answer_itself_has_not_refused(
    code: int, meaning: type[DriverError]
) -> None:
    """A gateway that lost its controller midway does not know either what became of a call."""
    with pytest.raises(DriverError) as told, acting("start"), our_words("opc.tcp://there"):
        raise ua.UaStatusCodeError(code)
    assert type(told.value) is meaning
