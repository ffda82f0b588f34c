"""What all tests share: the nodes of the OPC UA standard, built once for all simulators."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hardware_sim.opcua_standard import KEPT


@pytest.fixture(scope="session", autouse=True)
def standard_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Simulated OPC UA machines, in whatever process, start from a file of this run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEPT, str(folder / "opcua.nodes"))
        yield
