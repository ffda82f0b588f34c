"""All cells of a bench: several peers kept warm, the faults dealt out among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from equipment_drivers.conformance.bench import FAULTS, Bench
from tests.matrix.cells import BY_NAME, Cell, play
from tests.matrix.phases import PHASES
from tests.matrix.place import BY, PATIENCE_S, Place, patient_door
from tests.sims.sim import running

LANES = 8
FEWER_LANES = {"opcua": 4, "opcua_robot": 4}
"""By bench, where a wire costs much computing: more at once would only starve each other."""
TOKEN = "sim-token"

BenchType = Callable[[], Bench]
Cells = dict[tuple[str, str], Cell]


async def play_bench(bench: BenchType, folder: Path, seed: int) -> Cells:
    """Every cell of a bench by fault and phase, those that do not apply with their reason."""
    patient_door()
    first = bench()
    lanes = FEWER_LANES.get(first.id, LANES)
    cells = {
        (fault, phase.name): Cell(first.id, fault, phase.name, seed, _why_not(first, fault))
        for fault in FAULTS
        for phase in PHASES
    }
    faults = [one for one in FAULTS if not _why_not(first, one)]
    peers = [first, *(bench() for _ in faults[1:lanes])]
    turn = asyncio.Lock()
    async with neighbours_hub(folder) as hub, asyncio.TaskGroup() as group:
        for number, peer in enumerate(peers[: len(faults)]):
            place = Place(peer, f"{number}", folder / f"lane{number}", hub)
            own = [cells[fault, one.name] for fault in faults[number::lanes] for one in PHASES]
            group.create_task(_lane(place, own, seed, turn))
    return cells


async def _lane(place: Place, cells: list[Cell], seed: int, turn: asyncio.Lock) -> None:
    """One peer and one floor, kept warm for one cell after the other.

    Lanes are set up one after the other: all at once they would starve each other's clean first
    act. Where one cannot be set up, every cell of it fails and says so.
    """
    try:
        async with AsyncExitStack() as lasting:
            async with turn:
                await place.bench.open(place.home, seed)
                await place.bench.prepare()
                await lasting.enter_async_context(place.opened())
                per_act = await _measured(place)
            for cell in cells:
                cell.why = BY_NAME[cell.phase].needs(place.bench)
                if not cell.why:
                    await play(place, cell, per_act)
    except Exception as error:  # noqa: BLE001 - told as the failure of the cells it costs
        for cell in cells:
            cell.problems.append(f"the lane broke: {type(error).__name__}: {error}")
    finally:
        await place.bench.close()


async def _measured(place: Place) -> int:
    """How many requests the peer counts for one `act` when nothing is wrong."""
    if place.bench.act is None:
        return 0
    act = place.bench.act
    async with place.begun():
        await place.online()
        await place.arm()
        before = await place.bench.witness()
        row = await place.floor.coordinator.command(
            place.device, act.verb, act.args, by=BY, lease=place.lease
        )
        counted = await place.bench.witness() - before
    assert row.state == "done", f"{place.bench.id}: a clean {act.verb} ended {row.state}"
    assert counted > 0, f"{place.bench.id}: its witness does not see {act.verb}"
    return counted


def _why_not(bench: Bench, fault: str) -> str:
    how = bench.faults.get(fault, "the bench says nothing about it")
    return how if isinstance(how, str) else ""


@asynccontextmanager
async def neighbours_hub(folder: Path) -> AsyncIterator[Mapping[str, object]]:
    """The machine next to it: a hub with a thermometer, on its own wire."""
    home = folder / "hub"
    home.mkdir(parents=True)
    token = home / "token"
    token.write_text(TOKEN, encoding="ascii")
    async with running("home_assistant_hub", home, "--interval", "1", id="hub") as hub:
        yield {
            "url": hub.endpoint,
            "token_file": str(token),
            "poll_s": 0.5,
            "timeout_s": PATIENCE_S,
        }


def table(cells: Sequence[Cell]) -> str:
    """Rows bench × fault, columns phases; then every failure, and why rows do not apply."""
    by_row: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        by_row.setdefault((cell.bench, cell.fault), {})[cell.phase] = cell.mark
    columns = [phase.name for phase in PHASES]
    width = max((len(f"{bench} {fault}") for bench, fault in by_row), default=10) + 2
    lines = [" " * width + " ".join(f"{name:^10}" for name in columns)]
    for (bench, fault), marks in by_row.items():
        row = " ".join(f"{marks.get(name, ' '):^10}" for name in columns)
        lines.append(f"{bench + ' ' + fault:<{width}}{row}".rstrip())
    lines += ["", *(str(cell) for cell in cells if cell.mark == "✗")]
    lines += _reasons(cells)
    return "\n".join(lines)


def count(cells: Sequence[Cell]) -> str:
    """The last line of the matrix."""
    marks = [cell.mark for cell in cells]
    passed, failed, na = (marks.count(mark) for mark in "✓✗–")
    return f"cells {len(marks)} passed {passed} failed {failed} n/a {na}"


def _reasons(cells: Sequence[Cell]) -> list[str]:
    """Each reason once, with the faults or phases it is given for."""
    given: dict[tuple[str, str], set[str]] = {}
    for cell in cells:
        if cell.why:
            given.setdefault((cell.bench, cell.why), set()).add(f"{cell.fault} × {cell.phase}")
    phases = len(PHASES)
    lines = []
    for (bench, why), places in sorted(given.items()):
        faults = sorted({one.partition(" × ")[0] for one in places})
        only = sorted({one.partition(" × ")[2] for one in places})
        where = ", ".join(faults if len(only) == phases else only)
        lines.append(f"– {bench}: {where}: {why}")
    return lines
