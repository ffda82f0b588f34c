"""The nodes of one configured machine in one session, found by namespace URI at each connect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from asyncua import Node, ua

from equipment_drivers.devices.opcua_machine_options import MachineDeviceOptions, Where
from equipment_drivers.devices.opcua_machine_view import MESSAGE, SAFETY, STATE
from equipment_drivers.devices.opcua_tree import Method, Place, Tree
from equipment_drivers.devices.opcua_units import agree
from equipment_drivers.errors import BadOption, WrongDevice


@dataclass(frozen=True, slots=True)
class Target:
    """A node that may be written, and its type."""

    node: Node
    kind: ua.VariantType


@dataclass(frozen=True, slots=True)
class Call:
    """A method on its object, with the inputs it is always called with."""

    object: Node
    method: Method


@dataclass(frozen=True, slots=True)
class MachineNodes:
    """What one machine offers: values by our key, what may be written and called."""

    values: Mapping[str, Node] = field(default_factory=dict)
    doubted: frozenset[str] = frozenset()
    setpoints: Mapping[str, Target] = field(default_factory=dict)
    methods: Mapping[str, Call] = field(default_factory=dict)
    stop: Call | None = None
    stopped: Node | None = None


async def resolve(tree: Tree, options: MachineDeviceOptions) -> MachineNodes:
    """Find everything that is configured. Raises WrongDevice naming the first that is missing."""
    values: dict[str, Node] = {}
    doubted = set()
    for key, where in _watched(options):
        values[key] = (await _demand(tree, where, key)).node
    for signal in options.signals:
        place = await tree.locate(signal.node)
        if place is None and signal.optional:
            continue
        place = place or await _demand(tree, signal.node, signal.name)
        values[signal.name] = place.node
        if signal.scale == 1.0 and not agree(await tree.unit_code(place), signal.unit):
            doubted.add(signal.name)
    targets = {}
    for one in options.setpoints:
        node = (await _demand(tree, one.node, one.name)).node
        targets[one.name] = Target(node, await node.read_data_type_as_variant_type())
    methods = {
        one.name: await _call(tree, one.object, one.method, one.args) for one in options.methods
    }
    stop = stopped = None
    if options.stop is not None:
        stop = await _call(tree, options.stop.object, options.stop.method, options.stop.args)
        if options.stop.confirm is not None:
            stopped = (await _demand(tree, options.stop.confirm.node, "confirm")).node
    return MachineNodes(values, frozenset(doubted), targets, methods, stop, stopped)


def _watched(options: MachineDeviceOptions) -> Iterator[tuple[str, Where]]:
    yield from options.counters.items()
    if options.state is not None:
        yield STATE, options.state.node
    if options.safety is not None:
        yield SAFETY, options.safety.node
    if options.message is not None:
        yield MESSAGE, options.message


async def _demand(tree: Tree, where: Where, name: str) -> Place:
    place = await tree.locate(where)
    if place is None:
        shown = where if isinstance(where, str) else "/".join(step for _, step in where)
        raise WrongDevice(cause=f"{name}: no node {shown}")
    return place


async def _call(
    tree: Tree, where: Where, name: tuple[str, str], args: tuple[tuple[str, object], ...]
) -> Call:
    owner = await _demand(tree, where, name[1])
    place = await tree.find(owner, [name])
    if place is None:
        raise WrongDevice(cause=f"no method {name[1]}")
    method = await tree.method(place)
    if args:
        method = replace(method, inputs=tuple(_variant(*one) for one in args))
    return Call(owner.node, method)


def _variant(kind: str, value: object) -> ua.Variant:
    try:
        return ua.Variant(value, ua.VariantType[kind])
    except KeyError as error:
        raise BadOption(option="args", cause=f"no OPC UA type {kind}") from error
