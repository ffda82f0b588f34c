"""A bench: one driver together with the far end of its wire, as the suite needs to know them.

Whoever writes a driver writes a bench beside it – a peer in a process of its own (a simulator, or
a machine nobody stands near) and an honest witness of what that peer really did – and registers
its class by the entry point group `machikoba.benches` under the driver's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Deed:
    """One command to the bench's device."""

    verb: str
    args: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raised:
    """How one fault is raised on this peer: the peer's own name for it, and its parameters."""

    name: str
    params: Mapping[str, object] = field(default_factory=dict)


FAULTS = (
    "refuse",  # the peer accepts no connection
    "hang",  # it stays connected and says nothing more (black hole)
    "slow",  # every answer comes far too late
    "reset_mid_frame",  # the connection breaks in the middle of a message
    "half_frame",  # half a message, then nothing
    "bad_checksum",  # bytes changed on the way
    "duplicate_reply",  # an answer comes twice
    "out_of_order",  # answers come in another order
    "bad_value",  # another unit, NaN, 1e308
    "non_utf8",  # bytes that are no text
    "flood",  # ten thousand messages a second
    "unplug",  # the wire is pulled
    "renumber",  # the wire comes back under another name or port
    "second_owner",  # somebody else holds the port or the session
    "auth_revoked",  # the password or token no longer counts
    "late_execution",  # a command is carried out after its time ran out
)
"""The canonical faults. A bench maps each to `Raised`, or to the reason why it does not apply."""


class Bench(Protocol):
    """A driver, its peer, and the truth about that peer."""

    id: str
    """Name of the bench: the driver's id, or the id with a variant (`modbus_rtu`)."""
    driver: str
    """The driver's entry point."""
    device: str
    """Id of the device the suite speaks to."""
    read: Deed | None
    """A command that only reads; None: there is none."""
    act: Deed | None
    """A short command that changes something, ends by itself and may be repeated; each time the
    witness counts the same. None: the device only measures."""
    job: Deed | None
    """A long actuating command (a print, a program): the device is BUSY for minutes; None: none.
    """
    faults: Mapping[str, Raised | str]
    """For each of FAULTS how to raise it, or why it does not apply.

    Where `hang` does not apply there is no peer: `vanish` and `freeze` are then never asked for.
    """

    async def open(self, folder: Path, seed: int) -> None:
        """Start the peer; what it keeps goes into `folder`."""
        ...

    async def close(self) -> None:
        """End the peer."""
        ...

    def connection_options(self) -> Mapping[str, object]:
        """Options that reach the peer, with short timeouts; asked again before each connection."""
        ...

    def devices(self) -> Sequence[Mapping[str, object]]:
        """`id`, `address` and `options` of each device on the connection."""
        ...

    async def prepare(self) -> None:
        """Bring the peer to a known state: no fault, powered, idle, ready for `act` and `job`."""
        ...

    async def raise_fault(self, fault: str) -> None:
        """Raise one of FAULTS that applies."""
        ...

    async def clear_faults(self) -> None:
        """End all faults; the peer is reachable again (`connection_options` may have changed)."""
        ...

    async def witness(self) -> int:
        """How many actuating requests the peer has carried out so far; its own count.

        What only takes motion or energy away (a stop) does not count: it may come at any time.
        """
        ...

    async def vanish(self) -> None:
        """Let the peer die at once, as by a pulled plug; `prepare` brings it back where it was."""
        ...

    async def freeze(self, frozen: bool) -> None:
        """Stop the peer dead with its connections up (half-open), or let it go on."""
        ...
