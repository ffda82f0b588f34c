"""The Modbus driver on the simulated presses, as a connection that tells what it heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from equipment_drivers.contract import CommandContext, CommandResult, DeviceConfig
from equipment_drivers.devices.modbus import ModbusUnit
from equipment_drivers.devices.modbus_options import ModbusDeviceOptions, ModbusOptions
from equipment_drivers.model import Link, Reading
from tests.equipment_drivers.driver_bench import DriverBench
from tests.equipment_drivers.fakes import FakeClock
from tests.sims.sim import Sim, running

GO = CommandContext("c1", 1)
PRESS: Mapping[str, Any] = {
    "signals": [
        {"name": "status", "table": "input", "address": 0},
        {"name": "pressure", "table": "input", "address": 1, "type": "float32", "unit": "bar"},
        {
            "name": "oil", "table": "input", "address": 3, "type": "int16", "scale": 0.1,
            "unit": "Cel", "min": 0, "max": 90,
        },
        {"name": "good", "table": "input", "address": 4, "type": "uint32"},
        {"name": "scrap", "table": "input", "address": 6},
        {"name": "cycle", "table": "input", "address": 7, "scale": 0.01, "unit": "s"},
        {"name": "guard", "table": "discrete", "address": 0},
    ],
    "outputs": [
        {"name": "run", "table": "coil", "address": 0, "safe": 0},
        {
            "name": "dwell", "table": "holding", "address": 3, "type": "uint32", "unit": "ms",
            "max": 100_000, "safe": 0, "stop": False,
        },
    ],
    "known_values": [{"table": "holding", "address": 0, "equals": 19787}],
    "state": {"signal": "status", "map": {"0": "idle", "1": "busy", "2": "paused"}},
    "safety": {"signal": "guard", "map": {"0": "safeguard_stop", "1": "normal"}},
    "counters": [
        {"signal": "good", "verdict": "good", "duration": "cycle"},
        {"signal": "scrap", "verdict": "scrap"},
    ],
}  # fmt: skip


def options(endpoint: str, **more: Any) -> ModbusOptions:
    """Short times; the wire is told by the endpoint."""
    given = {"poll_s": 0.05, "timeout_s": 0.6, "confirm_s": 0.6, "busy_pause_s": 0.01, **more}
    if endpoint.startswith("/"):
        wire: dict[str, Any] = {"transport": "rtu", "serial_port": endpoint, "parity": "N"}
    else:
        host, _, port = endpoint.partition(":")
        wire = {"transport": "tcp", "host": host, "port": port}
    return ModbusOptions.model_validate({**wire, **given})


def press(**more: Any) -> ModbusDeviceOptions:
    """A device's options for one simulated press."""
    return ModbusDeviceOptions.model_validate({**PRESS, **more})


class Desk(DriverBench):
    """A connection to the presses, and what it told."""

    def __init__(self, sim: Sim, devices: list[DeviceConfig], **more: Any) -> None:
        self.sim = sim
        super().__init__(
            "wire",
            ModbusUnit,
            options(sim.endpoint, **more),
            devices,
            clock=FakeClock(),
        )

    async def reading(self, signal: str, device: str = "press1") -> Reading:
        found: Reading = await self.next(
            Reading, lambda one: one.signal == signal and one.device == device
        )
        return found

    async def send(self, verb: str, device: str = "press1", **args: Any) -> CommandResult:
        return await self.connection.execute(device, verb, args, GO)

    def written(self) -> list[tuple[str, int, list[int]]]:
        """What the press was really told, by its own log."""
        writes = self.sim.truth("write")
        return [(one["table"], one["address"], one["values"]) for one in writes]


@asynccontextmanager
async def desk(
    folder: Path,
    wire: str = "tcp",
    *flags: str,
    devices: list[DeviceConfig] | None = None,
    **more: Any,
) -> AsyncIterator[Desk]:
    """A desk online; the connection is ended at the end."""
    async with running("modbus_plc", folder, "--wire", wire, *flags) as sim:
        table = Desk(sim, devices or [DeviceConfig("press1", "1", press())], **more)
        async with table.living(Link.ONLINE):
            yield table
