"""Finding a robot system's nodes by namespace URI and browse name, anew at each connect.

Names follow OPC 40010-1 (Robotics), OPC 40001-1 (Machinery) and OPC 10000-100 (DI). What the
companion specification leaves to the vendor (which robot, which controller) is the first one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncua import Client, Node, ua

from equipment_drivers.devices.opcua_robot_options import RobotDeviceOptions
from equipment_drivers.errors import WrongDevice

URIS = {
    "0": "http://opcfoundation.org/UA/",
    "DI": "http://opcfoundation.org/UA/DI/",
    "MACH": "http://opcfoundation.org/UA/Machinery/",
    "ROB": "http://opcfoundation.org/UA/Robotics/",
}
ANY = "*"

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

Steps = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A node and the way to it from Objects, as pairs of namespace URI and browse name."""

    node: Node
    path: Steps
    node_class: ua.NodeClass = ua.NodeClass.Object


@dataclass(frozen=True, slots=True)
class Method:
    """A method with inputs to call it with: a zero of the right type for each argument."""

    name: str
    id: ua.NodeId
    inputs: tuple[ua.Variant, ...]
    uri: str


@dataclass(frozen=True, slots=True)
class RobotNodes:
    """What one system offers: values by our key, and the state machine with its methods."""

    values: Mapping[str, Node]
    scales: Mapping[str, float | None] = field(default_factory=dict)
    machine: Place | None = None
    methods: Mapping[str, Method] = field(default_factory=dict)


class Tree:
    """The server's address space as far as it was looked at; one browse per object."""

    def __init__(self, client: Client, namespaces: list[str]) -> None:
        self._namespaces = namespaces
        self._seen: dict[ua.NodeId, list[Place]] = {}
        self.objects = Place(client.nodes.objects, ())

    async def children(self, place: Place) -> list[Place]:
        """What hangs below a node, in the server's order."""
        if place.node.nodeid not in self._seen:
            found = await place.node.get_children_descriptions(
                refs=ua.ObjectIds.HierarchicalReferences
            )
            self._seen[place.node.nodeid] = [self._place(place, item) for item in found]
        return self._seen[place.node.nodeid]

    def _place(self, above: Place, item: ua.ReferenceDescription) -> Place:
        name = item.BrowseName
        known = name.NamespaceIndex < len(self._namespaces)
        uri = self._namespaces[name.NamespaceIndex] if known else ""
        node = Node(above.node.session, item.NodeId)
        return Place(node, (*above.path, (uri, name.Name)), item.NodeClass)

    async def find(self, start: Place, path: str) -> Place | None:
        """Follow steps `NS:Name`, `*:Name` (any namespace) or `*` (the first object)."""
        place = start
        for step in path.split("/"):
            matching = [below for below in await self.children(place) if fits(below, step)]
            if not matching:
                return None
            place = matching[0]
        return place


def fits(place: Place, step: str) -> bool:
    """Whether a place is the one a step of a path asks for."""
    if step == ANY:
        return bool(place.node_class == ua.NodeClass.Object)
    space, _, name = step.partition(":")
    uri, browse_name = place.path[-1]
    return browse_name == name and (space == ANY or uri == URIS[space])


async def find_system(tree: Tree, address: str) -> Place:
    """The addressed system below DeviceSet, or the first that has motion devices."""
    devices = await tree.find(tree.objects, "DI:DeviceSet")
    if devices is None:
        raise WrongDevice(cause="no DeviceSet")
    if address:
        path = "/".join(f"*:{name}" for name in address.split("/"))
        found = await tree.find(devices, path)
        candidates = [found] if found else []
    else:
        candidates = [below for below in await tree.children(devices) if fits(below, ANY)]
    for candidate in candidates:
        if await tree.find(candidate, ROBOT) is not None:
            return candidate
    raise WrongDevice(cause=f"no MotionDeviceSystem {address}".strip())


async def resolve(tree: Tree, address: str, options: RobotDeviceOptions) -> RobotNodes:
    """Everything we use of one system. Raises WrongDevice when it is not there."""
    system = await find_system(tree, address)
    paths = dict(STANDARD_VALUES)
    for key in PRODUCTION_VALUES:
        paths[key] = f"*:{options.production}/*:{getattr(options, key)}"
    found = {key: await tree.find(system, path) for key, path in paths.items()}
    values = {key: place.node for key, place in found.items() if place is not None}
    axes = await _axes(tree, system, options.axes)
    machine = await tree.find(system, MACHINE)
    return RobotNodes(
        values=values | {name: place.node for name, place in axes.items()},
        scales={name: await _degrees(tree, place) for name, place in axes.items()},
        machine=machine,
        methods=await _methods(tree, machine) if machine else {},
    )


async def _axes(tree: Tree, system: Place, count: int) -> dict[str, Place]:
    axes = await tree.find(system, f"{ROBOT}/ROB:Axes")
    if axes is None:
        return {}
    listed = [axis for axis in await tree.children(axes) if fits(axis, ANY)]
    listed.sort(key=lambda axis: axis.path[-1][1])
    places = {}
    for number, axis in enumerate(listed[:count], start=1):
        position = await tree.find(axis, "DI:ParameterSet/ROB:ActualPosition")
        if position is not None:
            places[f"axis_{number}"] = position
    return places


async def _degrees(tree: Tree, axis: Place) -> float | None:
    """The size of the axis's unit in degrees; degrees when it has none, None when unknown."""
    unit = await tree.find(axis, "0:EngineeringUnits")
    if unit is None:
        return 1.0
    information = await unit.node.read_value()
    number = int(information.UnitId)
    code = number.to_bytes(4, "big", signed=True).lstrip(b"\0").decode("ascii", "replace")
    return DEGREES.get(code)


async def _methods(tree: Tree, machine: Place) -> dict[str, Method]:
    methods = {}
    for place in await tree.children(machine):
        if place.node_class == ua.NodeClass.Method:
            uri, name = place.path[-1]
            inputs = await _zeros(tree, place)
            methods[name] = Method(name, place.node.nodeid, inputs, uri)
    return methods


async def _zeros(tree: Tree, method: Place) -> tuple[ua.Variant, ...]:
    arguments = await tree.find(method, "0:InputArguments")
    if arguments is None:
        return ()
    return tuple(zero(argument.DataType) for argument in await arguments.node.read_value() or ())


def zero(data_type: ua.NodeId) -> ua.Variant:
    """The default of a type: an enumeration (any type outside namespace 0) is an Int32."""
    number = data_type.Identifier if data_type.NamespaceIndex == 0 else ua.VariantType.Int32.value
    if not isinstance(number, int) or number > ua.VariantType.Double.value:
        return ua.Variant("", ua.VariantType.String)
    kind = ua.VariantType(number)
    return ua.Variant(False if kind == ua.VariantType.Boolean else 0, kind)
