"""Every cell of the fault matrix with one seed; with three by `make soak`."""

from __future__ import annotations

import asyncio

import pytest

from equipment_drivers.conformance.bench import FAULTS
from tests.matrix import benches
from tests.matrix.matrix import Cells, play_bench

SEED = 1
MORE_SEEDS = (2, 3, 4)
BENCHES = benches.found()


@pytest.fixture(scope="module")
def cells(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """All cells of one bench, played at once and only once."""
    name, seed = request.param
    folder = tmp_path_factory.mktemp(f"matrix-{name}")
    return asyncio.run(play_bench(BENCHES[name], folder, seed))


def problems(cells: Cells, fault: str) -> list[str]:
    return [str(cell) for (of, _), cell in cells.items() if of == fault and cell.problems]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cells", [(name, SEED) for name in BENCHES], indirect=True)
def test_every_phase_survives(cells: Cells, fault: str) -> None:
    assert problems(cells, fault) == []


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "cells", [(name, seed) for name in BENCHES for seed in MORE_SEEDS], indirect=True
)
def test_every_cell_survives_with_other_seeds(cells: Cells) -> None:
    assert [one for fault in FAULTS for one in problems(cells, fault)] == []
