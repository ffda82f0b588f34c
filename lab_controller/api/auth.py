"""Who is asking: staff show the token of a file only they can read."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from starlette.requests import HTTPConnection

from lab_controller.errors import LabError

TOKEN_FILE = "staff.token"


class TokenMissing(LabError):
    """No token was sent."""

    code = "auth.token_missing"


class TokenWrong(LabError):
    """The token is not the lab's."""

    code = "auth.token_wrong"


def staff_token(data_dir: Path) -> str:
    """The lab's staff token, created with mode 0600 when there is none."""
    path = data_dir / TOKEN_FILE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return path.read_text(encoding="ascii").strip()


async def staff(request: HTTPConnection) -> str:
    """The issuer of a staff request. Raises TokenMissing or TokenWrong."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing
    if not hmac.compare_digest(token.strip().encode(), request.app.state.token.encode()):
        raise TokenWrong
    return "staff"
