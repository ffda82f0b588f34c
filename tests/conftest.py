"""What all tests share: no deadlines, OPC UA nodes built once, lanes."""

from __future__ import annotations

import os
import traceback
from asyncio import constants
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from hardware_sim.opcua_standard import KEPT

LANES = {
    "tests/system/": "whole labs",
    "tests/matrix/": "drivers",
    "tests/equipment_drivers/test_conformance.py": "drivers",
    "tests/equipment_drivers/test_write_a_driver.py": "drivers",
    "tests/portal/test_browser.py": "browser",
}
"""What takes long begins first; of each of these there is one at a time, on one worker, so that
machines with a sense of time do not starve each other. Every other file is a lane by itself."""


HEAVY = (
    "tests/tui/",
    "tests/portal/",
    "tests/equipment_drivers/test_opcua",
    "tests/equipment_drivers/test_ur",
    "tests/lab_controller/stopper_process/",
    "tests/lab_controller/test_cli",
    "tests/booking/test_booking_model",
)
"""Files of these may take ten seconds and more. They come before the light ones, so that at the
end no worker goes on alone for long."""


constants.DEBUG_STACK_DEPTH = 1
traceback.extract_stack.__defaults__ = (None, 3)
"""Loops run in debug mode, but note one line of where each callback was made, not ten. Futures
and tasks are made in C and know no depth: they took the whole stack, pytest's half of it too.
Three lines are the one that made it and asyncio's own two."""

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
"""A property is not wrong because the machine was busy: no test asserts a time."""


def lane(nodeid: str) -> str:
    """What this test must not run beside."""
    file = nodeid.partition("::")[0]
    return next((name for start, name in LANES.items() if file.startswith(start)), file)


def folder(item: pytest.Item) -> str:
    """Where an item of a long lane lies; of the others nothing, to leave them as they are."""
    file = item.nodeid.partition("::")[0]
    return "" if lane(item.nodeid) == file else file.rpartition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long lanes first, folder by folder: what these share is not up longer than it is used.

    Then the heavy files, then the light ones; else the order stays as it was drawn.
    """
    order = {name: n for n, name in enumerate(dict.fromkeys(LANES.values()))}

    def turn(item: pytest.Item) -> tuple[int, str]:
        light = not item.nodeid.startswith(HEAVY)
        return order.get(lane(item.nodeid), len(order) + light), folder(item)

    items.sort(key=turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile` deals out lanes instead of files, in their order and not by their size."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Lanes(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return lane(nodeid)

    config.option.loadscopereorder = False
    return Lanes(config, log)


@pytest.fixture(scope="session", autouse=True)
def standard_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Simulated OPC UA machines, in whatever process, start from a file of this run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEPT, str(folder / "opcua.nodes"))
        yield
