"""What all tests share: no deadlines, loops of one thread, OPC UA nodes built once, lanes."""

from __future__ import annotations

import os
from asyncio import BaseEventLoop
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

import pytest
from hypothesis import settings

from hardware_sim.opcua_standard import KEPT

LANES = {
    "tests/system/": "whole labs",
    "tests/matrix/": "drivers",
    "tests/equipment_drivers/test_conformance.py": "drivers",
    "tests/equipment_drivers/test_write_a_driver.py": "drivers",
    "tests/tui/test_console.py": "console",
    "tests/portal/test_browser.py": "browser",
}
"""What takes long begins first; of each of these there is one at a time, on one worker, so that
machines with a sense of time do not starve each other. Every other file is a lane by itself."""


settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
"""A property is not wrong because the machine was busy: no test asserts a time."""


def lane(nodeid: str) -> str:
    """What this test must not run beside."""
    file = nodeid.partition("::")[0]
    return next((name for start, name in LANES.items() if file.startswith(start)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long lanes first; within them and after them the order stays as it was drawn."""
    order = {name: n for n, name in enumerate(dict.fromkeys(LANES.values()))}
    items.sort(key=lambda item: order.get(lane(item.nodeid), len(order)))


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
def loops_of_one_thread() -> Iterator[None]:
    """Every loop, of whatever test, refuses what its debug mode refuses, without its traces.

    Those cost the console's tests a third of their computing; `-o asyncio_debug=true` brings
    them back.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseEventLoop, "call_soon", _checked(0, BaseEventLoop.call_soon))
        patch.setattr(BaseEventLoop, "call_at", _checked(1, BaseEventLoop.call_at))
        yield


def _checked(place: int, method: Callable[..., Any]) -> Callable[..., Any]:
    """A way into the loop that is closed to other threads and to coroutines."""

    @wraps(method)
    def checked(loop: Any, *arguments: Any, **options: Any) -> Any:
        loop._check_thread()
        if iscoroutinefunction(arguments[place]):
            raise TypeError(f"coroutines cannot be used with {method.__name__}()")
        return method(loop, *arguments, **options)

    return checked


@pytest.fixture(scope="session", autouse=True)
def standard_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Simulated OPC UA machines, in whatever process, start from a file of this run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEPT, str(folder / "opcua.nodes"))
        yield
