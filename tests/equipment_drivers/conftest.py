"""A printer in the test's hand and what it prints; connections with a fake driver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest

from equipment_drivers.lifecycle import Limits
from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter
from tests.equipment_drivers.fakes import FakeOptions
from tests.equipment_drivers.lifecycle_bench import FAST, Bench
from tests.equipment_drivers.marlin_bench import JOB


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A file to print, on its path."""
    path = tmp_path / "jig.gcode"
    path.write_text("; a jig\n" + "\n".join(JOB) + "\n", encoding="utf-8")
    return path


@pytest.fixture
async def far() -> AsyncIterator[PtyPrinter]:
    """The far end of a pty with Marlin's rules behind it."""
    end = PtyPrinter(FakeFirmware("always", Random(1)))
    yield end
    end.unplug()


@pytest.fixture
async def benches() -> AsyncIterator[list[Bench]]:
    """Those a test made; they are ended at the end."""
    made: list[Bench] = []
    yield made
    for bench in made:
        await bench.connection.stop()
        if bench.life:
            await bench.life


@pytest.fixture
def make(benches: list[Bench]) -> Callable[..., Bench]:
    """Makes a connection with a fake driver."""

    def build(limits: Limits = FAST, options: FakeOptions | None = None) -> Bench:
        benches.append(Bench(limits, options))
        return benches[-1]

    return build
