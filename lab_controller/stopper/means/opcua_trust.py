"""Whether a server shows a certificate that people have put into the folder of trusted ones.

The very certificate has to lie there, byte for byte; who signed it does not count.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

KINDS = (".der", ".crt", ".cer", ".pem")
PEM_HEAD, PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class NotTrusted(ConnectionError):
    """The server's certificate is not among the trusted ones: nothing was said to it."""


def demand_trust(shown: bytes, folder: Path) -> None:
    """Raises NotTrusted, also where the folder cannot be read."""
    if not shown or first_of(shown) not in set(_trusted(folder)):
        raise NotTrusted(f"certificate not in {folder}")


def first_of(chain: bytes) -> bytes:
    """The first certificate of a chain in DER, one after the other."""
    if chain[:2] != b"\x30\x82":  # SEQUENCE with a length in two bytes, as all of ours have
        return chain
    return chain[: 4 + int.from_bytes(chain[2:4], "big")]


def _trusted(folder: Path) -> Iterator[bytes]:
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in KINDS]
        contents = [path.read_bytes() for path in files]
    except OSError as fault:
        raise NotTrusted(str(fault)) from fault
    for content in contents:
        if PEM_HEAD not in content:
            yield first_of(content)
            continue
        for block in content.split(PEM_HEAD)[1:]:
            text = (PEM_HEAD + block.partition(PEM_END)[0] + PEM_END).decode("ascii", "replace")
            try:
                yield ssl.PEM_cert_to_DER_cert(text)
            except ValueError:
                continue  # not a certificate: trusts nobody
