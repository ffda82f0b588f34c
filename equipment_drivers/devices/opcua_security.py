"""Certificates of OPC UA: our own pair, and which servers we believe.

A server is believed when the very certificate it shows lies in the trust folder, put there by a
person who compared its SHA-256 fingerprint. An unknown one is refused and kept in `rejected/`
below that folder, so that moving the file is all it takes (OPC 10000-4, 6.1; 10000-2, 4).
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from equipment_drivers.errors import AuthRejected, BadOption, CertificateUntrusted

APPLICATION = "urn:machikoba:lab"
REJECTED = "rejected"
KINDS = ("*.der", "*.crt", "*.cer", "*.pem")
KEY_BITS = 2048
DAYS = 1825


@dataclass(frozen=True, slots=True)
class OwnPair:
    """Our certificate (DER) and key (PEM) as configured, its application URI and its last day."""

    certificate: bytes
    key: bytes
    uri: str
    expires: datetime


def parse(content: bytes) -> x509.Certificate:
    """A certificate in PEM or DER form; the first of a chain. Raises ValueError."""
    if content.lstrip().startswith(b"-----"):
        return x509.load_pem_x509_certificate(content)
    return x509.load_der_x509_certificate(first_of_chain(content))


def first_of_chain(der: bytes) -> bytes:
    """The leading certificate of a chain that is written one after the other."""
    if der[:2] != b"\x30\x82":
        return der
    return der[: int.from_bytes(der[2:4], "big") + 4]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the certificate, as a person compares it: `AB:CD:…`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def read_pair(certificate_file: Path, key_file: Path) -> OwnPair:
    """Look at our own pair. Raises BadOption when a file is missing, unreadable or no pair."""
    try:
        certificate = parse(certificate_file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadOption(option="certificate_file", cause=f"{certificate_file}: {error}") from error
    try:
        content = key_file.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BadOption(option="private_key_file", cause=f"{key_file}: {error}") from error
    if key.public_key() != certificate.public_key():
        raise BadOption(option="private_key_file", cause=f"{key_file}: not of {certificate_file}")
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    der = certificate.public_bytes(serialization.Encoding.DER)
    return OwnPair(der, content, next(iter(uris), APPLICATION), certificate.not_valid_after_utc)


def demand_trust(content: bytes, folder: Path, url: str) -> datetime:
    """The last day of a server's certificate that is trusted. Raises AuthRejected."""
    try:
        shown = parse(content)
    except ValueError as error:
        raise AuthRejected(url=url, cause="BadCertificateInvalid") from error
    if not is_trusted(shown, folder):
        kept = keep_rejected(shown, folder)
        raise CertificateUntrusted(
            url=url, cause="BadCertificateUntrusted", fingerprint=fingerprint(shown), file=kept
        )
    now = datetime.now(UTC)  # certificates live in the world's time, not in the lab's
    if not shown.not_valid_before_utc <= now <= shown.not_valid_after_utc:
        until = shown.not_valid_after_utc.date()
        raise AuthRejected(url=url, cause=f"BadCertificateTimeInvalid {until}")
    return shown.not_valid_after_utc


def is_trusted(shown: x509.Certificate, folder: Path) -> bool:
    """Whether this very certificate lies in the folder; a file that is none is passed over."""
    for path in sorted(path for kind in KINDS for path in folder.glob(kind)):
        try:
            known = parse(path.read_bytes())
        except (OSError, ValueError):
            continue  # somebody's notes beside the certificates trust nobody
        if known == shown:
            return True
    return False


def keep_rejected(shown: x509.Certificate, folder: Path) -> Path | str:
    """Keep an unknown certificate for people to look at; says why not when it cannot."""
    path = folder / REJECTED / f"{shown.fingerprint(hashes.SHA256()).hex()}.der"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(shown.public_bytes(serialization.Encoding.DER))
    except OSError as error:
        return str(error)
    return path


def make_pair(
    folder: Path, *, uri: str = "", hosts: Sequence[str] = (), days: int = DAYS
) -> tuple[Path, Path]:
    """Make the lab's own certificate and private key: `client.der` and `client.pem` in `folder`.

    `uri` is the application URI, `hosts` the names and addresses it is good for (this machine's
    name by default). Raises FileExistsError rather than replace a pair servers already trust.
    """
    certificate_file, key_file = folder / "client.der", folder / "client.pem"
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    own_name = socket.gethostname()
    certificate = _signed(key, uri or f"{APPLICATION}:{own_name}", hosts or (own_name,), days)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    if certificate_file.exists():
        raise FileExistsError(17, os.strerror(17), str(certificate_file))
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    return certificate_file, key_file


def _signed(key: rsa.RSAPrivateKey, uri: str, hosts: Sequence[str], days: int) -> x509.Certificate:
    """Self-signed, with the extensions OPC 10000-6, 6.2.2 asks of an application."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Machikoba DX Lab")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # it signs itself
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(uri), *map(_host_name, hosts)]
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
