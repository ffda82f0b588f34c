"""Pressing stop from outside: synchronous, standard library only, needs no controller."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from lab_controller.stopper.errors import Refused, StopperUnreachable
from lab_controller.stopper.place import socket_path


def press(
    data_dir: Path,
    device: str | None = None,
    *,
    by: str,
    reason: str = "",
    timeout_s: float = 15.0,
) -> dict[str, Any]:
    """Stop one device, or the whole lab for None; returns the report per device.

    Raises StopperUnreachable when nobody answers in time, Refused with the stopper's own code.
    """
    request = {"op": "stop", "device": device, "by": by, "reason": reason}
    return _ask(data_dir, request, timeout_s)


def status(data_dir: Path, *, timeout_s: float = 5.0) -> dict[str, Any]:
    """The latch, the controller's state, what each device's stop would use. Raises as `press`."""
    return _ask(data_dir, {"op": "status"}, timeout_s)


def _ask(data_dir: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    path = socket_path(data_dir)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(timeout_s)
            door.connect(os.fspath(path))
            door.sendall(json.dumps({**request, "id": 1}).encode() + b"\n")
            with door.makefile("rb") as lines:
                answer = json.loads(lines.readline())
    except (OSError, ValueError) as fault:
        raise StopperUnreachable(socket=path, cause=str(fault) or type(fault).__name__) from fault
    if not answer.pop("ok"):
        raise Refused(answer["code"], **answer["params"])
    del answer["id"]
    return dict(answer)
