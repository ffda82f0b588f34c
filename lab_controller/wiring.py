"""From `lab.toml` to connections: drivers found, options checked, mistakes named by key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from equipment_drivers import registry
from equipment_drivers.contract import (
    Clock,
    DeviceConfig,
    DeviceSpec,
    Driver,
    Effect,
    Emit,
    Options,
)
from equipment_drivers.errors import SetupFault
from equipment_drivers.lifecycle import Connection, Limits
from lab_controller import config, grant_packs
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

PLACES = ("serial_port", "port", "host", "dashboard_port")


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
        interlocks = dict(rows_of(table, "interlock", config.Interlock))
        wires = _plan(connections, devices, interlocks, path, lines)[1]
        return [*wires, *grant_packs.problems(table, path, lines)]

    return config.load(path, more)


def plan_wires(settings: Settings, path: Path) -> list[Wire]:
    """Check all drivers and options; raise ConfigInvalid with every problem found."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    connections = dict(enumerate(settings.connection))
    devices = dict(enumerate(settings.device))
    interlocks = dict(enumerate(settings.interlock))
    wires, problems = _plan(connections, devices, interlocks, path, lines)
    if problems:
        raise ConfigInvalid(path, problems)
    return wires


def _plan(
    connections: Mapping[int, config.Connection],
    devices: Mapping[int, config.Device],
    interlocks: Mapping[int, config.Interlock],
    path: Path,
    lines: list[str],
) -> tuple[list[Wire], list[ConfigProblem]]:
    wires: list[Wire] = []
    problems: list[ConfigProblem] = []
    specs: dict[str, DeviceSpec] = {}
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
        problems += _taken(wire, wires, index, lines)
        wires.append(wire)
        if len(problems) == known:
            problems += _misfits(wire, index, lines, specs)
    problems += _without_button(devices, specs, lines)
    problems += _bad_interlocks(interlocks, devices, specs, lines)
    return wires, problems


def _taken(wire: Wire, others: list[Wire], index: int, lines: list[str]) -> list[ConfigProblem]:
    """A second connection on the same port: the two would fight over it. A URL's server may not."""
    place = _place(wire.options)
    first = next((one for one in others if place and _place(one.options) == place), None)
    if first is None:
        return []
    key: Key = ("connection", index, "options")
    params = {"place": place, "other": first.id}
    return [ConfigProblem(dotted(key), "config.same_wire", params, line_of(key, lines))]


def _place(options: Options) -> str:
    """Where the wire ends, as far as the usual names of options tell."""
    given = {name: getattr(options, name, None) for name in PLACES}
    if given["host"]:
        return f"{given['host']}:{given['port'] or given['dashboard_port'] or ''}"
    return str(given["serial_port"] or given["port"] or "")


def _misfits(
    wire: Wire, index: int, lines: list[str], specs: dict[str, DeviceSpec]
) -> list[ConfigProblem]:
    """What the driver has against options and devices that are sound one by one.

    What it says of its devices goes into `specs`.
    """
    try:
        driver = wire.driver(
            wire.id, wire.options, wire.devices, clock=LabClock(), emit=lambda fact: None
        )
    except SetupFault as fault:
        key: Key = ("connection", index)
        return [ConfigProblem(dotted(key), fault.code, fault.params, line_of(key, lines))]
    specs |= {device.id: driver.device_spec(device.id) for device in wire.devices}
    return []


def _without_button(
    devices: Mapping[int, config.Device], specs: Mapping[str, DeviceSpec], lines: list[str]
) -> Iterator[ConfigProblem]:
    """Moving devices whose physical emergency stop nobody could find."""
    for index, device in devices.items():
        if device.id in specs and specs[device.id].moves and device.estop is None:
            key: Key = ("device", index, "estop")
            params = {"device": device.id}
            yield ConfigProblem(dotted(key), "config.estop_missing", params, line_of(key, lines))


def _bad_interlocks(
    interlocks: Mapping[int, config.Interlock],
    devices: Mapping[int, config.Device],
    specs: Mapping[str, DeviceSpec],
    lines: list[str],
) -> Iterator[ConfigProblem]:
    """Interlocks over devices, signals and verbs there are not; what is broken is told before."""
    ids = {device.id for device in devices.values()}
    for index, one in interlocks.items():
        for number, when in enumerate(one.when):
            signals = specs[when.device].signals if when.device in specs else {}
            if when.device not in ids:
                code, name, value = "config.unknown_reference", "device", when.device
            elif when.device in specs and when.signal is not None and when.signal not in signals:
                code, name, value = "config.unknown_signal", "signal", when.signal
            else:
                continue
            key: Key = ("interlock", index, "when", number, name)
            params = {"value": value, "section": "device", "device": when.device}
            params |= {"known": ", ".join(sorted(signals)) or "-"}
            yield ConfigProblem(dotted(key), code, params, line_of(key, lines))
        guarded = [specs[device] for device in one.devices if device in specs]
        known = {verb for spec in guarded for verb in spec.commands}
        for verb in one.verbs if len(guarded) == len(one.devices) else ():
            if verb not in known:
                key = ("interlock", index, "verbs")
                params = {"value": verb, "known": ", ".join(sorted(known)) or "-"}
                yield ConfigProblem(dotted(key), "config.unknown_verb", params, line_of(key, lines))


def _no_driver(
    connection: config.Connection, index: int, fault: SetupFault, lines: list[str]
) -> ConfigProblem:
    key: Key = ("connection", index, "driver")
    code = "config.unknown_driver" if "known" in fault.params else fault.code
    params = {"value": connection.driver, **fault.params}
    return ConfigProblem(dotted(key), code, params, line_of(key, lines))


def resolve_files(options: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Options named `…_file` and `…_dir` are paths beside lab.toml."""
    return {
        key: str(home / value)
        if key.endswith(("_file", "_dir")) and isinstance(value, str)
        else value
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
    emit: Emit,
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
