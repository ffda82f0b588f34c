"""Investment sheets of trials, and the grant packs they are set against."""

from __future__ import annotations

from datetime import date

from lab_controller.floor import Floor
from trial_logs.dossier.grant_pack import Pack
from trial_logs.dossier.investment import read
from trial_logs.stores.investment_sheets import EnteredSheet, enter_sheet, newest_sheet


class Investments:
    """The money side of trials."""

    def __init__(self, floor: Floor, packs: tuple[Pack, ...]) -> None:
        self._clock, self._db, self._zone = floor.clock, floor.db, floor.settings.zone
        self.packs = packs

    @property
    def today(self) -> date:
        """The day packs are valid or not on, in the lab's zone."""
        return self._clock.now().astimezone(self._zone).date()

    async def enter(self, trial: str, table: object, *, by: str) -> EnteredSheet:
        """Keep a sheet; older ones stay. Raises Invalid with all problems, or Unknown."""
        sheet = read(table)
        now = self._clock.now()
        return await self._db.write(lambda db: enter_sheet(db, trial, sheet, by, now))

    async def sheet(self, trial: str) -> EnteredSheet:
        """The sheet that counts. Raises Unknown `sheet.none` where none was entered."""
        return await self._db.read(lambda db: newest_sheet(db, trial))
