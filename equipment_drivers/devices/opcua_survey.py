"""Looking at a server nobody has configured yet: every variable with type, unit, value, status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from asyncua import ua

from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_session import Session, chunks, our_words
from equipment_drivers.devices.opcua_tree import CORE, Place, Tree
from equipment_drivers.devices.opcua_units import UNITS
from equipment_drivers.devices.opcua_values import plain

SERVER = ua.ObjectIds.Server
NUMBERS = frozenset(
    {
        "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64",
        "Float", "Double",
    }
)  # fmt: skip
DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Found:
    """One variable: how to name it in a configuration, and what it showed."""

    node: str
    path: str
    type: str
    unit: str
    value: str
    status: str
    writable: bool

    @property
    def is_number(self) -> bool:
        """Whether it can be a signal: a single number or a boolean."""
        return self.type in NUMBERS


async def survey(options: OpcuaOptions, limit: int) -> list[Found]:
    """Up to `limit` variables below Objects, the server's own left out; nothing is written."""
    session = Session(options)
    try:
        standing = await session.open()
        tree = Tree(session.client, standing.namespaces)
        with our_words(options.url):
            places = [place async for place in _variables(tree, limit)]
            units = [await tree.unit_code(place) for place in places]
            values: list[ua.DataValue] = []
            access: list[ua.DataValue] = []
            for some in chunks([place.node for place in places], session.most_nodes):
                values += await session.client.read_attributes(some)
                kind = ua.AttributeIds.UserAccessLevel
                access += await session.client.read_attributes(some, kind)
    finally:
        await session.close()
    return [
        _found(tree, place, unit, value, allowed)
        for place, unit, value, allowed in zip(places, units, values, access, strict=True)
    ]


async def _variables(tree: Tree, limit: int) -> AsyncIterator[Place]:
    """Breadth first, each node once: address spaces have circles."""
    seen, waiting, count = {tree.objects.node.nodeid}, [tree.objects], 0
    while waiting:
        here = waiting.pop(0)
        for place in await tree.children(here):
            known = place.node.nodeid in seen
            seen.add(place.node.nodeid)
            if known or place.node.nodeid == ua.NodeId(SERVER):  # type: ignore[arg-type]
                continue
            if place.node_class == ua.NodeClass.Variable:
                if count >= limit:
                    return
                count += 1
                yield place
            if place.node_class == ua.NodeClass.Object and len(place.path) < DEEPEST:
                waiting.append(place)


def _found(
    tree: Tree, place: Place, unit: str | None, data: ua.DataValue, access: ua.DataValue
) -> Found:
    variant = data.Value
    single = variant is not None and not variant.is_array
    value = plain(variant.Value) if variant is not None and single else None
    mask = access.Value.Value if access.Value is not None else 0
    return Found(
        node=node_text(tree, place.node.nodeid),
        path="/".join(name for _, name in place.path),
        type=variant.VariantType.name + ("" if single else "[]") if variant is not None else "",
        unit=UNITS.get(unit or "", "1"),
        value="" if value is None else str(value)[:60],
        status=str(data.StatusCode.name) if data.StatusCode else "Good",
        writable=bool(int(mask or 0) & ua.AccessLevel.CurrentWrite.mask),
    )


def node_text(tree: Tree, node: ua.NodeId) -> str:
    """A node id with its namespace's URI: `nsu=URI;s=NAME`."""
    identifier = node.to_string().rpartition("ns=")[2]
    identifier = identifier.partition(";")[2] if node.NamespaceIndex else node.to_string()
    uri = tree.uri(node.NamespaceIndex)
    return identifier if uri == CORE else f"nsu={uri};{identifier}"
