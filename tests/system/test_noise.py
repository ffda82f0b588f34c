"""A print over a noisy serial line: every line once and in order, by the printer's own word."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from equipment_drivers import gcode
from equipment_drivers.contract import CommandContext, DeviceConfig
from equipment_drivers.devices.marlin import MarlinPrinter
from equipment_drivers.devices.marlin_spec import MarlinOptions, PrinterOptions
from equipment_drivers.lifecycle import Connection
from equipment_drivers.model import Fact, Link, LinkChanged
from hardware_sim.clock import SimClock
from lab_controller.clock import LabClock
from tests.sims.sim import Sim
from tests.sims.sim import running as simulator

SLICED = Path(__file__).parents[2] / "examples" / "gcode" / "jig_clip_020.gcode"
HEAD, TAIL = 600, 25
"""Lines of the sliced file that are printed: its start with the heating, and its end."""

FACTOR = 600.0
NOISE = ("--fault", "noise_in:p=0.1", "--fault", "noise_out:p=0.1")
"""One byte of every tenth line is another one, each way."""
BUILDS = list(itertools.product(("always", "never", "sometimes"), ("resend", "silent")))
SEEDS = (3, 17, 29)
MORE_SEEDS = [pytest.param(seed, marks=pytest.mark.soak) for seed in range(100, 147)]
"""Fifty in all."""
OURS = {"M105", "M110", "M113", "M114", "M115", "M155", "M27", "M400"}
"""The driver's own questions; no line of the job is one of them."""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A short print, really sliced: its beginning, some layers, its end."""
    whole = SLICED.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "short.gcode"
    path.write_text("\n".join(whole[:HEAD] + whole[-TAIL:]) + "\n", encoding="utf-8")
    return path


@asynccontextmanager
async def connected(
    sim: Sim, clock: LabClock, told: list[LinkChanged]
) -> AsyncIterator[Connection]:
    """The printer's driver as the controller runs it, by its lifecycle."""
    links: asyncio.Queue[Link] = asyncio.Queue()

    def emit(fact: Fact) -> None:
        if isinstance(fact, LinkChanged):
            links.put_nowait(fact.link)
            told.append(fact)

    connection = Connection(
        "wire",
        MarlinPrinter,
        MarlinOptions(port=sim.endpoint, banner_s=0.05, settle_s=0.03, poll_s=0.2),
        [DeviceConfig("printer", "", PrinterOptions())],
        clock=clock,
        emit=emit,
    )
    life = asyncio.create_task(connection.run())
    try:
        async with asyncio.timeout(30):
            while await links.get() is not Link.ONLINE:
                pass
        yield connection
    finally:
        await connection.stop()
        await life


def commands(job: Path) -> list[str]:
    """What of the file is to be sent."""
    return gcode.lines(job.read_text(encoding="utf-8"))


async def print_in_noise(
    dir: Path, job: Path, after_resend: str, doubled: str, seed: int
) -> tuple[Sim, list[LinkChanged]]:
    """Print the job on one build of the firmware; the simulator with its truth, and the link."""
    told: list[LinkChanged] = []
    clock = SimClock.begin(factor=FACTOR)
    build = ("--ok-after-resend", after_resend, "--duplicates", doubled)
    async with simulator(
        "gcode_printer", dir, *build, *NOISE, id="p", clock=str(clock), seed=seed
    ) as sim:
        async with connected(sim, LabClock.parse(str(clock)), told) as connection:
            arguments = {"path": str(job), "name": job.name}
            async with asyncio.timeout(90):
                await connection.execute(
                    "printer", "print_file", arguments, CommandContext("print", 1)
                )
        return sim, told


@pytest.mark.timeout(110)
@pytest.mark.parametrize("seed", [*SEEDS, *MORE_SEEDS])
async def test_every_line_once_and_in_order(seed: int, job: Path, tmp_path: Path) -> None:
    """All builds of the firmware side by side, each with its own noise."""
    wanted = commands(job)
    assert not [line for line in wanted if line.split()[0] in OURS]
    prints = await asyncio.gather(
        *(
            print_in_noise(tmp_path / f"{number}", job, *build, seed + number)
            for number, build in enumerate(BUILDS)
        )
    )
    for build, (sim, told) in zip(BUILDS, prints, strict=True):
        executed = sim.truth("executed")
        printed = [row["text"] for row in executed if row["numbered"]]
        assert [line for line in printed if line.split()[0] not in OURS] == wanted, build
        assert [row["text"] for row in executed if not row["numbered"]] == [], build
        assert len(sim.truth("resend")) > 3, "there was no noise worth the name"
        noisy = [change for change in told if change.link is Link.DEGRADED]
        assert noisy[0].code == "driver.noisy_line", build
        assert Link.BACKOFF not in {change.link for change in told}, build
