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
from lab_controller.board import DeviceView
from lab_controller.config import (
    ConfigInvalid,
    ConfigProblem,
    Key,
    Settings,
    dotted,
    line_of,
    problem_of,
)


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection with everything checked, not yet built."""

    id: str
    driver: type[Driver]
    options: Options
    devices: tuple[DeviceConfig, ...]


def plan_wires(settings: Settings, path: Path) -> list[Wire]:
    """Check all drivers and options; raise ConfigInvalid with every problem found."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    problems: list[ConfigProblem] = []
    wires = []
    for index, connection in enumerate(settings.connection):
        try:
            driver = registry.find(connection.driver)
        except SetupFault as fault:
            key: Key = ("connection", index, "driver")
            code = "config.unknown_driver" if "known" in fault.params else fault.code
            params = {"value": connection.driver, **fault.params}
            problems.append(ConfigProblem(dotted(key), code, params, line_of(key, lines)))
            continue
        options = _parse(
            driver.spec.connection_options,
            resolve_files(connection.options, path.parent),
            ("connection", index, "options"),
            lines,
            problems,
        )
        devices = [
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
            for number, device in enumerate(settings.device)
            if device.connection == connection.id
        ]
        wires.append(Wire(connection.id, driver, options, tuple(devices)))
    if problems:
        raise ConfigInvalid(path, problems)
    return wires


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
