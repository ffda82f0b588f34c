"""What a Universal Robots arm can be told and what it measures: tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import Field

from equipment_drivers.contract import (
    ANY_TIME,
    KNOWN,
    Arguments,
    CommandSpec,
    DeviceSpec,
    Effect,
    NoArguments,
    SignalSpec,
    StopPlan,
    StopStep,
)
from equipment_drivers.devices.ur_dashboard import GREETING
from equipment_drivers.devices.ur_options import UrArmOptions, UrOptions
from equipment_drivers.devices.ur_rtde import Value
from equipment_drivers.model import Operation

STATE_FIELDS = ("timestamp", "robot_mode", "safety_mode", "runtime_state")
SAFETY_STATUS = "safety_status"
TARGET_SPEED = "target_speed_fraction"
SPEED_FIELDS = ("speed_slider_mask", "speed_slider_fraction")

RESTING = frozenset({Operation.IDLE, Operation.READY})


class ProgramName(Arguments):
    """A program on the controller, as it stands below its folder of programs."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")


class Percent(Arguments):
    """The speed slider, in percent of the programmed speed."""

    percent: float = Field(gt=0, le=100, allow_inf_nan=False)


Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Measure:
    """One signal: its unit, decimals, the fields it needs and how it is made of them."""

    unit: str
    precision: int
    fields: tuple[str, ...]
    make: Callable[[Values], float]
    lowest: float = -math.inf
    highest: float = math.inf


def _number(values: Values, name: str) -> float:
    value = values[name]
    return math.nan if isinstance(value, tuple) else float(value)


def _item(values: Values, name: str, place: int) -> float:
    value = values[name]
    return float(value[place]) if isinstance(value, tuple) else math.nan


def _plain(unit: str, precision: int, name: str, factor: float, high: float) -> Measure:
    return Measure(unit, precision, (name,), lambda v: factor * _number(v, name), -high, high)


def _axis(place: int) -> Measure:
    name = "actual_q"
    return Measure(
        "deg", 1, (name,), lambda v: math.degrees(_item(v, name, place)), -100_000, 100_000
    )


def _joint_heat(place: int) -> Measure:
    name = "joint_temperatures"
    return Measure("Cel", 0, (name,), lambda v: _item(v, name, place), -60, 200)


def _power(values: Values) -> float:
    return _number(values, "actual_robot_voltage") * _number(values, "actual_robot_current")


def _force(values: Values) -> float:
    return math.hypot(*(_item(values, "actual_TCP_force", place) for place in range(3)))


MEASURES: Mapping[str, Measure] = {
    "speed_override": _plain("%", 0, TARGET_SPEED, 100.0, 100.0),
    "speed_scaling": _plain("%", 0, "speed_scaling", 100.0, 1000.0),
    "power": Measure("W", 0, ("actual_robot_voltage", "actual_robot_current"), _power, -5e4, 5e4),
    "current": _plain("A", 2, "actual_robot_current", 1.0, 1000.0),
    "force": Measure("N", 1, ("actual_TCP_force",), _force, 0, 1e5),
    "tool_temp": _plain("Cel", 0, "tool_temperature", 1.0, 200.0),
    **{f"axis_{place + 1}": _axis(place) for place in range(6)},
    **{f"joint_temp_{place + 1}": _joint_heat(place) for place in range(6)},
    "inputs": _plain("1", 0, "actual_digital_input_bits", 1.0, 2.0**64),
}
"""What is measured. The digital inputs come as one number, a bit an input."""


def output_fields(part_source: str) -> list[str]:
    """The fields the controller is asked to send."""
    names = [*STATE_FIELDS, SAFETY_STATUS]
    names += [field for measure in MEASURES.values() for field in measure.fields]
    return list(dict.fromkeys([*names, part_source] if part_source else names))


def input_fields(options: UrOptions) -> dict[str, tuple[str, ...]]:
    """The fields we want to write, a purpose each."""
    wanted = {"speed": SPEED_FIELDS}
    if options.watchdog:
        return {**wanted, "watchdog": (f"input_int_register_{options.watchdog_register}",)}
    return dict(wanted)


def device_spec(device: str, options: UrOptions, arm: UrArmOptions) -> DeviceSpec:
    """Commands and signals of the arm."""
    short = options.timeout_s + options.greeting_s
    act, configure = Effect.ACTUATE, Effect.CONFIGURE
    idle, paused = frozenset({Operation.IDLE}), frozenset({Operation.PAUSED})
    starting = short + options.start_s + options.stop_s
    powering = short + options.power_s
    none = NoArguments
    commands = [
        CommandSpec("refresh", none, Effect.READ, KNOWN, 3 * short),
        CommandSpec("load_program", ProgramName, configure, RESTING, short + options.load_s),
        CommandSpec("start_program", none, act, frozenset({Operation.READY}), starting),
        CommandSpec("resume", none, act, paused, starting),
        CommandSpec("hold", none, act, frozenset({Operation.BUSY}), starting, calms=True),
        CommandSpec("stop_program", none, act, ANY_TIME, starting, calms=True),
        CommandSpec("set_speed", Percent, act, KNOWN, starting),
        CommandSpec("power_on", none, act, idle, powering),
        CommandSpec("brake_release", none, act, idle, powering),
        CommandSpec("power_off", none, act, RESTING, powering, calms=True),
        CommandSpec("close_popup", none, configure, KNOWN, 2 * short),
    ]
    if options.allow_unlock:
        commands.append(CommandSpec("unlock_protective_stop", none, configure, KNOWN, starting))
    return DeviceSpec(
        device=device,
        kind="robot",
        commands={command.verb: command for command in commands},
        signals={
            name: SignalSpec(name, measure.unit, arm.max_age_s, measure.precision)
            for name, measure in MEASURES.items()
        },
        moves=True,
    )


def stop_plan(device: str, connection: str, options: UrOptions) -> StopPlan:
    """`stop` on a dashboard socket of the stopper's own.

    It also asks whether a program runs: where none did, `stop` is refused and all is well. What
    keeps the socket warm has an answer that can be taken for neither.
    """
    payload = {
        "host": options.host,
        "port": options.dashboard_port,
        "greeting": GREETING,
        "write_hex": b"stop\nrunning\n".hex(),
        "expect": r"(?i)Stopped|Program running: *false",
        "keep_hex": b"robotmode\n".hex(),
    }
    step = StopStep("socket", connection, payload, deadline_s=options.stop_s)
    return StopPlan(device, "stop.means.ur", (step,))
