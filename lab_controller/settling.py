"""Unknown outcomes and how they end: read back, looked at by a person, written down.

Nothing is replayed. An outcome nobody has looked into stays marked on the board, also over a
restart.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from equipment_drivers.errors import DriverError
from equipment_drivers.lifecycle import Connection
from lab_controller import ledger
from lab_controller.board import Board
from lab_controller.clock import LabClock
from lab_controller.coordinator import Coordinator
from lab_controller.database import Writer
from lab_controller.errors import LabError
from lab_controller.facts import Bus, CommandClosed
from lab_controller.ledger import LedgerRow, Settlement

log = logging.getLogger(__name__)


class NothingToSettle(LabError):
    """The command has an outcome: there is nothing to find out."""

    code = "lab.nothing_to_settle"


class Settling:
    """What people find out about commands whose outcome was lost."""

    def __init__(
        self,
        clock: LabClock,
        bus: Bus,
        board: Board,
        connections: Mapping[str, Connection],
        coordinator: Coordinator,
        lab_db: Writer,
    ) -> None:
        self._clock, self._bus, self._board, self._db = clock, bus, board, lab_db
        self._connections, self._coordinator = connections, coordinator

    async def mark_open(self) -> None:
        """At start: show on the board what an earlier life left unknown."""
        for device in self._board.views:
            await self._mark(device)

    async def settle(self, command: str, *, carried_out: bool, note: str, by: str) -> LedgerRow:
        """Read the device back, then write down what a person saw. Nothing is sent again.

        Raises UnknownCommand, NothingToSettle.
        """
        row = await self._coordinator.row(command)
        if row.state != "unknown":
            raise NothingToSettle(device=row.device, verb=row.verb, state=row.state)
        view = self._board.views.get(row.device)
        if view is not None and view.link.carries_commands:
            try:
                await self._connections[view.connection].resync()
            except DriverError as error:  # the person looked; the wire need not agree
                log.warning("%s could not be read back: %s", row.device, error)
        outcome = "carried_out" if carried_out else "not_carried_out"
        found = Settlement(outcome, by, self._clock.now(), note)
        await self._db.write(lambda db: ledger.settle(db, command, found))
        if view is not None:
            await self._mark(row.device)
        self._bus.tell(CommandClosed(row.device, command, row.verb, row.state, row.code))
        return await self._coordinator.row(command)

    async def _mark(self, device: str) -> None:
        still_open = await self._db.read(lambda db: ledger.unsettled(db, device))
        self._board[device].outcome_unknown = still_open[-1] if still_open else ""
