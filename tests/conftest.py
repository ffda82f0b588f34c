"""What all tests share: loops that belong to one thread, OPC UA's nodes, built once for all."""

from __future__ import annotations

import os
from asyncio import BaseEventLoop
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

import pytest

from hardware_sim.opcua_standard import KEPT


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
