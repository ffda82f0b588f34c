"""What we set going and nobody saw come to rest: after a loss it is stopped before all else."""

from __future__ import annotations

from equipment_drivers.contract import CommandSpec, Effect
from equipment_drivers.model import DeviceState, Operation

MOVING = frozenset({Operation.BUSY, Operation.STOPPING})
RESTING = frozenset({Operation.IDLE, Operation.READY})


class Unfinished:
    """Devices that move because we told them to, in this life of the wire and in the last one.

    A machine that somebody else started is not ours to stop after a mere loss of the wire.
    """

    def __init__(self) -> None:
        self._ours: set[str] = set()
        self._due: set[str] = set()

    def told(self, device: str, spec: CommandSpec) -> None:
        """A command went out that may have set the device going."""
        if spec.effect is Effect.ACTUATE and not spec.calms:
            self._ours.add(device)

    def seen(self, state: DeviceState) -> None:
        """The device came to rest by itself, with no command under way."""
        if state.operation in RESTING:
            self._ours.discard(state.device)

    def lost(self, moving: set[str]) -> None:
        """The wire is gone while these moved or were being told to."""
        self._due |= self._ours & moving
        self._ours.clear()

    @property
    def due(self) -> list[str]:
        """Devices to stop first thing, should they still move."""
        return sorted(self._due)

    def settled(self, but: set[str]) -> None:
        """They were read back, and stopped where they still moved – `but` these would not stop."""
        self._due &= but
