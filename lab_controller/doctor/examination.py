"""The whole examination, in the order a person would ask: file, computer, connections."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from lab_controller import wiring
from lab_controller.client import LabClient, Unreachable
from lab_controller.client_door import Refused
from lab_controller.config import ConfigInvalid, Settings
from lab_controller.doctor import machine, wires
from lab_controller.doctor.finding import Finding, bad, good


async def examine(path: Path, language: str) -> list[Finding]:
    """Everything found; without a sound file only what is wrong with it."""
    try:
        settings = wiring.check(path)
    except ConfigInvalid as error:
        return [bad("config", one.code, **{"key": one.key, **one.params}) for one in error.problems]
    data_dir = settings.lab.data_dir
    return [
        good("config", "cli.config_good", file=path.name),
        *machine.disk(data_dir),
        *machine.clock(data_dir, datetime.now(UTC)),
        *machine.fonts(settings.report.fonts),
        *machine.terminal(),
        *machine.latch(data_dir),
        *await _connections(settings, path, language),
    ]


async def _connections(settings: Settings, path: Path, language: str) -> list[Finding]:
    """A running controller owns the wires and is asked; else each is tried by itself."""
    planned = wiring.plan_wires(settings, path)
    data_dir = settings.lab.data_dir
    try:
        url = (data_dir / "controller.url").read_text(encoding="ascii").strip()
        client = LabClient.for_lab(url, data_dir / "staff.token", language=language)
        async with client as lab:
            return wires.as_the_controller_sees(planned, await lab.devices())
    except Refused as error:
        return [bad("controller", error.refusal.code, **error.refusal.params)]
    except (OSError, Unreachable):
        found = await asyncio.gather(
            *(wires.examine(wire, _plugs(settings, wire.id)) for wire in planned)
        )
        return [finding for one in found for finding in one]


def _plugs(settings: Settings, connection: str) -> list[str]:
    """The plugs that feed the devices of a connection."""
    return [one.power for one in settings.device if one.connection == connection and one.power]
