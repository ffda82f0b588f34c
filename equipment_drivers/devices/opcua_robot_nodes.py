"""Finding a robot system's nodes by namespace URI and browse name, anew at each connect.

Names follow OPC 40010-1 (Robotics), OPC 40001-1 (Machinery) and OPC 10000-100 (DI). What the
companion specification leaves to the vendor (which robot, which controller) is the first one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncua import Node

from equipment_drivers.devices.opcua_robot_options import RobotDeviceOptions
from equipment_drivers.devices.opcua_tree import ANY, CORE, Method, Place, Steps, Tree, fits
from equipment_drivers.errors import WrongDevice

URIS = {
    "0": CORE,
    "DI": "http://opcfoundation.org/UA/DI/",
    "MACH": "http://opcfoundation.org/UA/Machinery/",
    "ROB": "http://opcfoundation.org/UA/Robotics/",
}

TASK = "ROB:Controllers/*/ROB:TaskControls/*"
MACHINE = f"{TASK}/ROB:TaskControlOperation/ROB:TaskControlStateMachine"
SAFETY = "ROB:SafetyStates/*/DI:ParameterSet"
ROBOT = "ROB:MotionDevices/*"

STANDARD_VALUES = {
    "speed_override": f"{ROBOT}/DI:ParameterSet/ROB:SpeedOverride",
    "program": f"{TASK}/DI:ParameterSet/ROB:TaskProgramName",
    "state": f"{MACHINE}/0:CurrentState",
    "substate": f"{MACHINE}/ROB:ReadySubstateMachine/0:CurrentState",
    "item_state": "MACH:MachineryBuildingBlocks/MACH:MachineryItemState/0:CurrentState",
    "emergency_stop": f"{SAFETY}/ROB:EmergencyStop",
    "protective_stop": f"{SAFETY}/ROB:ProtectiveStop",
    "mode": f"{SAFETY}/ROB:OperationalMode",
}
"""Our key → path below the system; a path that is not there is a capability that is not there."""

PRODUCTION_VALUES = ("parts_good", "parts_scrap", "cycle_time", "energy", "power", "micro_stop")

DEGREES = {"DD": 1.0, "C81": 180 / math.pi}
"""UNECE code of an angle's unit → its size in degrees (OPC 10000-8: the code as one number)."""


@dataclass(frozen=True, slots=True)
class RobotNodes:
    """What one system offers: values by our key, and the state machine with its methods."""

    values: Mapping[str, Node]
    scales: Mapping[str, float | None] = field(default_factory=dict)
    machine: Place | None = None
    methods: Mapping[str, Method] = field(default_factory=dict)


def steps(path: str) -> Steps:
    """A path of our tables, `NS:Name/*/*:Name`, as steps of a tree."""
    pairs = (step.rpartition(":") for step in path.split("/"))
    return tuple((URIS.get(space, ANY), name) for space, _, name in pairs)


async def find_system(tree: Tree, address: str) -> Place:
    """The addressed system below DeviceSet, or the first that has motion devices."""
    devices = await tree.find(tree.objects, steps("DI:DeviceSet"))
    if devices is None:
        raise WrongDevice(cause="no DeviceSet")
    if address:
        found = await tree.find(devices, [(ANY, name) for name in address.split("/")])
        candidates = [found] if found else []
    else:
        candidates = [below for below in await tree.children(devices) if fits(below, (ANY, ANY))]
    for candidate in candidates:
        if await tree.find(candidate, steps(ROBOT)) is not None:
            return candidate
    raise WrongDevice(cause=f"no MotionDeviceSystem {address}".strip())


async def resolve(tree: Tree, address: str, options: RobotDeviceOptions) -> RobotNodes:
    """Everything we use of one system. Raises WrongDevice when it is not there."""
    system = await find_system(tree, address)
    paths = dict(STANDARD_VALUES)
    for key in PRODUCTION_VALUES:
        paths[key] = f"*:{options.production}/*:{getattr(options, key)}"
    found = {key: await tree.find(system, steps(path)) for key, path in paths.items()}
    values = {key: place.node for key, place in found.items() if place is not None}
    axes = await _axes(tree, system, options.axes)
    machine = await tree.find(system, steps(MACHINE))
    return RobotNodes(
        values=values | {name: place.node for name, place in axes.items()},
        scales={name: await _degrees(tree, place) for name, place in axes.items()},
        machine=machine,
        methods=await tree.methods(machine) if machine else {},
    )


async def _axes(tree: Tree, system: Place, count: int) -> dict[str, Place]:
    axes = await tree.find(system, steps(f"{ROBOT}/ROB:Axes"))
    if axes is None:
        return {}
    listed = [axis for axis in await tree.children(axes) if fits(axis, (ANY, ANY))]
    listed.sort(key=lambda axis: axis.path[-1][1])
    places = {}
    for number, axis in enumerate(listed[:count], start=1):
        position = await tree.find(axis, steps("DI:ParameterSet/ROB:ActualPosition"))
        if position is not None:
            places[f"axis_{number}"] = position
    return places


async def _degrees(tree: Tree, axis: Place) -> float | None:
    """The size of the axis's unit in degrees; degrees when it has none, None when unknown."""
    code = await tree.unit_code(axis)
    return 1.0 if code is None else DEGREES.get(code)
