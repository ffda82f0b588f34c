"""From `lab.toml` to connections: drivers found, options checked, mistakes named by key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from equipment_drivers import registry
from equipment_drivers.contract import Clock, DeviceConfig, Driver, Effect, Options
from equipment_drivers.errors import SetupFault
from equipment_drivers.lifecycle import Connection, Limits
from equipment_drivers.model import Fact
from lab_controller import config
from lab_controller.board import DeviceView
from lab_controller.clock import LabClock
from lab_controller.config import (
    ConfigInvalid,
    ConfigProblem,
    Settings,
    Table,
    problem_of,
    rows_of,
)
from lab_controller.toml_lines import Key, dotted, line_of


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection with everything checked, not yet built."""

    id: str
    driver: type[Driver]
    options: Options
    devices: tuple[DeviceConfig, ...]


def check(path: Path) -> Settings:
    """Read lab.toml; raise ConfigInvalid with every problem, those of the drivers included."""

    def more(table: Table, lines: list[str]) -> list[ConfigProblem]:
        connections = dict(rows_of(table, "connection", config.Connection))
        devices = dict(rows_of(table, "device", config.Device))
        return _plan(connections, devices, path, lines)[1]

    return config.load(path, more)


def plan_wires(settings: Settings, path: Path) -> list[Wire]:
    """Check all drivers and options; raise ConfigInvalid with every problem found."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    connections = dict(enumerate(settings.connection))
    devices = dict(enumerate(settings.device))
    wires, problems = _plan(connections, devices, path, lines)
    if problems:
        raise ConfigInvalid(path, problems)
    return wires


def _plan(
    connections: Mapping[int, config.Connection],
    devices: Mapping[int, config.Device],
    path: Path,
    lines: list[str],
) -> tuple[list[Wire], list[ConfigProblem]]:
    wires: list[Wire] = []
    problems: list[ConfigProblem] = []
    for index, connection in connections.items():
        try:
            driver = registry.find(connection.driver)
        except SetupFault as fault:
            problems.append(_no_driver(connection, index, fault, lines))
            continue
        known = len(problems)
        options = _parse(
            driver.spec.connection_options,
            resolve_files(connection.options, path.parent),
            ("connection", index, "options"),
            lines,
            problems,
        )
        own = [
            DeviceConfig(
                device.id,
                device.address,
                _parse(
                    driver.spec.device_options,
                    device.options,
                    ("device", number, "options"),
                    lines,
                    problems,
                ),
            )
            for number, device in devices.items()
            if device.connection == connection.id
        ]
        wire = Wire(connection.id, driver, options, tuple(own))
        wires.append(wire)
        if len(problems) == known:
            problems += _misfits(wire, index, lines)
    return wires, problems


def _misfits(wire: Wire, index: int, lines: list[str]) -> list[ConfigProblem]:
    """What the driver has against options and devices that are sound one by one."""
    try:
        wire.driver(wire.id, wire.options, wire.devices, clock=LabClock(), emit=lambda fact: None)
    except SetupFault as fault:
        key: Key = ("connection", index)
        return [ConfigProblem(dotted(key), fault.code, fault.params, line_of(key, lines))]
    return []


def _no_driver(
    connection: config.Connection, index: int, fault: SetupFault, lines: list[str]
) -> ConfigProblem:
    key: Key = ("connection", index, "driver")
    code = "config.unknown_driver" if "known" in fault.params else fault.code
    params = {"value": connection.driver, **fault.params}
    return ConfigProblem(dotted(key), code, params, line_of(key, lines))


def resolve_files(options: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Options named `…_file` are paths beside lab.toml."""
    return {
        key: str(home / value) if key.endswith("_file") and isinstance(value, str) else value
        for key, value in options.items()
    }


def _parse(
    model: type[Options],
    options: Mapping[str, Any],
    prefix: Key,
    lines: list[str],
    problems: list[ConfigProblem],
) -> Options:
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        problems.extend(problem_of(found, prefix, lines) for found in error.errors())
        return Options()


Hook = Callable[[str], Awaitable[None]]


def build(
    wires: list[Wire],
    *,
    clock: Clock,
    emit: Callable[[Fact], None],
    before_close: Hook,
    on_online: Hook,
    limits: Limits | None = None,
) -> dict[str, Connection]:
    """Connections, not yet running; the hooks get the connection's id."""
    return {
        wire.id: Connection(
            wire.id,
            wire.driver,
            wire.options,
            wire.devices,
            clock=clock,
            emit=emit,
            before_close=lambda id=wire.id: before_close(id),  # type: ignore[misc]
            on_online=lambda id=wire.id: on_online(id),  # type: ignore[misc]
            limits=limits,
        )
        for wire in wires
    }


def views(connections: Mapping[str, Connection]) -> list[DeviceView]:
    """A board view of every device, in the order of the file."""
    return [
        DeviceView(device, connection.id, connection.driver.device_spec(device))
        for connection in connections.values()
        for device in connection.devices
    ]


def acts(view: DeviceView) -> bool:
    """Whether the device has any command that changes the world."""
    return any(spec.effect is Effect.ACTUATE for spec in view.spec.commands.values())
