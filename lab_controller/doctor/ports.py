"""Serial ports, looked at without opening them: opening resets many a board."""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Iterator
from pathlib import Path

from lab_controller.doctor.finding import Finding, bad, good

PLACES = ("serial/by-id/*", "ttyUSB*", "ttyACM*")


def serial_port(about: str, port: str, devices: Path = Path("/dev")) -> Finding:
    """Whether the port is there, is ours to open, and nobody holds it."""
    if not os.path.exists(port):
        seen = sorted(str(one) for place in PLACES for one in devices.glob(place))
        return bad(about, "doctor.port_missing", port=port, seen=", ".join(seen) or "-")
    if not os.access(port, os.R_OK | os.W_OK):
        group = group_of(port)
        return bad(about, "doctor.port_group", port=port, group=group, user=getpass.getuser())
    holders = sorted(set(holding(os.path.realpath(port))))
    if holders:
        return bad(about, "doctor.port_used", port=port, program=", ".join(holders))
    return good(about, "doctor.port_good", port=port)


def group_of(path: str) -> str:
    """The group a device file belongs to."""
    number = os.stat(path).st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def holding(path: str, processes: Path = Path("/proc")) -> Iterator[str]:
    """Programs that have the file open, as far as we may look: `name (pid)`."""
    for process in processes.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            links = [os.readlink(link) for link in (process / "fd").iterdir()]
            name = (process / "comm").read_text(encoding="utf-8").strip()
        except OSError:
            continue  # gone, or another user's
        if path in links:
            yield f"{name} ({process.name})"
