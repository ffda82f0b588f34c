"""Builds the cobot's address space in an asyncua server from the tables of names and types."""

from __future__ import annotations

from typing import Any

from asyncua import Server, ua

from hardware_sim.opcua_cobot_nodes import (
    ANALOG,
    ENUMERATIONS,
    FOLDER,
    KNOWN_IDS,
    LIVE_PATHS,
    METHODS,
    OBJECTS,
    STATE_MACHINE,
    STATES,
    TYPES,
    UNITS,
    UNITS_URI,
    AddressSpace,
    Variable,
    register,
    variables,
)
from hardware_sim.opcua_words import node_id, status_code

_IDS = ua.ObjectIds
_OBJECTS_FOLDER = node_id(_IDS.ObjectsFolder)
_PROPERTY = node_id(_IDS.PropertyType)
_ADD_INS = frozenset({"TaskControlOperation", "MachineryItemState", "Identification"})


async def build(server: Server, seed: int, serial: str, absent: list[str]) -> AddressSpace:
    """Build everything but the `absent` names and what is below them.

    Methods are there but do nothing until they are linked.
    """
    space = AddressSpace(await register(server, seed))
    builder = _Builder(server, space)
    await builder.types()
    for path, kind in OBJECTS.items():
        if _present(path, absent):
            await builder.object(path, kind)
    for path, variable in variables(serial).items():
        if _present(path, absent):
            await builder.variable(path, variable)
    for name, (browse_name, inputs) in METHODS.items():
        if STATE_MACHINE in space.nodes and name not in absent:
            space.methods[name] = await builder.method(browse_name, inputs)
    system = space.nodes["DI:DeviceSet/V:CobotCell"]
    await server.get_node(space.nodes["MACH:Machines"]).add_reference(system, _IDS.Organizes)
    space.live = {
        name: space.nodes[path] for name, path in LIVE_PATHS.items() if path in space.nodes
    }
    return space


def _present(path: str, absent: list[str]) -> bool:
    return not any(step.partition(":")[2] in absent for step in path.split("/"))


