"""What happened in the lab, in the past tense, and the one place it is told from.

Drivers' own facts (`equipment_drivers.model.Fact`) travel through the same bus.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from equipment_drivers.model import Fact

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """A booking was made or moved to another state."""

    booking: str
    state: str


@dataclass(frozen=True, slots=True)
class LeaseChanged:
    """Equipment was armed (`armed`) or disarmed."""

    equipment: str
    booking: str
    armed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunChanged:
    """A run was planned, moved to another state, or got a part, a measurement or a note."""

    trial: str
    run: str
    state: str


@dataclass(frozen=True, slots=True)
class CommandClosed:
    """A command got its end in the ledger."""

    device: str
    command: str
    verb: str
    state: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class LatchChanged:
    """The stopper's latch fell, grew or was reset."""

    latched: bool
    scopes: tuple[str, ...]
    by: str
    reason: str


LabFact = BookingChanged | LeaseChanged | RunChanged | CommandClosed | LatchChanged
Told = Fact | LabFact
Listener = Callable[[Told], None]


class Bus:
    """Tells every listener, in order, on the loop; listeners note and never wait."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the answer takes it away again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, fact: Told) -> None:
        """Tell all; a listener that fails is logged and does not keep the others from hearing."""
        for listener in list(self._listeners):
            try:
                listener(fact)
            except Exception:
                log.exception("a listener failed on %s", type(fact).__name__)
