"""A peer that dies or falls silent: seen in time, told, and found again without moving it."""

from __future__ import annotations

from equipment_drivers.conformance.wire import Wire, needs_a_peer
from equipment_drivers.model import DeviceState, Link, LinkChanged, Operation, Safety


async def lost(wire: Wire, since: int) -> None:
    """Seen within the driver's own word plus 0.5 s, and a stated margin for a busy machine."""
    await wire.until(lambda: not wire.link.carries_commands, wire.silence_s)
    change = next(one for one in wire.told(LinkChanged, since) if not one.link.carries_commands)
    assert change.link is Link.BACKOFF
    assert change.code.startswith("driver.")
    assert wire.operation is Operation.UNKNOWN
    last: dict[str, DeviceState] = {one.device: one for one in wire.states()}
    for state in last.values():
        assert state.operation is Operation.UNKNOWN
        assert state.safety in (Safety.UNKNOWN, Safety.NONE)


async def back(wire: Wire, witness: int) -> None:
    """Online again by itself; nobody moved."""
    await wire.until(lambda: wire.link.carries_commands)
    assert wire.operation is not Operation.UNKNOWN
    assert await wire.settled() == witness


async def test_a_peers_death_is_seen_and_survived(wire: Wire) -> None:
    needs_a_peer(wire)
    since = len(wire.facts)
    await wire.bench.vanish()
    await lost(wire, since)
    await wire.bench.prepare()
    await back(wire, await wire.bench.witness())


async def test_a_peers_silence_is_seen_and_survived(wire: Wire) -> None:
    needs_a_peer(wire)
    witness = await wire.bench.witness()
    since = len(wire.facts)
    await wire.bench.freeze(True)
    await lost(wire, since)
    await wire.bench.freeze(False)
    await back(wire, witness)


async def test_leaving_is_told_as_leaving(wire: Wire) -> None:
    await wire.stop()
    assert wire.link is Link.OFFLINE
    assert [change.code for change in wire.told(LinkChanged) if change.code] == []
