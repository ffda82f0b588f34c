"""Finding nodes by namespace URI and browse name, anew at each connect: indices are not stable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asyncua import Client, Node, ua

from equipment_drivers.errors import BadOption

CORE = "http://opcfoundation.org/UA/"
ANY = "*"
NODE_ID = re.compile(r"^(?:nsu=(?P<uri>[^;]+);)?(?P<id>[isgb]=.+)$", re.DOTALL)

Steps = tuple[tuple[str, str], ...]
Where = str | tuple[tuple[str, str], ...]
"""A node as configured: `nsu=URI;s=…`, or its path below Objects as (namespace URI, name)."""


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


class Tree:
    """The server's address space as far as it was looked at; one browse per object.

    A step of a path is a pair of namespace URI (`*`: any) and browse name (`*`: the first object).
    """

    def __init__(self, client: Client, namespaces: list[str]) -> None:
        self.namespaces = namespaces
        self._client = client
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
        node = Node(above.node.session, item.NodeId)
        return Place(
            node, (*above.path, (self.uri(name.NamespaceIndex), name.Name)), item.NodeClass
        )

    def uri(self, index: int) -> str:
        """The namespace of an index, empty for one the server does not list."""
        return self.namespaces[index] if index < len(self.namespaces) else ""

    async def find(self, start: Place, steps: Iterable[tuple[str, str]]) -> Place | None:
        """Follow steps from a node; None when one leads nowhere."""
        place = start
        for step in steps:
            matching = [below for below in await self.children(place) if fits(below, step)]
            if not matching:
                return None
            place = matching[0]
        return place

    async def locate(self, where: Where) -> Place | None:
        """A configured node, by its id or its path; None when the server has none such."""
        if not isinstance(where, str):
            return await self.find(self.objects, where)
        uri, identifier = split_id(where)
        if uri not in self.namespaces:
            return None
        text = f"ns={self.namespaces.index(uri)};{identifier}"
        node = self._client.get_node(ua.NodeId.from_string(text))
        (kind,) = await self._client.read_attributes([node], ua.AttributeIds.NodeClass)
        if kind.Value is None or kind.Value.Value is None:
            return None
        return Place(node, (), ua.NodeClass(kind.Value.Value))

    async def methods(self, place: Place) -> dict[str, Method]:
        """The methods of an object by browse name."""
        methods = {}
        for below in await self.children(place):
            if below.node_class == ua.NodeClass.Method:
                methods[below.path[-1][1]] = await self.method(below)
        return methods

    async def method(self, place: Place) -> Method:
        """A method with what it wants to be called with."""
        uri, name = place.path[-1] if place.path else ("", str(place.node.nodeid))
        arguments = await self.find(place, [(CORE, "InputArguments")])
        wanted: Sequence[ua.Argument] = ()
        if arguments is not None:
            wanted = await arguments.node.read_value() or ()
        return Method(name, place.node.nodeid, tuple(zero(one.DataType) for one in wanted), uri)

    async def unit_code(self, place: Place) -> str | None:
        """The UNECE code of a variable's unit (OPC 10000-8: its characters as one number).

        None where the server names no unit.
        """
        unit = await self.find(place, [(CORE, "EngineeringUnits")])
        if unit is None:
            return None
        number = int(getattr(await unit.node.read_value(), "UnitId", 0))
        return number.to_bytes(4, "big", signed=True).lstrip(b"\0").decode("ascii", "replace")


def fits(place: Place, step: tuple[str, str]) -> bool:
    """Whether a place is the one a step of a path asks for."""
    space, name = step
    if name == ANY:
        return bool(place.node_class == ua.NodeClass.Object)
    uri, browse_name = place.path[-1]
    return browse_name == name and space in (ANY, uri)


def split_id(text: str) -> tuple[str, str]:
    """`nsu=URI;s=…` as URI and identifier; `i=…` alone is one of OPC UA's own. Raises BadOption.

    `ns=2;…` is not taken: an index may be another namespace after the server's next start.
    """
    found = NODE_ID.match(text)
    if found is None:
        raise BadOption(option="node", cause=f"{text}: nsu=URI;s=NAME")
    return found["uri"] or CORE, found["id"]


def zero(data_type: ua.NodeId) -> ua.Variant:
    """The default of a type: an enumeration (any type outside namespace 0) is an Int32."""
    number = data_type.Identifier if data_type.NamespaceIndex == 0 else ua.VariantType.Int32.value
    if not isinstance(number, int) or number > ua.VariantType.Double.value:
        return ua.Variant("", ua.VariantType.String)
    kind = ua.VariantType(number)
    return ua.Variant(False if kind == ua.VariantType.Boolean else 0, kind)