class _Builder:
    def __init__(self, server: Server, space: AddressSpace) -> None:
        self._server = server
        self._space = space

    async def types(self) -> None:
        """Object types, enumerations and the states of the state machines."""
        for key, (name, above) in TYPES.items():
            await self._add(
                self._space.known(key), f"{key.partition(':')[0]}:{name}", self._space.known(above),
                _IDS.HasSubtype, ua.NodeClass.ObjectType, ua.ObjectTypeAttributes(),
            )  # fmt: skip
        for key, (name, texts) in ENUMERATIONS.items():
            node = self._space.known(key)
            await self._add(
                node, f"ROB:{name}", node_id(_IDS.Enumeration),
                _IDS.HasSubtype, ua.NodeClass.DataType, ua.DataTypeAttributes(),
            )  # fmt: skip
            values = [ua.LocalizedText(text, "en") for text in texts]
            await self._server.get_node(node).add_property(
                node_id(f"{name}.EnumStrings", self._space.indices["V"]),
                ua.QualifiedName("EnumStrings", 0),
                values,
            )
        for key, (owner, name) in STATES.items():
            await self._add(
                self._space.known(key), f"{key.partition(':')[0]}:{name}", self._space.known(owner),
                _IDS.HasComponent, ua.NodeClass.Object, ua.ObjectAttributes(),
                node_id(_IDS.StateType),
            )  # fmt: skip

    async def object(self, path: str, kind: str) -> None:
        """One object; below a folder it is organized, an add-in is an add-in."""
        above, name = self._split(path)
        organized = above == "" or OBJECTS[above] == FOLDER
        reference = _IDS.Organizes if organized else _IDS.HasComponent
        if name.partition(":")[2] in _ADD_INS:
            reference = _IDS.HasAddIn
        self._space.nodes[path] = await self._add(
            self._id(path), name, self._space.nodes.get(above, _OBJECTS_FOLDER),
            reference, ua.NodeClass.Object, ua.ObjectAttributes(), self._space.known(kind),
        )  # fmt: skip

    async def variable(self, path: str, variable: Variable) -> None:
        """One variable with its unit, where it has one."""
        above, name = self._split(path)
        kind = self._space.known(variable.kind)
        attributes = ua.VariableAttributes()
        attributes.Value = ua.Variant(variable.value, variable.wire)
        attributes.DataType = (
            self._space.known(variable.enum) if variable.enum else node_id(variable.wire.value)
        )
        attributes.ValueRank = ua.ValueRank.Scalar
        attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
        reference = _IDS.HasProperty if kind == _PROPERTY else _IDS.HasComponent
        node = await self._add(
            self._id(path), name, self._space.nodes[above],
            reference, ua.NodeClass.Variable, attributes, kind,
        )  # fmt: skip
        self._space.nodes[path] = node
        self._space.values[path] = variable
        if variable.kind == ANALOG:
            code, shown = UNITS[variable.unit]
            await self._server.get_node(node).add_property(
                self._id(f"{path}/0:EngineeringUnits"),
                ua.QualifiedName("EngineeringUnits", 0),
                _unit(code, shown),
            )

    async def method(self, name: str, inputs: tuple[tuple[str, ua.VariantType], ...]) -> ua.NodeId:
        """One method of the state machine, with its arguments and the Status it answers."""
        state_machine = self._server.get_node(self._space.nodes[STATE_MACHINE])
        method = await state_machine.add_method(
            self._id(f"{STATE_MACHINE}/{name}"),
            self._space.name(name),
            _unlinked,
            [_argument(text, wire) for text, wire in inputs],
            [_argument("Status", ua.VariantType.Int32)],
        )
        return method.nodeid

    def _split(self, path: str) -> tuple[str, str]:
        above, _, name = path.rpartition("/")
        return above, name

    def _id(self, path: str) -> ua.NodeId:
        if path in KNOWN_IDS:
            namespace, number = KNOWN_IDS[path]
            return node_id(number, self._space.indices[namespace])
        plain = ".".join(step.partition(":")[2] for step in path.split("/")[1:])
        return node_id(plain, self._space.indices["V"])

    async def _add(
        self,
        node: ua.NodeId,
        name: str,
        parent: ua.NodeId,
        reference: int,
        node_class: ua.NodeClass,
        attributes: Any,
        kind: ua.NodeId | None = None,
    ) -> ua.NodeId:
        item = ua.AddNodesItem()
        item.RequestedNewNodeId = node
        item.BrowseName = self._space.name(name)
        item.ParentNodeId = parent
        item.ReferenceTypeId = node_id(reference)
        item.NodeClass = node_class
        attributes.DisplayName = ua.LocalizedText(item.BrowseName.Name, "en")
        item.NodeAttributes = attributes
        if kind is not None:
            item.TypeDefinition = kind
        (result,) = await self._server.iserver.isession.add_nodes([item])
        result.StatusCode.check()
        return node


def _argument(name: str, wire: ua.VariantType) -> ua.Argument:
    argument = ua.Argument()
    argument.Name = name
    argument.DataType = node_id(wire.value)
    argument.ValueRank = ua.ValueRank.Scalar
    return argument


def _unit(code: str, shown: str) -> ua.EUInformation:
    """UNECE code as a unit id: its characters as one number, as OPC 10000-8 says."""
    unit = ua.EUInformation()
    unit.NamespaceUri = UNITS_URI
    unit.UnitId = int.from_bytes(code.encode("ascii"), "big")
    unit.DisplayName = ua.LocalizedText(shown, "en")
    return unit


async def _unlinked(_: ua.NodeId, *__: ua.Variant) -> ua.StatusCode:
    return status_code(ua.StatusCodes.BadNotImplemented)
