"""One cell: come to the phase, raise the fault, see what is shown, end it, see who moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from equipment_drivers.errors import DriverError
from equipment_drivers.model import Link
from tests.matrix.phases import PHASES, Phase
from tests.matrix.place import LIMITS, Place
from tests.matrix.rules import Judge

TERMINAL = (Link.CONFIG_ERROR, Link.AUTH_ERROR, Link.IDENTITY_ERROR)
GRACE_S = 0.5  # beyond the silence a driver allows its peer
HARMLESS = "harmless"
BY_NAME = {phase.name: phase for phase in PHASES}


@dataclass(slots=True)
class Cell:
    """What became of one cell: `problems` empty means passed; `why` says why it does not apply."""

    bench: str
    fault: str
    phase: str
    seed: int
    why: str = ""
    shown: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """✓ passed, ✗ failed, – does not apply."""
        if self.why:
            return "–"
        return "✗" if self.problems else "✓"

    def __str__(self) -> str:
        told = self.why or "; ".join(self.problems) or "passed"
        shown = f" [{self.shown}]" if self.shown else ""
        return f"{self.bench} × {self.fault} × {self.phase} (seed {self.seed}){shown}: {told}"


async def play(place: Place, cell: Cell, per_act: int) -> None:
    """One cell from beginning to end; a mistake on its way fails this cell and no other."""
    try:
        await place.bench.prepare()
        async with place.begun():
            await _play(place, cell, BY_NAME[cell.phase], per_act)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told as this cell's failure
        cell.problems.append(f"{type(error).__name__}: {error}")


async def _play(place: Place, cell: Cell, phase: Phase, per_act: int) -> None:
    judge = Judge(place, cell.fault, phase, per_act, cell.problems)
    came = await phase.before(place)
    judge.phase_reached(await place.bench.witness())
    await place.bench.raise_fault(cell.fault)
    judge.fault_raised()
    outcome = await phase.during(place)
    shown = await _how_it_shows(place, judge, phase)
    cell.shown = " → ".join(filter(None, (came, outcome, shown)))
    judge.while_on(outcome, await place.bench.witness())
    await place.bench.clear_faults()
    done = await place.bench.witness()
    if not phase.ends:
        await _come_back(place, judge, phase)
        done = done if phase.stops else await place.bench.witness()
    judge.afterwards(outcome, done, await place.gaps())


async def _how_it_shows(place: Place, judge: Judge, phase: Phase) -> str:
    """Within one silence: the device's word, or `harmless` where true values still come."""
    if phase.ends:
        return str(place.view.link)
    patience = place.connection.driver.max_silence_s + GRACE_S
    if phase.name == "connect":
        patience += LIMITS.attempt_s
    await place.until(lambda: judge.is_shown() or judge.is_fresh(), patience)
    if not judge.is_shown() and not judge.is_fresh() and not phase.busy:
        try:
            await place.connection.resync()
        except DriverError as error:
            await place.until(judge.is_shown, patience)
            if not judge.is_shown():
                judge.fails(f"shown as {place.view.link} although it does not answer ({error})")
    if place.view.link not in TERMINAL:
        await place.until(judge.tried_again, patience)  # and what it shows is told only once
    return judge.shown_as() if judge.is_shown() else HARMLESS


async def _come_back(place: Place, judge: Judge, phase: Phase) -> None:
    """The link comes back by itself; who must set it right, or set a stopped machine going, is
    played here. Two read-backs more give a command that waits somewhere the chance to show itself.
    """
    if phase.stops:
        await place.bench.prepare()
    if phase.stops or place.view.link in TERMINAL:
        place.connection.reconnect_now()
    if not await place.until(lambda: place.view.link.carries_commands):
        judge.fails(f"did not come back: {place.view.link} {place.view.link_code}")
        return
    for _ in range(0 if phase.busy and not judge.is_shown() else 2):
        judge.returned(await place.bench.witness())
        try:
            await place.connection.resync()
        except DriverError:  # what the fault left on its way was seen only now
            if not await place.until(lambda: place.view.link.carries_commands):
                judge.fails(f"lost again: {place.view.link} {place.view.link_code}")
